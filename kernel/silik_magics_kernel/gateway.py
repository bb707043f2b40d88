"""Connect mode: passes a front-end's messages on to a kernel, and all that it answers back.

Messages go both ways with their own header, parent, metadata, content bytes and buffers; only the
signature is made anew. So the kernel's answers name the front-end's own requests, and nothing
here needs to know what a message means, but for these: the end of an execution that failed (what
waits behind it is aborted), comms (to find their kernel again), and questions to the user.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from silik_magics.errors import SilikError
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import COMM_TYPES, Message

logger = logging.getLogger(__name__)

Send = Callable[[str, Message, list[bytes]], None]
Failed = Callable[[Message, list[bytes], Kernel, SilikError, bool], None]


class Gateway:
    """The requests that were passed on, and the way back.

    Args:
        send: sends a message to the front-end: (channel, message, the front-end's identities).
        failed: answers a request whose kernel died; told whether it was replied to already.
        aborted: called when an execution failed and what waits behind it must not run.

    Attributes:
        asking: the kernel that asked the user last and waits for the answer.
    """

    def __init__(self, send: Send, failed: Failed, aborted: Callable[[], None]) -> None:
        self.asking: Kernel | None = None
        self._send = send
        self._failed = failed
        self._aborted = aborted
        self._executions: dict[asyncio.Task[None], Kernel] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._comms: dict[str, tuple[Kernel, str]] = {}

    # Requests

    def forward(self, request: Message, identities: list[bytes], kernel: Kernel) -> None:
        """Pass a request on, behind those that were passed on before."""
        task = asyncio.ensure_future(self._forward(request, identities, kernel))
        # What a subshell runs is beside the cells, and keeps none of them waiting.
        if request.msg_type == "execute_request" and not request.header.get("subshell_id"):
            self._executions[task] = kernel
            task.add_done_callback(self._executions.pop)
        else:
            self._others.add(task)
            task.add_done_callback(self._others.discard)

    @property
    def running(self) -> set[Kernel]:
        """The kernels that execute what was passed on."""
        return set(self._executions.values())

    async def settled(self) -> None:
        """Wait until all cells that were passed on are over."""
        while self._executions:
            await asyncio.wait(list(self._executions))

    async def _forward(self, request: Message, identities: list[bytes], kernel: Kernel) -> None:
        stops = request.msg_type == "execute_request" and request.content.get("stop_on_error", True)
        replied = False

        def relay(answer: Message) -> None:
            nonlocal replied
            if answer.channel == "iopub":
                self.publish(answer, kernel)
                return
            if answer.channel == "stdin":
                self.asking = kernel
            else:
                replied = True
                if stops and answer.content.get("status") != "ok":
                    self._aborted()
            self._send(answer.channel, answer, identities)

        try:
            await kernel.forward(request, relay)
        except SilikError as error:
            self._failed(request, identities, kernel, error, replied)

    def reply(self, answer: Message) -> bool:
        """Pass the user's answer on to the kernel that asked; say whether there is one."""
        kernel, self.asking = self.asking, None
        if kernel is None or kernel.death is not None:
            return False
        kernel.connection.answer(answer)
        return True

    # Outputs

    def publish(self, message: Message, kernel: Kernel) -> None:
        """Pass an output on, or the state of a request."""
        if message.msg_type in COMM_TYPES:
            self.seen(message, kernel)
        seconds = kernel.output_after_idle
        if (
            seconds
            and message.msg_type == "status"
            and message.content["execution_state"] == "idle"
        ):
            # Nothing may come behind `idle`, but this kernel has more to say.
            asyncio.get_running_loop().call_later(seconds, self._send, "iopub", message, [])
        else:
            self._send("iopub", message, [])

    def publish_foreign(self, message: Message, kernel: Kernel) -> None:
        """Pass on what answers nobody's request, such as a comm message of a thread."""
        if message.msg_type != "status":
            self.publish(message, kernel)

    # Comms

    def seen(self, message: Message, kernel: Kernel) -> None:
        """Take note of a comm message of a kernel, or of the front-end to a kernel."""
        comm_id = str(message.content.get("comm_id", ""))
        if message.msg_type == "comm_open":
            self._comms[comm_id] = kernel, str(message.content.get("target_name", ""))
        elif message.msg_type == "comm_close":
            self._comms.pop(comm_id, None)

    def owner(self, message: Message) -> Kernel | None:
        """Return the kernel that a front-end's comm message is for, if its comm is known."""
        return self._comms.get(str(message.content.get("comm_id", "")), (None, ""))[0]

    def targets(self, target_name: str | None) -> dict[str, dict[str, Any]]:
        """Return the `comms` of a comm_info_reply."""
        return {
            comm_id: {"target_name": target}
            for comm_id, (_, target) in self._comms.items()
            if target_name in (None, target)
        }

    def closed(self, kernel: Kernel) -> list[str]:
        """Forget the comms of a kernel that is gone, and return their ids."""
        gone = [comm_id for comm_id, (owner, _) in self._comms.items() if owner is kernel]
        for comm_id in gone:
            del self._comms[comm_id]
        return gone
