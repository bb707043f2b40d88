"""What silik knows of a language: how it writes a value, and how it prints one back; pure.

Every language is a subclass in a module of its own. A language that can not hold a value refuses
it; none ever changes one in silence.
"""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from silik_magics.errors import CommandError
from silik_magics.language.literals.plain import Unfit
from silik_magics.language.literals.values import Value, read_json, told

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
EXACT = 2**53  # up to here a double counts every whole number


class Language(ABC):
    """One language.

    Attributes:
        title: as people write it.
        comment: begins a comment.
        names: what a name of a variable looks like.
        reserved: words that look so and are none.
        null, true, false: how these are written; an empty `null` says that it has none.
        special: how `nan`, `inf` and `-inf` are written; empty: it has none.
        largest: it counts whole numbers exactly from minus this to this.
        takes_nul: whether its text may hold a NUL character.
    """

    title: str
    comment: str = "#"
    names: re.Pattern[str] = IDENTIFIER
    reserved: frozenset[str] = frozenset()
    null: str = ""
    true: str = "true"
    false: str = "false"
    special: ClassVar[Mapping[str, str]] = {}
    largest: float = math.inf
    takes_nul: bool = True

    # Writing

    def assignment(self, name: str, value: Value) -> str:
        """Return source that gives a variable a value.

        Raises:
            CommandError: the language can not hold it, or has no variable of this name.
        """
        self.check_name(name)
        try:
            self._check(value, 0)
        except Unfit as error:
            raise CommandError(
                f"{name}{error}", f"give {self.title} something else, or make it there with `run`."
            ) from None
        return self.assign(name, value)

    def check_name(self, name: str) -> None:
        """Raise CommandError if it is no name of a variable."""
        if not self.names.fullmatch(name) or name in self.reserved:
            raise CommandError(
                f"{name!r} is no name of a variable in {self.title}",
                "letters, digits and `_` are good everywhere, a letter first, but for words "
                "that the language keeps for itself.",
            )

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment; the value was checked."""
        return f"{name} = {self.source(value)}"

    def together(self, assignments: Sequence[str]) -> str:
        """Return several assignments as one piece of source, which ends where one fails."""
        return "\n".join(assignments)

    def source(self, value: Value) -> str:
        """Return the source of a value that was checked."""
        if value is None:
            return self.null
        if isinstance(value, bool):
            return self.true if value else self.false
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return self.real(value) if math.isfinite(value) else self.special[str(value)]
        return self.items(value) if isinstance(value, list) else self.mapping(value)

    @abstractmethod
    def text(self, value: str) -> str:
        """Return the source of a string."""

    def real(self, value: float) -> str:
        """Return the source of a finite number with a fraction."""
        return repr(value)

    def items(self, value: list[Value]) -> str:
        """Return the source of a list."""
        return f"[{', '.join(map(self.source, value))}]"

    def mapping(self, value: dict[str, Value]) -> str:
        """Return the source of a dict."""
        return f"{{{', '.join(f'{self.text(k)}: {self.source(v)}' for k, v in value.items())}}}"

    def refusal(self, value: Value, depth: int) -> str:
        """Return why it can not hold a value (not looking into it), or an empty string.

        Args:
            value: a value, or a part of one.
            depth: how many lists and dicts it lies in.
        """
        del depth
        if value is None and not self.null:
            return f"{self.title} has no null"
        if isinstance(value, float) and not math.isfinite(value) and not self.special:
            return f"{self.title} has no such number"
        if type(value) is int and abs(value) > self.largest:
            return f"{self.title} counts exactly only up to {self.largest:,}".replace(",", " ")
        texts = (value, *()) if isinstance(value, str) else value if isinstance(value, dict) else ()
        if not self.takes_nul and any("\0" in text for text in texts):
            return f"text in {self.title} can not hold the character NUL"
        return ""

    def _check(self, value: Value, depth: int) -> None:
        if why := self.refusal(value, depth):
            raise Unfit(f"is {told(value)}, and {why}")
        if isinstance(value, list | dict):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                try:
                    self._check(item, depth + 1)
                except Unfit as error:
                    raise error.inside(key) from None

    # Where a kernel is

    def moving(self, cwd: str, variables: Mapping[str, str | None]) -> str:
        """Return source that changes directory and environment; empty if it is not known how.

        It prints nothing and leaves no name behind.

        Args:
            cwd: the working directory; empty if it stays.
            variables: of the environment, all of them identifiers; None takes one away.
        """
        del cwd, variables
        return ""

    # Reading back

    def showing(self, name: str, mark: str) -> str:
        """Return source that prints a variable between two marks, on one line of ASCII.

        What it prints begins with `=`, and :meth:`read` reads the rest; or it is `?` where there
        is no such variable; or behind a `!` stands why it can not travel.

        Raises:
            CommandError: it can not print values so.
        """
        del name, mark
        raise CommandError(
            f"{self.title} has no way to print a value that silik could read",
            "let it write a file, or print what you need with `run`.",
        )

    def read(self, printed: str) -> Value:
        """Return the value of what was printed behind the `=`."""
        return read_json(printed, self.largest)


def alike(value: list[Value], *kinds: type) -> bool:
    """Say whether a list holds something, and nothing but values of exactly these types."""
    return bool(value) and all(type(item) in kinds for item in value)


def c_string(value: str) -> str:
    """Return text in double quotes and ASCII, escaped as in JSON, C#, F#, Java and JavaScript."""
    return json.dumps(value).replace("\x7f", "\\u007f")
