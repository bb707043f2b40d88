"""A user's state and what can be done with it: run a line or a cell, complete, inspect.

Every door holds one Shell. It knows nothing of IPython, zmq or where outputs are shown.
"""

from __future__ import annotations

import asyncio
from typing import Any

from silik_magics.commands import completion
from silik_magics.commands.cell import MAGIC, Header, read_header
from silik_magics.commands.completion import Completions, Item
from silik_magics.commands.context import Context, State, kernel_of
from silik_magics.commands.declared import TABLE
from silik_magics.commands.execution import Limits, Outcome, raise_failure, run_on
from silik_magics.commands.moving import move
from silik_magics.commands.reference import help_of
from silik_magics.commands.table import SilikCommand, read_call
from silik_magics.display.answers import Answer
from silik_magics.display.sinks import Sink
from silik_magics.errors import CommandError, KernelDied, SilikError
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.language.words import Argument, Line, split

LINE_MAGIC = "%silik"
IDLE_SECONDS = 10.0  # the first completion on a machine fills the cache of jedi, whatever it takes
BUSY_SECONDS = 0.8  # a kernel that answers while it is busy; its code may hold the GIL
WAIT_SECONDS = 0.2  # one that does not: it may be done in a moment


class Shell:
    """One user's kernels, tree, variables and mode.

    Args:
        manager: starts and ends the kernels.
    """

    def __init__(self, manager: SilikKernelManager | None = None) -> None:
        # Not `manager or ...`: a manager without kernels is empty, so it is false.
        self.state = State(SilikKernelManager() if manager is None else manager)
        self.state.manager.ahead.move = move

    def context(self, sink: Sink) -> Context:
        """Return the context of one cell, whose outputs go to `sink`."""

        async def run_lines(text: str) -> None:
            await self.run_commands(text, context)

        context = Context(self.state, sink, run_lines)
        return context

    # Running

    async def run_cell(self, text: str, context: Context) -> None:
        """Run a cell as the mode says: commands, or code for the connected kernel.

        A cell whose first line begins with `%%silik` is read as that magic in both modes.
        """
        stripped = text.lstrip()
        if stripped.split(maxsplit=1)[:1] == [MAGIC]:
            first, _, body = stripped.partition("\n")
            await self.run_magic(first.removeprefix(MAGIC), body, context)
        elif self.is_code(text):
            await self.run_connected(text, context)
        else:
            await self.run_commands(text, context)

    def is_code(self, text: str) -> bool:
        """Say whether a cell is code for the connected kernel, and not ours."""
        first = text.split(maxsplit=1)[:1]
        return self.state.connected is not None and first not in ([MAGIC], ["/cmd"], ["<"])

    async def run_commands(self, text: str, context: Context) -> None:
        """Run the lines of a cell in order, showing each answer as it comes.

        After a command has switched to connect mode the rest is not executed, and a note says so;
        after `exit`, or when the user ended a command that waited for that, neither.
        """
        lines = split(text)
        for index, line in enumerate(lines):
            context.switched = False
            answer = await self.run_line(line, context)
            if answer is not None:
                context.sink.answer(answer)
            if context.leaving or context.ended_by_user:
                return
            if context.switched and self.state.connected is not None:
                left = len(lines) - index - 1
                if left:
                    context.sink.answer(Answer(_left_note(left, self.state.connected.name)))
                return

    async def run_line(self, line: Line, context: Context) -> Answer | None:
        """Run one line and return its answer instead of showing it."""
        self.state.manager.ahead.fill()  # those of the setting, before the first is asked for
        arguments = [word.expand(self.state.variables) for word in line.words]
        if arguments[0].text == LINE_MAGIC:  # so that a notebook moves to the silik kernel
            arguments = arguments[1:] or [Argument("help")]
        if arguments[0].text == MAGIC:
            raise CommandError(
                f"{MAGIC} begins a cell, and here it is a line in one",
                "give it a cell of its own; in a line, `run CODE PATH...` runs code.",
            )
        return await read_call(arguments).run(context)

    async def run_magic(self, first: str, body: str, context: Context) -> None:
        """Run a `%%silik` cell: `first` is the rest of its first line."""
        header = self.header(first)
        if header.capture:
            raise CommandError(
                "--capture puts outputs into a Python variable, and this is no Python kernel",
                "leave it out, or use the magics in a Python notebook.",
            )
        if header.paths:
            raise_failure(await self.run_code(header, body, context))
        else:
            await self.run_commands(body, context)

    def header(self, first: str) -> Header:
        """Read the rest of the first line of a `%%silik` cell."""
        words = [word for line in split(first) for word in line.words]
        return read_header([word.expand(self.state.variables) for word in words])

    async def run_code(self, header: Header, body: str, context: Context) -> list[Outcome]:
        """Run the body of a `%%silik PATH...` cell; the outcomes say what failed."""
        kernels = self.state.kernels(header.paths)
        return await run_on(context, kernels, body, header.limits)

    async def run_connected(
        self, code: str, context: Context, flags: Flags | None = None
    ) -> list[Outcome]:
        """Run code on the connected kernel; if that dies, the mode is command mode again."""
        assert self.state.connected is not None
        leaf = self.state.connected
        outcomes = await run_on(context, [kernel_of(leaf)], code, Limits(), flags)
        failure = outcomes[0].failure
        if isinstance(failure, KernelDied):
            self.fall_back(kernel_of(leaf), failure)
        raise_failure(outcomes)
        return outcomes

    def fall_back(self, kernel: Kernel, error: SilikError) -> bool:
        """Go back to command mode if it is the connected kernel that died; `error` says so then.

        Returns:
            Whether it was the connected one.
        """
        leaf = self.state.connected
        if leaf is None or leaf.kernel is not kernel:
            return False
        self.state.connected = None
        error.hint = f"{error.hint} This is command mode again.".strip()
        return True

    # Helping to type

    def target(self, text: str) -> tuple[Kernel, int] | None:
        """Return the kernel whose code a cell holds, and where that code begins.

        None when the cell holds commands, or names no kernel that is there.
        """
        if text.lstrip().startswith(MAGIC):
            offset = len(text) - len(text.lstrip())
            end = text.find("\n", offset)
            if end < 0:
                return None
            try:
                paths = self.header(text[offset + len(MAGIC) : end]).paths
                return (self.state.kernels(paths)[0], end + 1) if paths else None
            except SilikError:
                return None
        if self.state.connected is not None and self.is_code(text):
            return kernel_of(self.state.connected), 0
        return None

    async def complete(self, text: str, cursor: int) -> Completions:
        """Return what could be typed at the cursor, in commands or in a kernel's code.

        Never raises, and waits for a kernel only a moment.
        """
        found = self.target(text)
        if found is not None and cursor >= found[1]:
            kernel, start = found
            reply = await self._ask(kernel, "complete", text[start:], cursor - start)
            return _of_kernel(reply, cursor - start).shifted(start)
        return self.complete_commands(text, cursor)

    def complete_commands(self, text: str, cursor: int) -> Completions:
        """Return what could be typed at the cursor of a cell of commands or of its first line."""
        offset = len(text) - len(text.lstrip())
        if not text.startswith(MAGIC, offset):
            return completion.complete(self.state, text, cursor)
        offset += len(MAGIC)
        end = text.find("\n", offset)
        if 0 <= end < cursor:
            inner = completion.complete(self.state, text[end + 1 :], cursor - end - 1)
            return inner.shifted(end + 1)
        if cursor < offset:
            return Completions(cursor, cursor)
        return completion.complete(
            self.state, text[offset:], cursor - offset, prefix=(MAGIC,)
        ).shifted(offset)

    async def inspect(self, text: str, cursor: int, detail: int = 0) -> dict[str, Any]:
        """Return the content of an inspect_reply: a kernel's, or the help of a command."""
        found = self.target(text)
        if found is not None and cursor >= found[1]:
            kernel, start = found
            reply = await self._ask(kernel, "inspect", text[start:], cursor - start, detail)
            return reply or {"status": "ok", "found": False, "data": {}, "metadata": {}}
        item = self._command_at(text, cursor)
        data = {"text/plain": help_of(item)} if item is not None else {}
        return {"status": "ok", "found": bool(data), "data": data, "metadata": {}}

    async def is_complete(self, code: str) -> dict[str, Any]:
        """Return the content of an is_complete_reply; a kernel that does not tell does not know.

        A line of commands with an open quote is incomplete, and so is a `%%silik` cell before an
        empty line.
        """
        if self.is_code(code):
            connected = self.state.connected
            assert connected is not None
            reply = await self._ask(kernel_of(connected), "is_complete", code)
            return reply or {"status": "unknown"}
        if _ends_open(code):
            return {"status": "incomplete", "indent": ""}
        return {"status": "complete"}

    def _command_at(self, text: str, cursor: int) -> SilikCommand | None:
        start = text.rfind("\n", 0, cursor) + 1
        end = text.find("\n", cursor)
        line = text[start : end if end >= 0 else len(text)].strip()
        for magic in (MAGIC, LINE_MAGIC):
            line = line.removeprefix(magic).lstrip()
        found = TABLE.commands.get(line.split(maxsplit=1)[0]) if line else None
        return found if isinstance(found, SilikCommand) else None

    async def _ask(self, kernel: Kernel, what: str, *arguments: Any) -> dict[str, Any]:
        """Ask a kernel for a moment; an empty dict when it is busy, dead or does not know."""
        try:
            connection = kernel.connection
            seconds = IDLE_SECONDS
            if connection.state == "busy":
                seconds = BUSY_SECONDS if connection.has_subshells else WAIT_SECONDS
            return await asyncio.wait_for(getattr(connection, what)(*arguments), seconds)
        except (TimeoutError, SilikError):
            return {}

    # Ending

    async def close(self, *, patience: float | None = None) -> None:
        """Stop every kernel that was started here; the shell can not be used any more.

        Args:
            patience: seconds until those that do not end politely are killed, with all that they
                started; jupyter_client's own if None.
        """
        closing = asyncio.ensure_future(self.state.remove_all())
        if patience is not None:
            await asyncio.wait({closing}, timeout=patience)
            await self.state.manager.kill_all()
        await closing
        self.state.manager.close()


def _ends_open(text: str) -> bool:
    if text.lstrip().startswith(MAGIC):
        return not text.endswith("\n")
    try:
        split(text)
    except CommandError:  # the one thing that a text of words can lack is a closing quote
        return True
    return False


def _left_note(left: int, name: str) -> str:
    lines = "1 line was" if left == 1 else f"{left} lines were"
    return f"{lines} left out: following cells are code for {name}, and a cell holds one language."


def _of_kernel(reply: dict[str, Any], cursor: int) -> Completions:
    if reply.get("status") != "ok":
        return Completions(cursor, cursor)
    told = reply.get("metadata", {}).get("_jupyter_types_experimental")
    kinds = {
        str(entry.get("text")): str(entry.get("type") or "")
        for entry in (told if isinstance(told, list) else ())
        if isinstance(entry, dict)
    }
    matches = (text for text in reply.get("matches", ()) if isinstance(text, str))
    items = tuple(Item(text, kinds.get(text, "")) for text in matches)
    start, end = reply.get("cursor_start", cursor), reply.get("cursor_end", cursor)
    if not 0 <= start <= end:
        return Completions(cursor, cursor)
    return Completions(start, end, items)
