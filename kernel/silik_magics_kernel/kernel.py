"""The kernel `silik`: what it answers itself, in command mode and about its own process."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from ipykernel._version import kernel_protocol_version
from traitlets import List

from silik_magics._version import __version__
from silik_magics.display.relay import Relay
from silik_magics.display.sinks import Capture
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import COMM_TYPES, Message
from silik_magics_kernel.cell import Cell
from silik_magics_kernel.desk import Desk
from silik_magics_kernel.expressions import evaluate
from silik_magics_kernel.history import History

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 0.6  # for the kernels to end politely, before a front-end kills us
END_SECONDS = 4.0  # and after these we end without them
INTERRUPT_SECONDS = 0.4  # for what was interrupted to end, before the interrupt is replied to
LEVEL = "SILIK_LEVEL"  # environment variable: how many siliks this one is inside of
HELP_LINKS = [
    {"text": "Jupyter", "url": "https://docs.jupyter.org"},
    {
        "text": "Kernels for other languages",
        "url": "https://github.com/jupyter/jupyter/wiki/Jupyter-kernels",
    },
]


class SilikKernel(Desk):
    """The Jupyter kernel `silik`."""

    implementation = "silik"
    implementation_version = __version__
    banner = (
        f"silik {__version__}: any number of kernels, in any language.\n"
        "`kernels` lists what can be started, `help` the commands."
    )
    language_info = {  # noqa: RUF012 - ipykernel's own declaration
        "name": "silik",
        "version": __version__,
        "mimetype": "text/x-silik",
        "file_extension": ".silik",
        "pygments_lexer": "silik",
        "codemirror_mode": "shell",
    }
    help_links = List(HELP_LINKS)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._execute_sleep = 0  # nothing is printed here whose flush should be waited for
        self._history: History | None = None
        self._closing: asyncio.Task[None] | None = None
        self._level = int(os.environ.get(LEVEL, "0"))
        os.environ[LEVEL] = str(self._level + 1)
        for kind in COMM_TYPES:
            self.shell_handlers[kind] = getattr(self, kind)

    @property
    def kernel_info(self) -> dict[str, Any]:
        """What a kernel_info_reply says; ipykernel's own imports debugpy, to see if it can."""
        return {
            "protocol_version": kernel_protocol_version,
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self.language_info,
            "banner": self.banner,
            "help_links": self.help_links,
            "supported_features": ["debugger"],
        }

    # Cells

    async def do_execute(  # type: ignore[override] - ipykernel looks which arguments it takes
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,
    ) -> dict[str, Any]:
        """Run a cell that is ours and return the content of its execute_reply."""
        if store_history and not silent and code.strip():
            self.history.add(self.execution_count, code)
        parent, identities = self.get_parent("shell"), self._shell_parent_ident.get()

        def put(question: dict[str, Any]) -> None:
            self.wire.send(self.stdin_stream, "input_request", question, parent, ident=identities)

        self.cell = Cell(self.silik, put)
        relay = Relay(
            self.session,
            self.backlog,
            parent,
            topic=self._topic,
            asker=self.cell.ask if allow_stdin else None,
            on_comm=self._comm_seen,
            count=self.execution_count,
            backlog=self.backlog,
        )
        context = self.silik.context(Capture() if silent else relay)
        try:
            failure = await self.cell.run(code, context)
            await relay.drained()
        finally:
            self.cell = None
        rest = relay.rest(failed=failure is not None and failure.tells_of_kernel)
        reply: dict[str, Any] = {"execution_count": self.execution_count}
        if failure is None:
            leave = [{"source": "ask_exit", "keepkernel": False}] if context.leaving else []
            values = await evaluate(self.silik, user_expressions)
            reply |= {"status": "ok", "user_expressions": values, "payload": leave}
        else:
            reply |= {"status": "error", **failure.content()}
            if not silent:
                self.publish("error", failure.content(), parent)
        relay.send_all(rest)
        return reply

    def take_answer(self, answer: Message) -> None:
        """Give the user's answer to whoever asked: a cell of ours, or the connected kernel."""
        value = str(answer.content.get("value", ""))
        if not (self.cell and self.cell.answer(value)) and not self.gateway.reply(answer):
            logger.warning("an answer came that nobody asked for")

    # Helping to type

    async def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Return the content of a complete_reply."""
        found = await self.silik.complete(code, cursor_pos)
        types = [
            {"start": found.start, "end": found.end, "text": item.text, "type": item.kind}
            for item in found.items
        ]
        return {
            "status": "ok",
            "matches": [item.text for item in found.items],
            "cursor_start": found.start,
            "cursor_end": found.end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """Return the content of an inspect_reply."""
        del omit_sections
        return await self.silik.inspect(code, cursor_pos, detail_level)

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        """Return the content of an is_complete_reply."""
        return await self.silik.is_complete(code)

    async def do_history(  # type: ignore[override] - called with the request's content
        self, hist_access_type: str, **content: Any
    ) -> dict[str, Any]:
        """Return the content of a history_reply."""
        return {"status": "ok", "history": self.history.ask(hist_access_type, **content)}

    @property
    def history(self) -> History:
        """What was typed, in this kernel and in those before it."""
        if self._history is None:
            self._history = History(parent=self)
        return self._history

    # Comms and the debugger

    def _comm_seen(self, message: Message, kernel: Kernel) -> None:
        self.know(kernel)
        self.gateway.seen(message, kernel)

    async def comm_open(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Refuse a comm that no kernel is there for."""
        del stream, ident
        content = {"comm_id": parent["content"].get("comm_id"), "data": {}}
        self.publish("comm_close", content, parent)

    async def comm_msg(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Drop a message for a comm whose kernel is gone."""

    comm_close = comm_msg

    async def comm_info_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Tell of the comms of all kernels."""
        comms = self.gateway.targets(parent["content"].get("target_name"))
        content = {"status": "ok", "comms": comms}
        self.wire.send(stream, "comm_info_reply", content, parent, ident)

    async def do_debug_request(self, msg: dict[str, Any]) -> dict[str, Any]:
        """Refuse: there is nothing to debug in command mode."""
        return {
            "type": "response",
            "request_seq": msg.get("seq", 0),
            "command": msg.get("command", ""),
            "success": False,
            "message": "connect to a kernel first: `> PATH`",
            "body": {},
        }

    # Interrupting and ending

    async def interrupt_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Interrupt what runs, and reply when it has ended, or seems to go on.

        jupyter_console takes any `idle` of its session for the end of its cell, this one's too, and
        what the cell still says would be shown in the next.
        """
        await self._interrupt()
        ends = [asyncio.ensure_future(self.gateway.settled())]
        if self.cell is not None:
            ends.append(asyncio.ensure_future(self.cell.ended(INTERRUPT_SECONDS)))
        _, late = await asyncio.wait(ends, timeout=INTERRUPT_SECONDS)
        for task in late:
            task.cancel()
        self.wire.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    def interrupt(self) -> None:
        """Interrupt what runs (called at SIGINT)."""
        self.spawn(self._interrupt())

    async def _interrupt(self) -> None:
        running = [kernel.interrupt() for kernel in self.gateway.running if kernel.death is None]
        if self.cell is not None:
            running.append(self.cell.interrupt())
        for failure in await asyncio.gather(*running, return_exceptions=True):
            if failure is not None:
                logger.warning("an interrupt failed: %s", failure)

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """End every kernel that was started here."""
        if self._closing is None:  # a front-end may ask again, and send SIGTERM too
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)
        return {"status": "ok", "restart": restart}

    async def _close(self) -> None:
        """End every kernel: politely, then those that do not end, or that a cell just stops."""
        # An inner silik must be quicker than the outer one, which kills it otherwise.
        await self.silik.close(patience=CLOSE_SECONDS / (1 + self._level))
        if self.cell is not None:
            await self.cell.ended(CLOSE_SECONDS)
        if self._history is not None:
            self._history.end_session()

    def end(self) -> None:
        """End in good order (called at SIGTERM, and when the parent process is gone)."""

        async def end() -> None:
            try:
                await asyncio.wait_for(self.do_shutdown(restart=False), END_SECONDS)
            finally:  # whatever keeps a kernel from ending: our guardian ends it when we are gone
                self.io_loop.stop()

        self.spawn(end())
