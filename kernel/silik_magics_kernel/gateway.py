"""Connect mode: passes a front-end's messages on to a kernel, and all that it answers back.

Messages go both ways with their own header, parent, metadata, content bytes and buffers; only the
signature is made anew. So the kernel's answers name the front-end's own requests, and nothing
here needs to know what a message means, but for these: the end of a request, and whether it
failed (what waits behind it is aborted), comms (to find their kernel again), and questions to the
user.

What the front-end does not read yet waits in a spool, and the reply to a cell waits behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from silik_magics.display.backlog import Backlog
from silik_magics.display.flow import Flow
from silik_magics.errors import SilikError
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import COMM_TYPES, Message

logger = logging.getLogger(__name__)

# A kernel that is idle again replies in a moment, or never: ipykernel may be interrupted, or fail,
# where it does not. A reply that comes later still is passed on.
REPLY_SECONDS = 1.0

Send = Callable[[str, Message, list[bytes]], None]


@dataclass
class Passed:
    """A request that was passed on, and what of its answer has come.

    Attributes:
        state: what the kernel said last that it is because of it: `busy`, `idle` or nothing yet.
        is_over: whether the kernel has done its part; the front-end may not have read it all.
        kept: replies that wait until the front-end has read what came before them.
    """

    message: Message
    identities: list[bytes]
    kernel: Kernel
    replied: bool = False
    state: str = ""
    is_over: bool = False
    kept: list[Message] = field(default_factory=list)
    end: Callable[[], object] = lambda: None

    @property
    def is_cell(self) -> bool:
        """Whether it is a cell, for which other cells wait; not so if it is for a subshell."""
        message = self.message
        return message.msg_type == "execute_request" and not message.header.get("subshell_id")

    @property
    def is_comm(self) -> bool:
        """Whether it is a message of a comm, which is answered by `idle` alone, if at all."""
        return self.message.msg_type in COMM_TYPES

    @property
    def stops(self) -> bool:
        """Whether what waits behind it is aborted when it fails."""
        content = self.message.content
        silent = content.get("silent", False)
        return self.is_cell and content.get("stop_on_error", True) and not silent


Failed = Callable[[Passed, SilikError], None]


class Gateway:
    """The requests that were passed on, and the way back.

    Args:
        send: sends a message to the front-end: (channel, message, the front-end's identities).
        failed: completes the answer to a request whose kernel died.
        aborted: called when an execution failed and what waits behind it must not run.
        backlog: tells how much the front-ends have not read.

    Attributes:
        asking: the kernel that asked the user last and waits for the answer.
    """

    def __init__(
        self, send: Send, failed: Failed, aborted: Callable[[], None], backlog: Backlog
    ) -> None:
        self.asking: Kernel | None = None
        self._send = send
        self._failed = failed
        self._aborted = aborted
        self._flow: Flow[Message] = Flow(lambda message: send("iopub", message, []), backlog)
        self._passed: dict[asyncio.Task[None], Passed] = {}
        self._comms: dict[str, tuple[Kernel, str]] = {}

    # Requests

    def forward(self, request: Message, identities: list[bytes], kernel: Kernel) -> None:
        """Pass a request on, behind those that were passed on before."""
        passed = Passed(request, identities, kernel)
        task = asyncio.ensure_future(self._forward(passed))
        passed.end = task.cancel
        self._passed[task] = passed
        task.add_done_callback(self._passed.pop)

    @property
    def running(self) -> set[Kernel]:
        """The kernels that have something to do for the front-end: a cell, a comm, a question."""
        return {passed.kernel for passed in self._passed.values() if not passed.is_over}

    async def settled(self) -> None:
        """Wait until all cells that were passed on are over."""
        while cells := [task for task, passed in self._passed.items() if passed.is_cell]:
            await asyncio.wait(cells)

    async def _forward(self, passed: Passed) -> None:
        failure: SilikError | None = None
        try:
            await passed.kernel.forward(passed.message, lambda answer: self._relay(answer, passed))
        except SilikError as error:
            failure = error
        finally:
            passed.is_over = True
        await self._flow.drained()
        for answer in passed.kept:
            self._send(answer.channel, answer, passed.identities)
        if failure is not None:
            self._failed(passed, failure)

    def _relay(self, answer: Message, passed: Passed) -> None:
        if answer.channel == "iopub":
            if answer.msg_type == "status":
                passed.state = answer.content["execution_state"]
                if passed.state == "idle":
                    asyncio.get_running_loop().call_later(REPLY_SECONDS, self._end, passed)
                    self._end_before(passed)
            self.publish(answer, passed.kernel)
            return
        if answer.channel == "stdin":
            self.asking = passed.kernel
        else:
            passed.replied = True
            if passed.stops and answer.content.get("status") != "ok":
                self._aborted()
            if self._flow.is_waiting:
                passed.kept.append(answer)
                return
        self._send(answer.channel, answer, passed.identities)

    def _end(self, passed: Passed) -> None:
        """Wait no longer for a reply of the kernel, unless only the front-end is behind."""
        if not passed.is_over:
            passed.end()

    def _end_before(self, idle: Passed) -> None:
        """End the comm messages whose turn was before that of a request which is over.

        ipykernel says nothing of a comm message that it gives to a cell that waits for it.
        """
        for passed in list(self._passed.values()):
            if passed is idle:
                return
            if passed.is_comm and not passed.state and passed.kernel is idle.kernel:
                self._end(passed)

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
        self._flow.put(message)

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
