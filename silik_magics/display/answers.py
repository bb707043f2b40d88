"""What a command answers: text, with an HTML form and the data behind it; pure."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from silik_magics.errors import harmless, well_formed

_FONT = "font-family:var(--jp-code-font-family,monospace)"
_STYLE = f"text-align:left;padding:2px 12px 2px 0;{_FONT}"
_DRAWING = f"{_FONT};line-height:1.25"  # or the branches of a tree stand apart


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


def drawing(text: str) -> Answer:
    """Return an answer whose lines stand under each other, as a tree's do."""
    return Answer(text, f'<pre style="{_DRAWING}">{html.escape(text)}</pre>' if text else "")


def heading(name: str) -> Answer:
    """Return the line above one kernel's outputs."""
    return Answer(f"── {name} ──", f'<b style="{_FONT}">{html.escape(name)}</b>')


def table(
    columns: Sequence[str],
    rows: Sequence[dict[str, Any]],
    shown: Sequence[Sequence[str]] | None = None,
    empty: str = "",
    notes: Sequence[str] = (),
) -> Table:
    """Return a table with a head.

    Args:
        columns: the keys of the rows, in order.
        rows: the data.
        shown: the text of each cell, where it is not simply the value's.
        empty: the text when there are no rows.
        notes: lines that stand under the table.
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
    head = "".join(f'<th style="{_STYLE}">{html.escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_STYLE}">{html.escape(c)}</td>' for c in line) + "</tr>"
        for line in cells
    )
    markup = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    markup += "".join(f'<div style="{_STYLE}">{html.escape(note)}</div>' for note in notes)
    return Table("\n".join([*lines, *notes]), markup, list(rows), tuple(rows))


def _on_one_line(text: str) -> str:
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t").replace("\x1b", "\\x1b")
