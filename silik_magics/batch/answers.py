"""What answers the questions of a notebook that nobody sits at: the lines of a text file; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from silik_magics.errors import CommandError

VARIABLE = "SILIK_ANSWERS"  # the environment variable that names the file


class Answers:
    """The answers to `input()` and `getpass()`, in order.

    What was answered is in no message and no log: it may be a password.

    Args:
        lines: the answers.
        source: the file that they come from, for messages.
    """

    def __init__(self, lines: Iterable[str], source: str) -> None:
        self._left = deque(lines)
        self._given = 0
        self.source = source

    @classmethod
    def read(cls, text: str, source: str) -> Answers:
        """Return the answers of a text: each line is one, an empty line an empty one."""
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        return cls(lines[:-1] if lines[-1] == "" else lines, source)

    @property
    def left(self) -> int:
        """How many were not asked for yet."""
        return len(self._left)

    def give(self, prompt: str) -> str:
        """Return the next answer.

        Raises:
            CommandError: there is none left.
        """
        if not self._left:
            asked = (
                f"the notebook asked {prompt.strip()!r}" if prompt.strip() else "the notebook asked"
            )
            count = "its one answer is" if self._given == 1 else f"its {self._given} answers are"
            rest = f"has no answer left: {count} given" if self._given else "holds no answer"
            raise CommandError(
                f"{asked}, and {self.source} {rest}",
                "it needs a line for each question of the run, in the order in which they come.",
            )
        self._given += 1
        return self._left.popleft()
