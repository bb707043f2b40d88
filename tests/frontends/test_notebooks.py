"""The notebooks do what they show: what they are stored with is what a run gives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

import notebooks

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {
    "eight.ipynb": (),
    "pipeline.ipynb": ("bash", "r"),
    "polyglot.ipynb": ("bash", "r"),
    "quickstart.ipynb": ("bash", "r"),
    "recovery.ipynb": (),
    "sweep.ipynb": ("bash", "r"),
}
NOISE = re.compile(
    r"/(tmp|home|root|Users|var|opt)/"  # paths
    r"|0x[0-9a-f]{6}"  # addresses
    r"|\d{1,2}:\d\d:\d\d|\d{4}-\d\d-\d\d"  # times and dates
    r"|\bpid\b|it/s\]"  # processes, progress
)
KEPT = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PEAK = re.compile(r"peaked at \d+ MB")
LARGEST = 100_000  # bytes of a notebook, its plots among them


def each(*names: str) -> pytest.MarkDecorator:
    def marked(name: str) -> object:
        marks = [pytest.mark.lang(language) for language in LANGUAGES[name]]
        return pytest.param(name, id=name.removesuffix(".ipynb"), marks=marks)

    return pytest.mark.parametrize("name", [marked(name) for name in names])


def stored(name: str) -> NotebookNode:
    return notebooks.read(ROOT / "notebooks" / name)


@pytest.fixture(scope="module", autouse=True)
def fonts() -> None:
    """Let matplotlib look for fonts now: it says so in a cell where that takes long."""
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], check=True)


@pytest.mark.timeout(240)
@each(*LANGUAGES)
def test_a_notebook_says_what_it_is_stored_with(name: str) -> None:
    before, after = (notebooks.code_cells(x) for x in (stored(name), notebooks.executed(name)))
    said = [(cell.source, notebooks.said_by(cell)) for cell in after]
    assert [(cell.source, notebooks.said_by(cell)) for cell in before] == said, (
        f"run `python docs/notebooks.py {name}` and look at what it changes"
    )


def test_every_notebook_is_tested() -> None:
    assert {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} == set(LANGUAGES)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_notebook_is_stored_executed_from_top_to_bottom(name: str) -> None:
    cells = notebooks.code_cells(stored(name))
    assert [cell.execution_count for cell in cells] == [i + 1 for i in range(len(cells))]


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_notebook_is_stored_without_noise(name: str) -> None:
    notebook = stored(name)
    assert notebook.metadata == KEPT
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
    said = [notebooks.said_by(cell) for cell in notebooks.code_cells(notebook)]
    assert NOISE.findall(json.dumps(said)) == []
    assert (ROOT / "notebooks" / name).stat().st_size < LARGEST


@pytest.mark.parametrize("name", LANGUAGES)
def test_an_error_in_a_notebook_is_meant(name: str) -> None:
    for cell in notebooks.code_cells(stored(name)):
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", ()))


@pytest.mark.parametrize(("becomes", "renewed"), [("peaked at 3 MB", False), ("shrank", True)])
def test_only_what_is_said_otherwise_is_stored_anew(
    becomes: str, renewed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (ROOT / "notebooks" / "recovery.ipynb").read_text(encoding="utf-8")
    after, changes = PEAK.subn(becomes, before)
    assert changes == 2  # in the error's text and in its traceback
    (tmp_path / "recovery.ipynb").write_text(before, encoding="utf-8")
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    monkeypatch.setattr(notebooks, "executed", lambda _: nbformat.reads(after, as_version=4))
    assert notebooks.renewed("recovery.ipynb") == renewed
    stored_now = (tmp_path / "recovery.ipynb").read_text(encoding="utf-8")
    assert stored_now == (after if renewed else before)
