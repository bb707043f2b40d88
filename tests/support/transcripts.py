"""Transcripts: what is typed, and what must come back.

A line that begins with `silik> ` is typed, and lines that begin with `...... ` after it belong to
the same cell. The lines behind it must come back. There, `...` stands for anything, also for
several lines; `<BLANKLINE>` for an empty line; and a gap of two blanks or more for any such gap,
for the width of a column depends on what else is in it. Blank lines say nothing, and a paragraph
that begins with `# ` is prose.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from support.session import Session

TYPED = "silik> "
MORE = "...... "
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")


@dataclass
class Exchange:
    """A cell, and what must come back."""

    cell: list[str]
    back: list[str] = field(default_factory=list)

    def fits(self, shown: str) -> bool:
        """Say whether what was shown is what must come back."""
        pattern = ".*".join(re.escape(x) for x in _comparable("\n".join(self.back)).split("..."))
        return re.fullmatch(pattern, _comparable(shown), re.DOTALL) is not None

    def written(self, shown: str) -> str:
        """Return the exchange as a transcript of what was shown."""
        first, *more = self.cell
        back = [line or "<BLANKLINE>" for line in shown.splitlines()]
        return "\n".join([TYPED + first, *((MORE + line).rstrip() for line in more), *back])


def _comparable(text: str) -> str:
    lines = (_GAP.sub("  ", line.rstrip()) for line in text.splitlines())
    return "\n".join("" if line == "<BLANKLINE>" else line for line in lines)


def parse(text: str) -> list[Exchange]:
    """Return the exchanges of a transcript."""
    found: list[Exchange] = []
    typing, prose, after_blank = False, False, True
    for line in text.splitlines():
        prose = bool(line) and (prose or (after_blank and line.startswith("# ")))
        after_blank = not line
        if not line or prose:
            continue
        if line.startswith(TYPED):
            found.append(Exchange([line.removeprefix(TYPED)]))
            typing = True
        elif typing and f"{line} ".startswith(MORE):
            found[-1].cell.append(line.removeprefix(MORE.rstrip()).removeprefix(" "))
        elif found:
            typing = False
            found[-1].back.append(line)
        else:
            raise ValueError(f"nothing is typed before {line!r}")
    return found


async def play(text: str, session: Session) -> None:
    """Type a transcript into a session.

    Raises:
        AssertionError: something else came back.
    """
    wrong: list[str] = []
    for exchange in parse(text):
        shown = await session.type("\n".join(exchange.cell))
        if not exchange.fits(shown):
            expected = exchange.written("\n".join(exchange.back))
            wrong += difflib.ndiff(expected.splitlines(), exchange.written(shown).splitlines())
    if wrong:
        raise AssertionError("\n".join(wrong))
