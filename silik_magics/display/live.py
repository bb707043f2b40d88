"""Answers that change while they are shown, in front-ends and on terminals."""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from silik_magics.display.answers import Answer
from silik_magics.kernels.messages import Message

_UP_AND_ERASE = "\r\x1b[{}A\x1b[J"
_UNWRAPPED = "\x1b[?7l{}\x1b[?7h\n"  # the terminal cuts long lines off


class Live(Protocol):
    """A place whose answer is replaced by the next."""

    def show(self, answer: Answer, gist: Any = None) -> None:
        """Show an answer instead of the last one.

        Args:
            answer: what to show; an empty one to show nothing.
            gist: what of it matters: where nothing can be replaced, it is shown when that changed.
        """

    def close(self, answer: Answer, gist: Any = None) -> None:
        """Show the answer that stays."""


def screen() -> Callable[[], os.terminal_size] | None:
    """Return what tells the size of the terminal that is written to; None where it is none."""
    is_one = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size if is_one else None


class InPlace:
    """A display of a notebook.

    Args:
        put: sends a message to the front-end, behind what was sent before.
    """

    def __init__(self, put: Callable[[Message], None]) -> None:
        self._put = put
        self._id = uuid.uuid4().hex
        self._kind = "display_data"

    def show(self, answer: Answer, gist: Any = None) -> None:
        """Show an answer instead of the last one."""
        del gist
        content = {
            "data": answer.bundle(),
            "metadata": {},
            "transient": {"display_id": self._id},
        }
        packed = json.dumps(content).encode()
        self._put(Message("iopub", {"msg_type": self._kind}, {}, {}, packed, []))
        self._kind = "update_display_data"

    close = show


class Seldom:
    """A front-end that can replace nothing: it is shown only what matters.

    Args:
        answer: shows an answer.
    """

    def __init__(self, answer: Callable[[Answer], None]) -> None:
        self._answer = answer
        self._gist: Any = None

    def show(self, answer: Answer, gist: Any = None) -> None:
        """Show an answer if what matters has changed."""
        if gist != self._gist:
            self._gist = gist
            self._answer(answer)

    close = show


class Bottom:
    """The last lines of a terminal, which are drawn anew; other text is written above them.

    Args:
        write: writes to the terminal.
        size: tells its size.
    """

    def __init__(self, write: Callable[[str], None], size: Callable[[], os.terminal_size]) -> None:
        self._write = write
        self._size = size
        self._drawn = 0
        self.is_free = True  # else a line that is not ended stands there

    def show(self, answer: Answer, gist: Any = None) -> None:
        """Show an answer instead of the last one, as much of it as there is room for."""
        del gist
        if not self.is_free:
            return
        lines = answer.text.split("\n") if answer.text else []
        room = max(2, self._size().lines - 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"... {len(lines) - room + 1} more"]
        self.erase()
        if lines:
            self._write("".join(_UNWRAPPED.format(line) for line in lines))
        self._drawn = len(lines)

    def close(self, answer: Answer, gist: Any = None) -> None:
        """Show the answer that stays."""
        del gist
        self.erase()
        if answer.text:
            self._write(answer.text + "\n")

    def erase(self) -> None:
        """Make room for other text."""
        if self._drawn:
            self._write(_UP_AND_ERASE.format(self._drawn))
            self._drawn = 0
