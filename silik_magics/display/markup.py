"""HTML that reads well on white and on dark, in any front-end; pure.

No file, script or style sheet belongs to it: a notebook keeps it, and front-ends that do not trust
a notebook, or know no styles at all, still show tables, lists and text. Text has the colour of the
page; the colours that are ours stand in dots, lines and tints, which read on any page.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FONT = (
    "font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace));"
    "font-size:var(--jp-code-font-size,var(--vscode-editor-font-size,13px))"
)
TINT = "rgba(128,128,128,.12)"
LINE = "rgba(128,128,128,.45)"
PAGE = "var(--jp-layout-color0,var(--vscode-editor-background,Canvas))"

# At least three to one on white and on the dark of any theme.
COLOURS = {
    "idle": "#2f9e57",
    "busy": "#3f83e8",
    "starting": "#b8860b",
    "ahead": "#8a8f98",
    "stopped": "#d2691e",
    "silent": "#a265d6",
    "dead": "#e0484d",
}
_OTHER = COLOURS["ahead"]

WIDE = 32  # characters: a longer cell may be broken into lines
LONG = 400  # characters: a longer cell has a scroll bar
TALL = 40  # rows: a longer table has a scroll bar

_CELL = "padding:2px 14px 2px 0;vertical-align:top"
_NUMBER = f"{_CELL};text-align:right;white-space:nowrap"
_SHORT = f"{_CELL};text-align:left;white-space:pre"
_BROKEN = (
    f"{_CELL};text-align:left;white-space:pre-wrap;overflow-wrap:anywhere;"
    "min-width:14em;max-width:40em"
)
_STATE = f"{_CELL};text-align:left;white-space:normal"
_SCROLLED = f"overflow:auto;scrollbar-width:thin;scrollbar-color:{LINE} transparent"
_LINE_OF_TREE = "white-space:pre-wrap;overflow-wrap:anywhere"
_INNER = f"list-style:none;margin:0 0 0 .35em;padding:0 0 0 1.2em;border-left:1px solid {LINE}"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: what it says, on one line.
        is_number: whether it belongs to a column of numbers.
        state: the state of a kernel that the text begins with; or empty.
    """

    text: str
    is_number: bool = False
    state: str = ""


@dataclass(frozen=True)
class Twig:
    """A line of a tree.

    Args:
        depth: in how many folders of the drawing it lies.
        name: of the folder or kernel.
        state: of the kernel; empty for a folder.
        note: what stands behind a kernel's name.
        is_current: whether it is the current folder.
    """

    depth: int
    name: str
    state: str = ""
    note: str = ""
    is_current: bool = False


def dot(state: str) -> str:
    """Return a dot in the colour of a state."""
    name = html.escape(state)
    return f'<span title="{name}" style="color:{COLOURS.get(state, _OTHER)}">●</span>'


def badge(state: str) -> str:
    """Return a state with its colour."""
    tint = f"background:{COLOURS.get(state, _OTHER)}33"
    style = f"{tint};border-radius:8px;padding:0 8px 0 6px;white-space:nowrap"
    return f'<span style="{style}">{dot(state)} {html.escape(state)}</span>'


