"""How MATLAB and Octave write a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from silik_magics.language.literals.language import EXACT, Language, alike
from silik_magics.language.literals.values import Value

_PIECES = re.compile(r"[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+")


class Octave(Language):
    """A list of numbers or of booleans becomes a row, any other a cell array; a dict a Map.

    Text is a row of characters, in which both of them read nothing but a doubled quote.
    """

    title = "Octave"
    comment = "%"
    names = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
    special: ClassVar[Mapping[str, str]] = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}
    largest = EXACT

    def refusal(self, value: Value, depth: int) -> str:
        """Return why it can not hold a value, or an empty string."""
        if isinstance(value, dict) and "" in value:
            return f"keys in {self.title} can not be empty"
        return super().refusal(value, depth)

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment, which shows nothing."""
        return f"{name} = {self.source(value)};"

    def text(self, value: str) -> str:
        """Return the source of a row of characters."""
        pieces = [_piece(piece) for piece in _PIECES.findall(value)] or ["''"]
        return pieces[0] if len(pieces) == 1 else f"[{', '.join(pieces)}]"

    def items(self, value: list[Value]) -> str:
        """Return the source of a row, or of a cell array."""
        inner = ", ".join(map(self.source, value))
        return f"[{inner}]" if alike(value, int, float) or alike(value, bool) else f"{{{inner}}}"

    def mapping(self, value: dict[str, Value]) -> str:
        """Return the source of a Map."""
        if not value:
            return "containers.Map()"
        keys = ", ".join(map(self.text, value))
        items = ", ".join(map(self.source, value.values()))
        return f"containers.Map({{{keys}}}, {{{items}}}, 'UniformValues', false)"


class Matlab(Octave):
    """The same as Octave."""

    title = "MATLAB"


def _piece(text: str) -> str:
    if _PIECES.fullmatch(text) and (text < " " or text == "\x7f"):
        return f"char({ord(text)})"
    return "'" + text.replace("'", "''") + "'"
