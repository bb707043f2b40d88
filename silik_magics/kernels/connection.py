"""One connection to one kernel: execute, complete, inspect, history, interrupt, comms.

There is exactly one connection per kernel and it has its own Session: two clients that share one
repeat message ids, and ipykernel then stops answering the older of them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

from silik_magics.errors import SilikError
from silik_magics.kernels.conversation import Ask, Conversation, OnOutput
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.messages import Message
from silik_magics.kernels.phases import mark
from silik_magics.kernels.requests import Request, forwarded

FIRST_REPLY_SECONDS = 2.0  # until the first question is asked again
PROBE_SECONDS = 0.1  # between two tries of the handshake
PROBES = 20  # after so many its outputs are connected to anew
UNREAD = 100  # outputs of a kernel that keeps them: so many are read before they are handled
STDIN_TRIES = 50  # 5 ms apart, for its stdin: some kernels never listen there
STDIN_SECONDS = 0.005
SUBSHELLS = "kernel subshells"  # the name of the feature in kernel_info, of JEP 91


class Connection(Conversation):
    """What a kernel can be asked, and told.

    Attributes:
        has_subshells: whether it answers questions while it executes.
    """

    has_subshells = False
    _subshell: asyncio.Task[str | None] | None = None

    # Becoming ready

    async def handshake(self) -> dict[str, Any]:
        """Wait until the kernel answers and its outputs reach us; return its kernel_info.

        The shell channel can answer before the iopub subscription is up, and what is said in
        between is lost. ipykernel 7 confirms a subscription; XPUB announces only the first one
        per topic, so we subscribe to a topic of our own too. Other kernels are asked again until
        one of their status messages arrives. Has no timeout of its own.
        """
        reply = await self._first_reply()
        mark("first reply")
        for number in count(1):
            try:
                await asyncio.wait_for(self._welcomed.wait(), PROBE_SECONDS)
                break
            except TimeoutError:
                if number % PROBES == 0:
                    self._channels["iopub"].renew()
                reply = await self._ask("kernel_info_request", {})
        for _ in range(STDIN_TRIES):
            if self._lost is not None or self._channels["stdin"].can_send:
                break
            await asyncio.sleep(STDIN_SECONDS)
        else:
            self._channels["stdin"].renew()
        self.has_subshells = _has_subshells(reply.content)
        mark("outputs up")
        return reply.content

    async def _first_reply(self) -> Message:
        while True:  # what is sent while a kernel binds its ports can be lost
            try:
                question = self._ask("kernel_info_request", {})
                return await asyncio.wait_for(question, FIRST_REPLY_SECONDS)
            except TimeoutError:
                continue

    # Asking

    async def execute(
        self,
        code: str,
        on_output: OnOutput,
        ask: Ask,
        flags: Flags | None = None,
    ) -> Message:
        """Run code and return the execute_reply, when all of its outputs have come.

        Args:
            code: in the kernel's own language.
            on_output: called with each output message, in order, and later with late ones.
            ask: answers an input_request; None when there is no answer to send.
            flags: the protocol's options of an execution.

        Raises:
            KernelDied: the kernel ended before it was done (see :meth:`lost`).
        """
        content = (flags or Flags()).content(code)
        questions: list[asyncio.Task[None]] = []

        def on_input(message: Message) -> None:
            task = self._spawn(self._answer(message, ask))
            task.add_done_callback(lambda task: self._answered(message.parent_id, task))
            questions.append(task)

        try:
            reply = await self._request(
                "shell",
                "execute_request",
                content,
                expects_idle=True,
                on_output=on_output,
                on_input=on_input,
            )
        finally:
            for question in questions:  # the kernel does not wait for an answer any more
                question.cancel()
        assert reply is not None
        return reply

    def leave_outputs(self) -> None:
        """Read outputs from now on no faster than they are handled: the kernel keeps the others."""
        self._channels["iopub"].limit(UNREAD)

    def tell(self, code: str) -> None:
        """Have a kernel execute something silently, before all that it is asked next."""
        content = Flags(silent=True, store_history=False).content(code)
        self._spawn(self._told(content))

    async def _told(self, content: dict[str, Any]) -> None:
        header = self._session.msg_header("execute_request")
        self._quiet = header["msg_id"]
        with suppress(SilikError):  # it has died, which is told elsewhere
            await self._sent(
                Request(header["msg_id"]), "shell", "execute_request", content, header=header
            )

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return the content of a complete_reply; `cursor` counts unicode characters."""
        content = {"code": code, "cursor_pos": cursor}
        return (await self._question("complete_request", content)).content

    async def inspect(self, code: str, cursor: int, detail: int = 0) -> dict[str, Any]:
        """Return the content of an inspect_reply."""
        content = {"code": code, "cursor_pos": cursor, "detail_level": detail}
        return (await self._question("inspect_request", content)).content

    async def is_complete(self, code: str) -> dict[str, Any]:
        """Return the content of an is_complete_reply."""
        return (await self._question("is_complete_request", {"code": code})).content

    async def history(self, *, output: bool = False) -> list[Any]:
        """Return what the kernel remembers of this session: `(session, line, input)` each.

        With `output`, the third is `(input, output)`. Many kernels remember nothing.
        """
        content = {
            "hist_access_type": "range",
            "session": 0,
            "start": 0,
            "stop": None,
            "output": output,
            "raw": True,
        }
        reply = (await self._ask("history_request", content)).content
        told = reply.get("history", ())
        return [entry for entry in told if isinstance(entry, list) and len(entry) == 3]

    async def interrupt(self) -> None:
        """Send an interrupt_request on the control channel and wait for its reply."""
        await self._request("control", "interrupt_request", {})

    async def comm(self, message: dict[str, Any], on_output: OnOutput) -> None:
        """Send a comm message of the front-end to the kernel, and what it causes to `on_output`.

        Args:
            message: with `msg_type`, `content`, `metadata` and `buffers`.
            on_output: called with each message that the kernel sends because of it.
        """
        await self._request(
            "shell",
            message["header"]["msg_type"],
            message["content"],
            metadata=message.get("metadata"),
            buffers=message.get("buffers", ()),
            expects_reply=False,
            expects_idle=True,
            on_output=on_output,
        )

    # Forwarding

    async def forward(self, message: Message, relay: OnOutput) -> None:
        """Send a front-end's message as it is, and give `relay` everything that answers it.

        The message keeps its id, so that the kernel's answers name the front-end's own request.
        Returns when the request is over; what comes later is relayed too.

        Raises:
            KernelDied: the kernel ended before that.
        """
        await self._sent(
            forwarded(message, relay),
            message.channel,
            message.msg_type,
            message.packed,
            header=message.header,
            parent=message.parent_header,
            metadata=message.metadata,
            buffers=message.buffers,
        )

    def answer(self, message: Message) -> None:
        """Send a front-end's input_reply as it is."""
        self._channels["stdin"].send(
            message.msg_type,
            message.packed,
            header=message.header,
            parent=message.parent_header,
            metadata=message.metadata,
        )

    # Ending

    def push_out(self, prints: str) -> asyncio.Task[None]:
        """Bring to the last cell all that it has shown, also what comes under another request.

        Some kernels publish what a cell has shown in their own time, under whatever they were
        asked last. So it is asked to print a mark: what comes before that is of the cell.

        Args:
            prints: code that prints `{mark}`.

        Returns:
            What is done when all has come, or the kernel has ended.
        """
        return self._spawn(self._pushed_out(prints, self._last_cell))

    async def _pushed_out(self, prints: str, cell: dict[str, Any]) -> None:
        header = self._session.msg_header("execute_request")
        self._quiet, mark, is_out = header["msg_id"], header["msg_id"], asyncio.Event()

        def on_output(message: Message) -> None:
            if message.msg_type == "stream" and mark in message.content["text"]:
                is_out.set()
            elif message.is_shown:
                self._receive(replace(message, parent_header=cell))

        content = Flags(silent=True, store_history=False).content(prints.format(mark=mark))
        request = Request(mark, expects_idle=True, on_output=on_output)
        with suppress(SilikError):  # it has died, which is told elsewhere
            await self._sent(request, "shell", "execute_request", content, header=header)
            await is_out.wait()

    # How it works

    async def _question(self, msg_type: str, content: dict[str, Any]) -> Message:
        """Ask what front-ends ask while the user types; a busy kernel's subshell answers."""
        subshell = None
        if self.state == "busy" and self.has_subshells:
            if self._subshell is None:
                self._subshell = self._spawn(self._new_subshell())
            # Not awaited: others wait for it too, and the end of the kernel must not cancel them.
            await asyncio.wait({self._subshell})
            subshell = None if self._subshell.cancelled() else self._subshell.result()
        reply = await self._request("shell", msg_type, content, subshell=subshell)
        assert reply is not None
        return reply

    async def _new_subshell(self) -> str | None:
        reply = await self._request("control", "create_subshell_request", {})
        assert reply is not None
        return reply.content.get("subshell_id")


def _has_subshells(info: dict[str, Any]) -> bool:
    # Wrapper kernels built on ipykernel claim the feature too, but they hold one program, which
    # must not be asked by two threads at once (bash_kernel's pexpect).
    return info.get("implementation") == "ipython" and SUBSHELLS in info.get(
        "supported_features", ()
    )
