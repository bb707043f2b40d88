"""Makes the outputs that the notebooks are stored with, and says whether they are still true.

Run `python docs/notebooks.py`, with names of notebooks or for all of them, in an environment with
the extra `test`, where the kernels of bash and R are installed. A cell that says the same as it is
stored with stays as it is; clear its output to have a plot made anew. The tests do the same and
compare.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
VARIES = "varies"  # a tag of cells whose numbers differ from run to run
PLOTS = ("image/png", "image/svg+xml")

ANSI = re.compile(r"\x1b\[[0-9;]*m")
NUMBER = re.compile(r"\d+(\.\d+)?")
LONG_NUMBER = re.compile(r"(\d\.\d{6})\d+")
OVERWRITTEN = re.compile(r"[^\n]*\r")  # what a progress bar has shown before
BAR = re.compile(r"█+")
TIMES = re.compile(r" \[\d\d:\d\d<.*?\]")  # what it ends with


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return its cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def executed(name: str) -> NotebookNode:
    """Execute a notebook in a folder that holds a copy of them all, and return the result."""
    with tempfile.TemporaryDirectory() as directory:
        for path in FOLDER.glob("*.ipynb"):
            shutil.copy(path, directory)
        made = read(Path(directory, name))
        context = {"metadata": {"path": directory}}
        NotebookClient(made, timeout=200, record_timing=False, resources=context).execute()
    return cleaned(made)


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without what only tells of its run: versions, times, widgets."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": notebook.metadata.language_info.name}
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = _joined(cell.outputs)
    return notebook


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return outputs in which a stream that came in pieces is one, as a terminal leaves it."""
    made: list[NotebookNode] = []
    for output in outputs:
        name = output.get("name")
        if made and name and name == made[-1].get("name"):
            made[-1].text += output.text
        else:
            made.append(output)
    for output in made:
        if output.output_type == "stream":
            output.text = TIMES.sub("", OVERWRITTEN.sub("", output.text.replace("\r\n", "\n")))
    return made


def said_by(cell: NotebookNode) -> list[Any]:
    """Return what a cell says, to be compared: of a plot only that it is there."""
    varies = VARIES in cell.metadata.get("tags", ())
    return [_said(output, varies) for output in cell.outputs]


def _said(output: NotebookNode, varies: bool) -> dict[str, str]:
    if output.output_type == "stream":
        said = {output.name: output.text}
    elif output.output_type == "error":
        said = {"error": f"{output.ename}: {output.evalue}"}  # how it is set is IPython's affair
    else:
        said = {kind: _shown(kind, value) for kind, value in output.data.items()}
    # The last digits differ from machine to machine.
    plain = {kind: LONG_NUMBER.sub(r"\1", ANSI.sub("", text)) for kind, text in said.items()}
    return {kind: _without_numbers(text) for kind, text in plain.items()} if varies else plain


def _shown(kind: str, value: Any) -> str:
    if kind in PLOTS:
        return "a plot"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _without_numbers(text: str) -> str:
    # A number that is longer takes its place from what stands beside it.
    return re.sub(r" +", " ", BAR.sub("█", NUMBER.sub("0", text)))


def renewed(name: str) -> bool:
    """Execute a notebook and store the cells that say something else now; say whether any did."""
    stored, made = read(FOLDER / name), executed(name)
    for before, after in zip(code_cells(stored), code_cells(made), strict=True):
        if before.execution_count == after.execution_count and said_by(before) == said_by(after):
            after.outputs = before.outputs
    if made == stored:
        return False
    nbformat.write(made, FOLDER / name)
    return True


def main() -> None:
    """Renew the notebooks that are named, or all."""
    given = map(Path, sys.argv[1:] or sorted(FOLDER.glob("*.ipynb")))
    for name in (path.with_suffix(".ipynb").name for path in given):
        sys.stdout.write(f"{name}: {'renewed' if renewed(name) else 'as it was'}\n")


if __name__ == "__main__":
    main()
