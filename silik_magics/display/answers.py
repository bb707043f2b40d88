"""What a command answers: text, with an HTML form and the data behind it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from silik_magics.display import markup
from silik_magics.display.markup import Cell, Twig
from silik_magics.errors import harmless, well_formed


@dataclass(frozen=True, eq=False)
class Answer:
    """A command's answer: plain text, and HTML where a front-end can show it."""

    text: str
    markup: str = ""
    data: Any = None

    def __post_init__(self) -> None:
        # It may name what a user typed, and that need not be text which can be sent.
        object.__setattr__(self, "text", well_formed(self.text))
        object.__setattr__(self, "markup", well_formed(self.markup))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def bundle(self) -> dict[str, Any]:
        """Return it as a mime bundle."""
        markup = {"text/html": self.markup} if self.markup else {}
        return {"text/plain": self.text, **markup}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        del include, exclude  # IPython's signature; there is nothing to choose from
        return self.bundle()


@dataclass(frozen=True, eq=False, repr=False)
class Table(Answer):
    """An answer of rows; iterating gives a dict for each, and `pandas.DataFrame(list(t))` works."""

    rows: tuple[dict[str, Any], ...] = ()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def drawing(text: str, twigs: Sequence[Twig] = ()) -> Answer:
    """Return a tree: its drawing, and its lines for front-ends that show HTML."""
    return Answer(text, markup.tree(twigs) if twigs else "")


def preformatted(text: str, data: Any = None) -> Answer:
    """Return an answer whose lines stand under each other."""
    return Answer(text, markup.lines(text), data)


def record(text: str, entries: Sequence[tuple[str, str]], data: Any) -> Answer:
    """Return what was run, with what it showed: code and outputs one after the other."""
    return Answer(text, markup.record(entries) if entries else "", data)


def heading(name: str) -> Answer:
    """Return the line above one kernel's outputs."""
    return Answer(f"── {name} ──", markup.title(name))


def table(
    columns: Sequence[str],
    rows: Sequence[dict[str, Any]],
    shown: Sequence[Sequence[str]] | None = None,
    empty: str = "",
    notes: Sequence[str] = (),
    state: str = "",
) -> Table:
    """Return a table with a head.

    In HTML, a column whose values are numbers is aligned to the right.

    Args:
        columns: the keys of the rows, in order.
        rows: the data.
        shown: the text of each cell, where it is not simply the value's.
        empty: the text when there are no rows.
        notes: lines that stand under the table.
        state: the column that holds the states of kernels, if there is one; its texts begin so.
    """
    if not rows:
        return Table(empty, data=[])
    texts = shown or [[str(row[column]) for column in columns] for row in rows]
    cells = [[_on_one_line(text) for text in line] for line in texts]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [columns, *cells]
    ]
    numbers = [all(_is_number(row.get(column)) for row in rows) for column in columns]
    found = markup.table(
        [Cell(*each) for each in zip(columns, numbers, strict=True)],
        [
            [
                Cell(text, is_number, str(row.get(column)) if column == state else "")
                for text, is_number, column in zip(line, numbers, columns, strict=True)
            ]
            for line, row in zip(cells, rows, strict=True)
        ],
        notes,
    )
    return Table("\n".join([*lines, *notes]), found, list(rows), tuple(rows))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _on_one_line(text: str) -> str:
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t").replace("\x1b", "\\x1b")
