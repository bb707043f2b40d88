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
    cursor = max(0, min(cursor, len(cell)))
    line = read(cell[:cursor])[-1]
    words = list(line.words)
    if not words and cell[line.start : cursor].lstrip().startswith("#"):
        return Completions(cursor, cursor)
    typed = _NOTHING
    if words and (words[-1].end == cursor or words[-1].open_quote) and words[-1].text != ">":
        typed = words.pop()
    before = [*prefix, *(protect(word.expand({})) for word in words)]
    items = (
        Item(_written(item, typed), item.type if item.type != "plain" else "")
        for item in _candidates(state, before, typed)
        if item.value.startswith(typed.text)
    )
    return Completions(typed.start if typed is not _NOTHING else cursor, cursor, tuple(items))


_NOTHING = Word((), 0, 0, quoted=False)


def _candidates(state: State, before: list[str], typed: Word) -> list[CompletionItem]:
    """Ask click, which knows from the words before what kind of word is next."""
    if not before:
        return [CompletionItem(name, type="command") for name in names()]
    is_option = typed.text.startswith("-")
    if before[0] not in TABLE.commands or (typed.quoted and is_option):
        return []
    click = ShellComplete(TABLE, {"obj": state}, "silik", "")
    option, equals, value = typed.text.partition("=")
    if not equals or not is_option:
        return click.get_completions(before, typed.text)
    found = click.get_completions([*before, option], value)  # the value in `--option=value`
    return [CompletionItem(f"{option}={item.value}", type=item.type) for item in found]


def _written(item: CompletionItem, typed: Word) -> str:
    """Return a candidate as it is written where `typed` stands."""
    value, mark = item.value, typed.open_quote
    if item.type == "command" or typed.text.startswith("-"):
        return value
    if not mark or not typed.quoted or any(char in value for char in _ENDS_OR_MEANS_MORE[mark]):
        return quote(value)
    # Inside an open quote the same quote goes on; it is closed unless the path leads on.
    return mark + value + ("" if value.endswith("/") else mark)


_ENDS_OR_MEANS_MORE = {"'": "'", '"': '"$`\\'}
