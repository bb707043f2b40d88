"""The front desk: takes a front-end's requests in order, answers them or passes them on.

In command mode a request is answered here, by the shell. In connect mode it goes to the connected
kernel through the gateway, unless it is a cell that is ours (`/cmd`, `%%silik`). A request that
is answered here waits until all cells that were passed on before it are over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from ipykernel.kernelbase import Kernel as BaseKernel
from jupyter_client.session import Session
from tornado.ioloop import IOLoop
from traitlets import Any as AnyTrait
from zmq.eventloop.zmqstream import ZMQStream

from silik_magics.display.backlog import Backlog
from silik_magics.errors import CommandError, SilikError
from silik_magics.kernels.frames import read
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.kernels.messages import COMM_TYPES, Message
from silik_magics.shell import Shell
from silik_magics_kernel.cell import Cell
from silik_magics_kernel.demands import lacks
from silik_magics_kernel.gateway import Gateway, Passed

logger = logging.getLogger(__name__)

# What a front-end asks while the user types: never kept waiting by a cell that runs.
QUESTIONS = frozenset(
    {
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "history_request",
        "kernel_info_request",
        "comm_info_request",
    }
)
# What is about this process, whatever the mode.
OWN = frozenset({"connect_request", "shutdown_request", "interrupt_request"})


@dataclass
class Request:
    """A front-end's message on the shell channel or on control."""

    message: Message
    identities: list[bytes]
    aborted: bool = False

    def parent(self) -> dict[str, Any]:
        """Return it in the form that ipykernel and jupyter_client use."""
        message = self.message
        return {
            "header": message.header,
            "msg_id": message.header["msg_id"],
            "msg_type": message.msg_type,
            "parent_header": message.parent_header,
            "metadata": message.metadata,
            "content": message.content,
            "buffers": list(message.buffers),
        }