def table(columns: Sequence[Cell], rows: Sequence[Sequence[Cell]], notes: Sequence[str]) -> str:
    """Return a table with a head, and lines of text under it."""
    head = "".join(_head(cell, is_fixed=len(rows) > TALL) for cell in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    style = "padding-top:4px;font-size:.92em"
    under = "".join(f'<div style="{style}">{html.escape(note)}</div>' for note in notes)
    return (
        f'<div style="{FONT};line-height:1.5">'
        f'<div style="{_SCROLLED}{";max-height:36em" if len(rows) > TALL else ""}">'
        f'<table style="margin:0;border-collapse:collapse;font-size:.92em">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{under}</div>"
    )


def _head(cell: Cell, *, is_fixed: bool) -> str:
    side = "right" if cell.is_number else "left"
    style = f"{_CELL};text-align:{side};vertical-align:bottom;border-bottom:1px solid {LINE}"
    if is_fixed:
        style += f";position:sticky;top:0;background:{PAGE}"
    return f'<th style="{style}">{html.escape(cell.text)}</th>'


def _cell(cell: Cell) -> str:
    text = html.escape(cell.text)
    if cell.is_number:  # and its unit, on one line also where styles are stripped
        text = text.replace(" ", "\u00a0")
    if cell.state:
        rest = cell.text.removeprefix(cell.state).removeprefix(": ")
        text = f"{badge(cell.state)} {html.escape(rest)}".rstrip()
    if len(cell.text) > LONG:
        text = f'<div style="max-height:9em;{_SCROLLED}">{text}</div>'
    return f'<td style="{_style(cell)}">{text}</td>'


def _style(cell: Cell) -> str:
    if cell.state:
        return _STATE
    if cell.is_number:
        return _NUMBER
    return _BROKEN if len(cell.text) > WIDE else _SHORT


def tree(twigs: Sequence[Twig]) -> str:
    """Return a tree, whose folders can be folded; the lines in the order of the drawing."""
    return f'<div style="{FONT};line-height:1.5">{"".join(_tree(twigs))}</div>'


def _tree(twigs: Sequence[Twig]) -> Iterator[str]:
    yield '<ul style="list-style:none;margin:0;padding:0">'
    for index, twig in enumerate(twigs):
        below = twigs[index + 1].depth if index + 1 < len(twigs) else 0
        yield f'<li style="margin:0;{_LINE_OF_TREE}">'
        if below > twig.depth:
            yield f'<details open><summary style="cursor:pointer">{_line(twig)}</summary>'
            yield f'<ul style="{_INNER}">'
        else:
            hollow = "" if twig.state else '<span style="opacity:.6">▹</span> '
            yield f"{hollow}{_line(twig)}</li>"
            yield "</ul></details></li>" * (twig.depth - below)
    yield "</ul>"


def _line(twig: Twig) -> str:
    name = f"<bdi>{html.escape(twig.name)}</bdi>"
    if twig.state:
        return f"{dot(twig.state)} {name}{html.escape(twig.note)}"
    return f"<b>{name}/</b>{' &lt;&lt;' if twig.is_current else ''}"


def lines(text: str) -> str:
    """Return text whose lines and blanks stay; long lines are broken."""
    style = f"{FONT};line-height:1.35;margin:0;white-space:pre-wrap;overflow-wrap:anywhere"
    return f'<pre style="{style}">{html.escape(text)}</pre>'


def record(entries: Sequence[tuple[str, str]]) -> str:
    """Return numbered pieces of code, each with what it showed; long ones have a scroll bar."""
    block = "margin:0;padding:4px 10px;white-space:pre-wrap;overflow-wrap:anywhere"
    shown = f"{FONT};line-height:1.35;{block};max-height:24em;{_SCROLLED}"
    body = "".join(
        f'<li style="margin:0 0 6px 0"><pre style="{shown};background:{TINT}">'
        f"{html.escape(code)}</pre>"
        + (f'<pre style="{shown}">{html.escape(output)}</pre>' if output else "")
        + "</li>"
        for code, output in entries
    )
    return f'<ol start="0" style="{FONT};margin:0;padding:0 0 0 3em">{body}</ol>'


def title(name: str, note: str = "", done: float | None = None) -> str:
    """Return the line above what one kernel says.

    Args:
        name: what it is called.
        note: what stands behind its name.
        done: the part of the whole that is done, for a bar between the two.
    """
    style = f"{FONT};border-bottom:1px solid {LINE};padding-top:8px" if name else FONT
    parts = [f"<b><bdi>{html.escape(name)}</bdi></b>"] if name else []
    if note and done is not None:
        bar = "width:6em;height:.8em;vertical-align:middle"
        parts.append(f'<progress style="{bar}" max="1" value="{done:.3g}"></progress>')
    if note:
        parts.append(f'<span style="opacity:.8">{html.escape(note)}</span>')
    return f'<div style="{style}">{" ".join(parts)}</div>'
