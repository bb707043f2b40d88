"""A client that is ready gets all that its kernel says."""

from __future__ import annotations

import asyncio
import time

from jupyter_client.manager import AsyncKernelManager

from silik_magics.kernels.readiness import connect


def test_a_reply_is_not_lost_when_something_is_sent_as_it_comes() -> None:
    asyncio.run(_send_as_replies_come())


async def _send_as_replies_come() -> None:
    manager = AsyncKernelManager(kernel_name="python3")
    await manager.start_kernel()
    client = manager.client()
    try:
        await connect(client, 60)
        channel = client.shell_channel
        last = client.kernel_info()  # what comes behind its reply answers nothing from before
        while (await channel.get_msg(timeout=5))["parent_header"]["msg_id"] != last:
            pass
        for _ in range(3):
            awaited = asyncio.ensure_future(channel.get_msg())
            await asyncio.sleep(0.1)
            request = client.execute("6 * 7")
            _look_away()
            channel.send(client.session.msg("comm_msg", {"comm_id": "of nobody", "data": {}}))
            reply = await asyncio.wait_for(awaited, 5)
            assert reply["parent_header"]["msg_id"] == request
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


def _look_away() -> None:
    """Keep the loop from seeing that the reply comes."""
    time.sleep(0.5)
