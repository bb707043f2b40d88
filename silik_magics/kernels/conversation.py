"""Requests to one kernel, and what answers them: sent, matched by their ids, and ended.

What the protocol promises is not always kept: a kernel may never reply, lose the `idle` behind a
cell, ignore an interrupt that came too early, or die. Whoever waits is told all the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import zmq
from jupyter_client.session import Session

from silik_magics.errors import KernelTimeout, SilikError
from silik_magics.kernels.channels import Channel, connect
from silik_magics.kernels.messages import Message
from silik_magics.kernels.requests import Kind, Request, Requests

logger = logging.getLogger(__name__)

OnOutput = Callable[[Message], None]
Ask = Callable[[Message], Awaitable[str | None]]
T = TypeVar("T")

QUIET_SECONDS = 0.03  # after a death: silence for so long means that its last words are read
LAST_WORDS_SECONDS = 0.4  # and after so long we do not wait for more of them
REPLY_SECONDS = 1.0  # from `idle` to the reply of a cell; then it is asked whether one will come
REPLAYS = 4096  # messages of a kernel that are known when they come again
AGAIN_SECONDS = 0.1  # for a cell to end that was interrupted when it had just begun


class Conversation:
    """The sockets to one kernel, and who waits for what from it.

    Args:
        context: the zmq context, shared by all connections of a process.
        info: the connection file's fields.
        name: how the kernel is called in log lines.
        on_foreign: called with what answers none of our requests (another client's, or of a
            thread that has no request).

    Attributes:
        state: what the kernel last said of itself, for us or for another client: `busy` while it
            executes, else `idle`.
        messages: how many have come.
    """

    def __init__(
        self, context: zmq.Context, info: dict[str, Any], name: str, on_foreign: OnOutput
    ) -> None:
        self.name = name
        self._on_foreign = on_foreign
        self.state = "idle"
        self.messages = 0
        self._lost: Exception | None = None
        self._quiet = ""  # the id of what it was told silently: that is not its work
        self._last_cell: dict[str, Any] = {}  # the header of the last execution
        self._requests = Requests()
        self._waiting: dict[str, asyncio.Future[Message | None]] = {}
        self._early: dict[str, Callable[[], Awaitable[None]] | None] = {}
        self._welcomed = asyncio.Event()
        self._topic = f"silik-{uuid.uuid4().hex}"
        self._tasks: set[asyncio.Task[Any]] = set()
        key = info.get("key", "")
        self._session = Session(
            key=key.encode() if isinstance(key, str) else key,
            signature_scheme=info.get("signature_scheme", "hmac-sha256"),
            digest_history_size=REPLAYS,
        )
        # CurveZMQ proves who sent a message, so its signature need not be verified too: that takes
        # as long as receiving it.
        reader = self._session
        if info.get("curve_publickey"):
            reader = Session(key=self._session.key)
            reader.auth = None
        info = {**info, "identity": self._session.bsession}
        topics = (b"", self._topic.encode())
        self._channels = {
            channel: Channel(
                channel,
                partial(connect, context, channel, info, topics),
                self._session,
                reader,
                self._receive,
            )
            for channel in ("iopub", "shell", "stdin", "control")
        }

    # Ending

    def interrupted(self, again: Callable[[], Awaitable[None]]) -> None:
        """Take note that the kernel was interrupted.

        Kernels ignore that until they begin with a request. So, if the oldest of ours has not
        begun yet, `again` is called when it has.
        """
        request = self._requests.next_execution()
        if request is not None and not request.begun:
            self._early[request.msg_id] = again

    async def lost(self, error: Exception, *, wait: bool = True) -> None:
        """End every request that waits with `error`, after the kernel's last words were read.

        Whatever is asked from now on ends with it at once.
        """
        self._lost = error
        if wait:
            await self.quiet(QUIET_SECONDS, LAST_WORDS_SECONDS)
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(error)

    async def quiet(self, seconds: float, at_most: float) -> None:
        """Wait until nothing has come for so many seconds; no longer than `at_most`."""
        seen, waited = -1, 0.0
        while seen != self.messages and waited < at_most:
            seen = self.messages
            await asyncio.sleep(seconds)
            waited += seconds

    def close(self) -> None:
        """Close the sockets; nobody may be waiting any more."""
        for channel in self._channels.values():
            channel.close()
        for task in self._tasks:
            task.cancel()

    # How it works

    async def _ask(self, msg_type: str, content: dict[str, Any]) -> Message:
        reply = await self._request("shell", msg_type, content)
        assert reply is not None
        return reply

    async def _request(
        self,
        channel: str,
        msg_type: str,
        content: dict[str, Any],
        *,
        metadata: dict[str, Any] | None = None,
        buffers: Any = (),
        subshell: str | None = None,
        **expectations: Any,
    ) -> Message | None:
        header = self._session.msg_header(msg_type)
        if subshell is not None:
            header["subshell_id"] = subshell
        return await self._sent(
            Request(header["msg_id"], **expectations),
            channel,
            msg_type,
            content,
            header=header,
            metadata=metadata,
            buffers=buffers,
        )

    async def _sent(
        self,
        request: Request,
        channel: str,
        msg_type: str,
        content: dict[str, Any] | bytes,
        **parts: Any,
    ) -> Message | None:
        if self._lost is not None:
            raise self._lost
        self._requests.begin(request)
        if request.is_execution:
            self._last_cell = parts["header"]
        future = asyncio.get_running_loop().create_future()
        self._waiting[request.msg_id] = future
        try:
            self._channels[channel].send(msg_type, content, **parts)
            return await future
        finally:
            del self._waiting[request.msg_id]
            self._early.pop(request.msg_id, None)
            self._requests.end(request)

    def _receive(self, message: Message) -> None:
        self.messages += 1
        if not message.is_sound:  # whoever it is passed on to could not read it
            logger.warning("%s: dropped a %s that is no JSON", self.name, message.msg_type[:80])
            return
        if message.msg_type == "status":
            executes = message.parent_header.get("msg_type") in (None, "execute_request")
            if executes and message.parent_id != self._quiet:
                self.state = message.content["execution_state"] or self.state
            if message.parent_header.get("session") == self._session.session:
                self._welcomed.set()  # an answer to us: our subscription is up
        if message.msg_type == "iopub_welcome":
            if message.content.get("subscription") == self._topic:
                self._welcomed.set()
            return
        kind, request = self._requests.feed(message)
        if kind is not Kind.FOREIGN and request is not None:
            self._deliver(message, kind, request)
        elif message.channel == "iopub":
            self._on_foreign(message)

    def _deliver(self, message: Message, kind: Kind, request: Request) -> None:
        if request.begun and request.msg_id in self._early:
            if again := self._early[request.msg_id]:
                self._early[request.msg_id] = None
                self._spawn(self._interrupt_again(request, again))
            if kind is Kind.INPUT:  # it will not wait for an answer
                return
        if request.relay is not None:
            request.relay(message)
        elif kind is Kind.INPUT and request.on_input is not None:
            request.on_input(message)
        elif kind in (Kind.OUTPUT, Kind.LATE) and request.on_output is not None:
            request.on_output(message)
        self._settle(message, kind, request)

    def _settle(self, message: Message, kind: Kind, request: Request) -> None:
        """End a request that is over; look after one that may lack its last message."""
        future = self._waiting.get(request.msg_id)
        if future is None or future.done():
            return
        if request.over:
            future.set_result(request.reply)  # type: ignore[arg-type]
        elif kind is Kind.REPLY and request.expects_idle:
            asyncio.get_running_loop().call_later(REPLY_SECONDS, self._look_for_idle, request)
        elif request.is_execution and request.idle and message.msg_type == "status":
            self._spawn(self._without_reply(request))

    async def _without_reply(self, request: Request) -> None:
        """End a cell whose kernel is idle again and never replies.

        Replies come in the order of their requests: when it has answered a later one, none will.
        ipykernel forgets the reply when it is interrupted, or fails, at the wrong moment.
        """
        await asyncio.sleep(REPLY_SECONDS)
        future = self._waiting.get(request.msg_id)
        if future is None or future.done() or request.relay is not None:
            return
        with suppress(SilikError):  # it has died: whoever waits is told so
            await self._ask("kernel_info_request", {})
        if not future.done():
            future.set_exception(
                KernelTimeout(
                    f"{self.name} is idle again, and never said how the code ended",
                    "what it showed is whole; look whether the code did what it should.",
                )
            )

    def _look_for_idle(self, request: Request) -> None:
        if not request.idle and request.msg_id in self._waiting:
            self._spawn(self._without_idle(request))

    async def _without_idle(self, request: Request) -> None:
        """End a cell that was replied to, and whose `idle` never comes.

        A kernel that is faster than its connection drops what it says on iopub, that too; others
        do not say it when they were interrupted. What is said there keeps its order: when it is
        idle because of a later question, none will come.
        """
        assert request.reply is not None
        seen = -1
        while seen != self.messages:  # there may be much to read
            seen = self.messages
            await asyncio.sleep(REPLY_SECONDS)
        try:
            await self._request("shell", "kernel_info_request", {}, expects_idle=True)
        except SilikError:  # it has died: whoever waits is told so
            return
        if request.idle or request.msg_id not in self._waiting:
            return
        logger.warning("%s: an `idle` was lost, and maybe outputs before it", self.name)
        text = f"{self.name} never said that the cell was over: some of its outputs may be lost.\n"
        for msg_type, content in (
            ("stream", {"name": "stderr", "text": text}),
            ("status", {"execution_state": "idle"}),
        ):
            header = self._session.msg_header(msg_type)
            packed = json.dumps(content).encode()
            self._receive(Message("iopub", header, request.reply.parent_header, {}, packed))

    async def _interrupt_again(
        self, request: Request, again: Callable[[], Awaitable[None]]
    ) -> None:
        await asyncio.sleep(AGAIN_SECONDS)  # the first may have come just in time
        if request.msg_id in self._early:
            del self._early[request.msg_id]
            if not request.failed:
                await again()

    async def _answer(self, question: Message, ask: Ask) -> None:
        value = await ask(question)
        if value is not None:
            self._channels["stdin"].send("input_reply", {"value": value}, parent=question.header)

    def _answered(self, msg_id: str, task: asyncio.Task[None]) -> None:
        """End a request with the error of whoever should have answered the kernel's question."""
        error = None if task.cancelled() else task.exception()
        future = self._waiting.get(msg_id)
        if error is not None and future is not None and not future.done():
            future.set_exception(error)

    def _spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
