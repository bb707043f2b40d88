"""What every place where outputs are shown can do, and the places that need no front-end."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from silik_magics.display.answers import Answer
from silik_magics.display.live import Bottom, Live
from silik_magics.display.outputs import plain
from silik_magics.display.progress import Progress
from silik_magics.display.spool import Spool
from silik_magics.errors import SilikError
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import COMM_TYPES, Message


class Sink(Protocol):
    """A place where a cell's outputs are shown."""

    @property
    def can_ask(self) -> bool:
        """Whether the user can be asked."""
        ...

    def show(self, message: Message, kernel: Kernel) -> None:
        """Show an output of a kernel as it is."""

    def fail(self, message: Message, kernel: Kernel) -> None:
        """Take the error with which the whole cell is going to end."""

    def answer(self, answer: Answer) -> None:
        """Show a command's answer."""

    def live(self) -> Live | None:
        """Return a place for an answer that changes; None where nobody watches."""
        ...

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        """Ask the user; None when the question was interrupted."""
        ...


class Capture:
    """Keeps everything; what it can not keep (comms, questions) goes on to another sink.

    Args:
        beyond: where comm messages and questions go; without it, nowhere.
    """

    def __init__(self, beyond: Sink | None = None) -> None:
        self.messages: list[tuple[Message, Kernel]] = []
        self.answers: list[Answer] = []
        self._beyond = beyond

    @property
    def can_ask(self) -> bool:
        """Whether the user can be asked."""
        return self._beyond is not None and self._beyond.can_ask

    def show(self, message: Message, kernel: Kernel) -> None:
        """Keep an output."""
        if message.msg_type in COMM_TYPES and self._beyond is not None:
            self._beyond.show(message, kernel)
        else:
            self.messages.append((message, kernel))

    fail = show

    def answer(self, answer: Answer) -> None:
        """Keep an answer."""
        self.answers.append(answer)

    def live(self) -> None:
        """Return nothing: what is kept is looked at when it is complete."""

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        """Pass a question on."""
        if self._beyond is None:
            return None
        return await self._beyond.ask(prompt, password=password)


class Text:
    """Writes outputs as text, as a terminal shows them.

    Args:
        write: writes text to `stdout` or `stderr`, given as its second argument.
        asker: asks the user: (prompt, whether it is a password) to the answer; None where nobody
            can be asked.
        size: tells the size of the terminal; None where it is none.
    """

    def __init__(
        self,
        write: Callable[[str, str], None],
        asker: Callable[[str, bool], Any] | None = None,
        size: Callable[[], os.terminal_size] | None = None,
    ) -> None:
        self._raw_write = write
        self._asker = asker
        self._bottom = Bottom(lambda text: write(text, "stdout"), size) if size else None

    @property
    def can_ask(self) -> bool:
        """Whether the user can be asked."""
        return self._asker is not None

    def show(self, message: Message, kernel: Kernel) -> None:
        """Write an output; what has no text is named in angle brackets."""
        del kernel
        kind = message.msg_type
        if kind == "stream":
            self._write(message.content["text"], message.content["name"])
        elif kind == "error":
            self._write("\n".join(message.content.get("traceback", ())) + "\n", "stderr")
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self._write(plain(message.content.get("data", {})) + "\n", "stdout")

    def _write(self, text: str, stream: str) -> None:
        if self._bottom is not None:
            self._bottom.erase()
            self._bottom.is_free = text.endswith("\n")
        self._raw_write(text, stream)

    def fail(self, message: Message, kernel: Kernel) -> None:
        """Write nothing: whoever ends the cell shows the error."""

    def answer(self, answer: Answer) -> None:
        """Write an answer."""
        if answer.text:
            self._write(answer.text + "\n", "stdout")

    def live(self) -> Live | None:
        """Return the last lines of the terminal, if it is one."""
        return self._bottom

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        """Ask the user."""
        assert self._asker is not None
        if self._bottom is None:
            return await self._asker(prompt, password)
        self._bottom.erase()
        was_free, self._bottom.is_free = self._bottom.is_free, False
        try:
            return await self._asker(prompt, password)
        finally:
            self._bottom.is_free = was_free


class Grouped:
    """Shows what several kernels say at once, one kernel after the other under its name.

    The first kernel that is not done is shown live; what the ones behind it say is kept until it
    is their turn. So the order is that of the kernels, whichever is faster, and every output
    is shown whole, with its own type.

    Args:
        sink: where the outputs go.
        names: the kernels, in the order in which they are shown, and what each is called.

    Attributes:
        progress: which of them are still running.
    """

    def __init__(self, sink: Sink, names: dict[Kernel, str]) -> None:
        self._sink = sink
        self._names = dict(names)
        self._order = list(names)
        self._kept: dict[str, Spool[Message]] = {kernel.id: Spool() for kernel in names}
        self._done: set[str] = set()
        self._notes: dict[str, SilikError] = {}
        self.progress = Progress(sink, {kernel.id: name for kernel, name in names.items()})

    @property
    def can_ask(self) -> bool:
        """Whether the user can be asked."""
        return self._sink.can_ask

    def show(self, message: Message, kernel: Kernel) -> None:
        """Show an output now if it is its kernel's turn, else keep it."""
        if not self._order or kernel is self._order[0] or kernel not in self._order:
            self._pass_on(message, kernel)
        else:
            self._kept[kernel.id].append(message)

    fail = show

    def tell(self, error: SilikError, kernel: Kernel) -> None:
        """Show an error of ours that is one kernel's part of the whole."""
        self._notes[kernel.id] = error

    def done(self, kernel: Kernel, *, failed: bool = False) -> None:
        """Say that a kernel has nothing more to show; the next ones get their turn."""
        self._done.add(kernel.id)
        self.progress.done(kernel.id, failed=failed)
        while self._order and self._order[0].id in self._done:
            finished = self._order.pop(0)
            if finished.id in self._notes:
                self._name(finished)
                self._sink.answer(Answer(str(self._notes[finished.id])))
            if self._order:
                for message in self._kept.pop(self._order[0].id).drain():
                    self._pass_on(message, self._order[0])

    def answer(self, answer: Answer) -> None:
        """Show an answer."""
        self._sink.answer(answer)

    def live(self) -> Live | None:
        """Return a place for an answer that changes."""
        return self._sink.live()

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        """Ask the user."""
        return await self._sink.ask(prompt, password=password)

    def _pass_on(self, message: Message, kernel: Kernel) -> None:
        if message.msg_type not in COMM_TYPES:
            self._name(kernel)
        self._sink.show(message, kernel)

    def _name(self, kernel: Kernel) -> None:
        name = self._names.pop(kernel, None)
        if name is not None:
            self.progress.head(name)
