"""Asks a kernel's heartbeat port whether it answers; on demand, and nothing is kept open."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import zmq
from zmq.asyncio import Context

from silik_magics.kernels.channels import connect

SECONDS = 1.0  # a kernel on this machine answers in one or two milliseconds, unless it is busy
PING = [b"", b"ping"]  # the empty frame is for kernels that have a REP socket there


class Heartbeat:
    """The heartbeat of one kernel since it started.

    Args:
        context: the zmq context that all connections share.
        info: the connection file's fields.
    """

    def __init__(self, context: zmq.Context, info: dict[str, Any]) -> None:
        self._context = context
        self._info = info
        self._was_heard = False
        self._has_none = not info.get("hb_port")

    async def is_lost(self) -> bool:
        """Say whether it does not answer within a moment.

        A kernel that never listened there has no heartbeat to lose; it is not asked again.
        """
        if self._has_none:
            return False
        heard = await ping(self._context, self._info)
        self._was_heard = self._was_heard or bool(heard)
        self._has_none = heard is None and not self._was_heard
        return not heard and not self._has_none


async def ping(context: zmq.Context, info: dict[str, Any], seconds: float = SECONDS) -> bool | None:
    """Say whether a kernel's heartbeat port echoes; None when nobody listens there.

    Args:
        context: the zmq context.
        info: the connection file's fields.
        seconds: within which it has to.
    """
    heard: bool | None = None
    info = {**info, "identity": uuid.uuid4().bytes}
    socket: Any = connect(Context.shadow(context.underlying), "hb", info)
    try:
        async with asyncio.timeout(seconds):
            await socket.send_multipart(PING)  # leaves when the connection stands
            heard = False
            await socket.recv_multipart()
            heard = True
    except TimeoutError:
        pass
    finally:
        socket.close(linger=0)
    return heard