class Desk(BaseKernel):
    """Takes requests, and sends messages; what is answered here is declared by the subclass."""

    stdin_stream = AnyTrait()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.silik = Shell(SilikKernelManager(parent=self.parent))
        self.backlog = Backlog(self.iopub_thread, cast("Any", self.parent).iopub_port)
        self.gateway = Gateway(self._send, self._failed, self._abort_waiting, self.backlog)
        self._waiting: deque[Request] = deque()
        self._answering = False
        self.cell: Cell | None = None
        self._known: set[Kernel] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    # Taking requests

    def start(self) -> None:
        """Begin to serve."""
        self.io_loop = IOLoop.current()
        for channel, stream in self.streams.items():
            stream.on_recv(partial(self._received, channel))
        self._publish_status("starting", "shell")

    @property
    def wire(self) -> Session:
        """What signs and verifies messages."""
        return cast("Session", self.session)

    @property
    def streams(self) -> dict[str, ZMQStream]:
        """The channels on which requests come."""
        streams = (self.shell_stream, self.control_stream, self.stdin_stream)
        return dict(zip(("shell", "control", "stdin"), streams, strict=True))  # type: ignore[arg-type]

    def _received(self, channel: str, frames: list[bytes]) -> None:
        found = read(self.wire, channel, frames)
        if found is None:
            return
        request = Request(found[1], found[0])
        if channel == "stdin":
            self.take_answer(request.message)
        elif channel == "control":
            self._take_control(request)
        else:
            self._take(request)

    def _take_control(self, request: Request) -> None:
        kernel = self.connected
        if kernel is None or request.message.msg_type in OWN:
            self.spawn(self._answer(request))
        else:
            self._pass_on(request, kernel)

    def _take(self, request: Request) -> None:
        message = request.message
        kernel = self.connected
        if message.msg_type in COMM_TYPES:
            owner = self.gateway.owner(message) or kernel
            if owner is not None and owner.death is None:
                self.gateway.seen(message, owner)
                self._pass_on(request, owner)
            else:
                self.spawn(self._answer(request))
        elif kernel is not None and message.header.get("subshell_id"):
            self._pass_on(request, kernel)
        elif self.cell is not None and message.msg_type in QUESTIONS:
            self.spawn(self._answer(request))
        else:
            self._waiting.append(request)
            self._go_on()

    def _go_on(self) -> None:
        """Take care of the requests that wait, as far as none of them must be waited for."""
        while self._waiting and not self._answering:
            request = self._waiting[0]
            kernel = self.connected
            if kernel is not None and not request.aborted and self._is_for_kernel(request.message):
                self._pass_on(self._waiting.popleft(), kernel)
            else:
                self._answering = True
                self.spawn(self._answer_alone())

    async def _answer_alone(self) -> None:
        try:
            await self.gateway.settled()
            # Until now the request was in the queue: a cell before it may have aborted it.
            await self._answer(self._waiting.popleft())
        finally:
            self._answering = False
            self._go_on()

    @property
    def connected(self) -> Kernel | None:
        """The kernel of connect mode, while it lives."""
        leaf = self.silik.state.connected
        kernel = leaf.kernel if leaf is not None else None
        return kernel if kernel is not None and kernel.death is None else None

    def _is_for_kernel(self, message: Message) -> bool:
        if message.msg_type in OWN:
            return False
        code = message.content.get("code")
        return not isinstance(code, str) or self.silik.is_code(code)

    def _pass_on(self, request: Request, kernel: Kernel) -> None:
        self.know(kernel)
        self.gateway.forward(request.message, request.identities, kernel)

    def know(self, kernel: Kernel) -> None:
        """Listen to what a kernel says unasked, and for its end."""
        if kernel not in self._known:
            self._known.add(kernel)
            kernel.on_foreign = lambda message: self._foreign(message, kernel)
            kernel.on_change.append(self._changed)

    def _foreign(self, message: Message, kernel: Kernel) -> None:
        if self.connected is kernel:
            self.gateway.publish_foreign(message, kernel)

    def _changed(self, kernel: Kernel) -> None:
        for comm_id in self.gateway.closed(kernel):
            self.publish("comm_close", {"comm_id": comm_id, "data": {}}, {})

    # Answering

    async def _answer(self, request: Request) -> None:
        message, parent = request.message, request.parent()
        channel, stream = message.channel, self.streams[message.channel]
        self.set_parent(request.identities, parent, channel=channel)
        self._publish_status("busy", channel, parent)
        if request.aborted:
            self._send_abort_reply(stream, parent, request.identities)
        else:
            await self._handle(stream, request, parent)
        self._publish_status_and_flush("idle", channel, stream, parent)

    async def _handle(self, stream: ZMQStream, request: Request, parent: dict[str, Any]) -> None:
        message = request.message
        handlers = self.control_handlers if message.channel == "control" else self.shell_handlers
        handler = handlers.get(message.msg_type)
        if handler is None:
            logger.warning("no answer to %s on %s", message.msg_type, message.channel)
            return
        if why := lacks(message):
            told = CommandError(f"{message.msg_type}: {why}", "this is a defect of the front-end.")
            if message.msg_type not in COMM_TYPES:
                self._reply_error(message, request.identities, told)
            return
        try:
            await handler(stream, request.identities, parent)
        except Exception as error:  # a front-end waits for ever for a reply that does not come
            logger.exception("while answering %s", message.msg_type)
            told = SilikError(f"{type(error).__name__}: {error}", "this is a defect of silik.")
            self._reply_error(request.message, request.identities, told)

    def _reply_error(self, request: Message, identities: list[bytes], error: SilikError) -> None:
        self.wire.send(
            self.streams[request.channel],
            request.msg_type.replace("_request", "_reply"),
            {"status": "error", "execution_count": self.execution_count, **error.content()},
            parent={"header": request.header},
            ident=identities,
        )

    def publish(self, msg_type: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        """Send a message of our own on iopub."""
        self.wire.send(
            self.iopub_socket, msg_type, content, parent=parent, ident=self._topic(msg_type)
        )

    # Passing on

    def _send(self, channel: str, message: Message, identities: list[bytes]) -> None:
        """Send a kernel's message to the front-end as it is."""
        raw = {
            "header": message.header,
            "parent_header": message.parent_header,
            "metadata": message.metadata,
            "content": message.packed,
        }
        if channel == "iopub":
            stream, ident = self.backlog, self._topic(message.msg_type)
        else:
            stream, ident = self.streams[channel], identities
        self.wire.send(cast("Any", stream), raw, ident=ident, buffers=list(message.buffers))

    def _failed(self, passed: Passed, error: SilikError) -> None:
        """Answer, as far as it was not, a request whose kernel died instead of answering it."""
        request, identities = passed.message, passed.identities
        # Only a cell ends connect mode: a question may fail before the cell that the kernel ran.
        is_cell = request.msg_type == "execute_request"
        first = is_cell and self.silik.fall_back(passed.kernel, error)
        parent = {"header": request.header}
        if not passed.state:
            self._publish_status("busy", request.channel, parent)
        if not is_cell:
            if not passed.replied and request.msg_type not in COMM_TYPES:
                self._reply_error(request, identities, error)
        elif first or not request.content.get("stop_on_error", True):
            if passed.state != "idle":
                self.publish("error", error.content(), parent)
            if not passed.replied:
                self._reply_error(request, identities, error)
            self._abort_waiting()
        elif not passed.replied:
            self._send_abort_reply(self.streams[request.channel], parent, identities)
        if passed.state != "idle":
            self._publish_status("idle", request.channel, parent)

    def _abort_waiting(self) -> None:
        """Let no cell run that was sent before the front-end could know of an error."""
        self.streams["shell"].flush()
        for request in self._waiting:
            request.aborted = request.message.msg_type == "execute_request"

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        del subshell_id
        self._abort_waiting()

    def take_answer(self, answer: Message) -> None:
        """Take the user's answer to a question."""
        raise NotImplementedError

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine beside whatever else goes on."""
        loop = self.io_loop.asyncio_loop  # type: ignore[attr-defined]
        task = loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
