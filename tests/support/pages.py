"""Pages of the documentation: what is in their fenced blocks, and what must come back.

* `python` is a cell of one notebook, which lasts as long as the page.
* `console` holds commands of a shell behind `$ `, each with what it shows.
* `text` behind a cell is what that cell shows, the whole of it; `...` stands for anything. A text
  that begins with `silik> ` is a session with the command language (see `support.transcripts`).
* A comment above a block says more of it: `<!-- report.ipynb -->` that it is a cell of that
  notebook (the first one has the tag `parameters`), `<!-- first.silik -->` that it is that file,
  and `<!-- not run: ... -->` why it can not be run here.
* `<!-- needs r -->` anywhere says that the page needs the kernel of a language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from support.runs import notebook_of
from support.transcripts import TYPED, Exchange

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(
    r"^(?:<!-- (?P<comment>[^\n]*?) -->\n)?^```(?P<language>[\w{}-]+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NEEDS = re.compile(r"^<!-- needs (\w+) -->$", re.MULTILINE)
_NOT_RUN = "not run: "
_FOR_SPHINX = ("{",)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: what stands behind the fence.
        text: its lines, without the last newline.
        comment: what stands in the comment above it.
    """

    language: str
    text: str
    comment: str = ""

    @property
    def file(self) -> str:
        """The file that it is, or is a cell of; empty for what is run."""
        return "" if self.comment.startswith(_NOT_RUN) else self.comment


@dataclass
class Example:
    """Something to run: a cell, or a command of a shell, with what it must show.

    `back` is None where the page does not tell; then it must succeed.
    """

    kind: str
    code: str
    back: list[str] | None = None

    def fits(self, shown: str) -> bool:
        """Say whether what was shown is what the page tells."""
        return self.back is None or Exchange([self.code], self.back).fits(shown)


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(one["language"], one["text"].removesuffix("\n"), one["comment"] or "")
        for one in found
        if not one["language"].startswith(_FOR_SPHINX)
    ]


def languages(page: Path) -> list[str]:
    """Return the languages whose kernels a page needs."""
    return _NEEDS.findall(page.read_text(encoding="utf-8"))


def examples(page: Path) -> list[Example]:
    """Return what is to be run, in order.

    Raises:
        ValueError: there is a block of which it is not clear how it could be run.
    """
    found: list[Example] = []
    told = True  # whether the text that comes next belongs to something
    for block in blocks(page):
        if block.comment.startswith(_NOT_RUN) or block.file or block.text.startswith(TYPED):
            told = True
        elif block.language == "python":
            found.append(Example("cell", block.text))
            told = False
        elif block.language == "console":
            found += _commands(block.text)
            told = True
        elif block.language == "text" and not told:
            found[-1].back = block.text.splitlines()
            told = True
        else:
            raise ValueError(f"{page.name} does not say how to run {block.text!r}")
    return found


def _commands(text: str) -> Iterator[Example]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *back = part.splitlines()
        yield Example("command", command, back or None)


def write_files(page: Path, folder: Path) -> None:
    """Write the files of a page into a folder."""
    texts: dict[str, list[str]] = {}
    for block in blocks(page):
        if block.file:
            texts.setdefault(block.file, []).append(block.text)
    for name, parts in texts.items():
        if name.endswith(".ipynb"):
            made = notebook_of(*parts)
            made.cells[0].metadata["tags"] = ["parameters"]
            nbformat.write(made, folder / name)
        else:
            (folder / name).write_text("\n".join(parts) + "\n", encoding="utf-8")
