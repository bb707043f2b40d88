r"""How a cell is read: lines of words with POSIX quoting; pure.

The rules, all of them in this file:

* A cell is a sequence of lines. A line ends at a newline that is not inside quotes.
* Lines that are blank, or whose first non-space character is `#`, are skipped.
* Words are separated by blanks. `'...'` is literal. In `"..."` a backslash escapes only
  `$`, a backtick, `"`, a backslash and a newline (which disappears); elsewhere it stays, so that
  `"print('a\nb')"` reaches the kernel as typed. Outside quotes a backslash escapes any character.
* `${name}` is replaced where a variable of that name exists, but never inside single quotes nor
  behind a backslash. Everything else with a `$` is left alone.
* A word that begins with a quote, an escape or a replaced variable is never an option.
* `>k1.py` is read as `> k1.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from silik_magics.errors import CommandError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BLANK = " \t\r\f\v"
_ESCAPED_IN_DOUBLE = '$`"\\'
_SAFE = re.compile(r"[\w@%+=:,./~^-]+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a word: its text, and whether `${name}` is replaced in it."""

    text: str
    expands: bool


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line: `start` and `end` are offsets into the cell, `end` exclusive.

    `open_quote` is the quote character that was never closed (only when read for completion).
    """

    segments: tuple[Segment, ...]
    start: int
    end: int
    quoted: bool
    open_quote: str = ""

    @property
    def text(self) -> str:
        """The word as the command sees it, before variables are replaced."""
        return "".join(segment.text for segment in self.segments)

    def expand(self, variables: Mapping[str, str]) -> Argument:
        """Return the word with its variables replaced."""
        pieces = [
            _VARIABLE.sub(lambda m: variables.get(m[1], m[0]), segment.text)
            if segment.expands
            else segment.text
            for segment in self.segments
        ]
        text = "".join(pieces)
        literal = self.quoted or (self.text[:1] == "$" and text[:1] != "$")
        return Argument(text, literal)


@dataclass(frozen=True, slots=True)
class Argument:
    """A word ready for a command; a `literal` one is never taken for an option."""

    text: str
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The words of one command; `start` and `end` are offsets into the cell."""

    words: tuple[Word, ...]
    start: int
    end: int


def split(cell: str) -> list[Line]:
    """Read a cell into lines of words, without blank lines and comments.

    Raises:
        CommandError: a quote is not closed; the message says where it was opened.
    """
    lines = read(cell)
    for line in lines:
        for word in line.words:
            if word.open_quote:
                raise _unclosed(cell, word)
    return [line for line in lines if line.words]


def read(cell: str) -> list[Line]:
    """Read a cell like :func:`split`, but keep empty lines and forgive an open quote.

    Completion uses it: there the text is not finished yet.
    """
    lines: list[Line] = []
    position = 0
    while True:
        line, position = _Reader(cell, position).line()
        lines.append(line)
        if position >= len(cell):
            return lines
        position += 1  # the newline
        if position == len(cell):
            lines.append(Line((), position, position))
            return lines


def quote(text: str) -> str:
    """Return `text` as one word of the language that is read back as `text`."""
    if text and text[0] not in "#>-<" and _SAFE.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _unclosed(cell: str, word: Word) -> CommandError:
    # The quote that is open is the last one of its kind that was opened in the word.
    at = _last_opening(cell, word)
    row = cell.count("\n", 0, at) + 1
    column = at - (cell.rfind("\n", 0, at) + 1) + 1
    return CommandError(
        f"a quote ({word.open_quote}) opened in line {row}, column {column} is never closed",
        f"close it with {word.open_quote}; a quoted word may span lines.",
    )


def _last_opening(cell: str, word: Word) -> int:
    reader = _Reader(cell, word.start)
    reader.word()
    return reader.opened_at


@dataclass(slots=True)
class _Reader:
    """Reads one line from `position` on; knows where the last quote was opened."""

    cell: str
    position: int
    opened_at: int = -1
    _segments: list[Segment] = field(default_factory=list[Segment])

    def line(self) -> tuple[Line, int]:
        cell, start = self.cell, self.position
        words: list[Word] = []
        while True:
            self._skip_blanks()
            if self.position >= len(cell) or cell[self.position] == "\n":
                break
            if not words and cell[self.position] == "#":
                newline = cell.find("\n", self.position)
                self.position = len(cell) if newline < 0 else newline
                break
            if not words and cell[self.position] == ">":
                at = self.position
                self.position += 1
                words.append(Word((Segment(">", False),), at, at + 1, False))
                continue
            words.append(self.word())
        return Line(tuple(words), start, self.position), self.position

    def _skip_blanks(self) -> None:
        cell = self.cell
        while self.position < len(cell):
            if cell[self.position] in _BLANK:
                self.position += 1
            elif cell.startswith("\\\n", self.position):
                self.position += 2
            else:
                return

    def word(self) -> Word:
        cell, start = self.cell, self.position
        self._segments = []
        quoted = cell[start] in "'\"\\"
        open_quote = ""
        while self.position < len(cell) and not open_quote:
            char = cell[self.position]
            if char == "\n" or char in _BLANK:
                break
            if char == "'":
                open_quote = self._single()
            elif char == '"':
                open_quote = self._double()
            elif char == "\\":
                self._escape()
            else:
                self._plain()
        return Word(tuple(self._segments), start, self.position, quoted, open_quote)

    def _plain(self) -> None:
        start = self.position
        while self.position < len(self.cell) and self.cell[self.position] not in "'\"\\\n" + _BLANK:
            self.position += 1
        self._add(self.cell[start : self.position], expands=True)

    def _escape(self) -> None:
        escaped = self.cell[self.position + 1 : self.position + 2]
        if escaped != "\n":
            self._add(escaped or "\\", expands=False)
        self.position += 2 if escaped else 1

    def _single(self) -> str:
        self.opened_at = self.position
        end = self.cell.find("'", self.position + 1)
        closed = end >= 0
        end = end if closed else len(self.cell)
        self._add(self.cell[self.position + 1 : end], expands=False)
        self.position = end + 1 if closed else end
        return "" if closed else "'"

    def _double(self) -> str:
        self.opened_at = self.position
        self.position += 1
        cell, start = self.cell, self.position
        self._add("", expands=True)
        while self.position < len(cell):
            char = cell[self.position]
            if char == '"':
                self._add(cell[start : self.position], expands=True)
                self.position += 1
                return ""
            following = cell[self.position + 1 : self.position + 2]
            if char == "\\" and following and following in _ESCAPED_IN_DOUBLE + "\n":
                self._add(cell[start : self.position], expands=True)
                self._add("" if following == "\n" else following, expands=False)
                self.position += 2
                start = self.position
            else:
                self.position += 1
        self._add(cell[start : self.position], expands=True)
        return '"'

    def _add(self, text: str, *, expands: bool) -> None:
        self._segments.append(Segment(text, expands))
