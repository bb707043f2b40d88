"""What could be typed at a place in a cell of commands; never raises, asks no kernel."""

from __future__ import annotations

from dataclasses import dataclass

from click.shell_completion import CompletionItem, ShellComplete

from silik_magics.commands.context import State
from silik_magics.commands.table import TABLE, names, protect
from silik_magics.language.words import Word, quote, read


@dataclass(frozen=True)
class Item:
    """One thing that could be typed: the text as it is written, and what kind of thing it is."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Completions:
    """What could stand between `start` and `end` (offsets into the cell, in characters)."""

    start: int
    end: int
    items: tuple[Item, ...] = ()

    def shifted(self, offset: int) -> Completions:
        """Return the same for a cell in which `offset` characters stand in front."""
        return Completions(self.start + offset, self.end + offset, self.items)


def complete(state: State, cell: str, cursor: int, *, prefix: tuple[str, ...] = ()) -> Completions:
    """Return what could be typed at the cursor of a cell of commands.

    Args:
        state: gives the paths, variables and kernelspecs.
        cell: the whole text; what stands behind the cursor changes nothing.
        cursor: an offset into it.
        prefix: words that stand in front of the line, as `%%silik` does for a magic's first line.
    """
    line = read(cell[:cursor])[-1]
    words = list(line.words)
    typed: Word | None = None
    if words and (words[-1].end == cursor or words[-1].open_quote) and words[-1].text != ">":
        typed = words.pop()
    before = [*prefix, *(protect(word.expand({})) for word in words)]
    incomplete = typed.text if typed is not None else ""
    start = typed.start if typed is not None else cursor
    if not before:
        found = [CompletionItem(name, type="command") for name in names()]
    elif typed is not None and typed.quoted and incomplete.startswith("-"):
        found = []
    else:
        found = ShellComplete(TABLE, {"obj": state}, "silik", "").get_completions(
            before, incomplete
        )
    fitting = [item for item in found if item.value.startswith(incomplete)]
    items = tuple(
        Item(_written(item.value, typed), item.type if item.type != "plain" else "")
        for item in fitting
    )
    return Completions(start, cursor, items)


def _written(value: str, typed: Word | None) -> str:
    if typed is None or not typed.quoted or not typed.open_quote:
        return quote(value) if not value.startswith(("-", ">", "<")) else value
    # Inside an open quote the same quote goes on; it is closed unless the path leads on.
    mark = typed.open_quote
    return mark + value + ("" if value.endswith("/") else mark)
