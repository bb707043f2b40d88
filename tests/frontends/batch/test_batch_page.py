"""Every example of docs/batch.md is run, in order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
import yaml
from support.runs import read, write_notebook

PAGE = (Path(__file__).parents[3] / "docs" / "batch.md").read_text(encoding="utf-8")
# A fenced block, with the comment above it that says of which notebook it is a cell.
BLOCK = re.compile(
    r"^(?:<!-- (?P<cell>\S+)(?: on (?P<kernel>\w+))? -->\n)?"
    r"```(?P<language>\w+)\n(?P<text>.*?)\n```$",
    re.MULTILINE | re.DOTALL,
)
BLOCKS = [match.groupdict() for match in BLOCK.finditer(PAGE)]
TOOLS = str(Path(sys.executable).parent)
ENV = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"}


@dataclass
class Example:
    """Something to run, and the lines that come back."""

    argv: list[str]
    back: list[str] = field(default_factory=list)


def examples() -> Iterator[Example]:
    """Yield what is to be run, in the order of the page."""
    pending = None
    for block in BLOCKS:
        language, text = block["language"], block["text"]
        if block["cell"]:
            continue
        if language == "text":
            assert pending is not None, text
            pending.back = text.splitlines()
            continue
        if pending is not None:
            yield pending
            pending = None
        if language == "python":
            pending = Example([sys.executable, "-c", text])
        elif language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, *back = part.splitlines()
                yield Example(["bash", "-c", command], back)
        else:
            assert language == "yaml", language
    if pending is not None:
        yield pending


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the notebooks of the page."""
    found = tmp_path_factory.mktemp("batch")
    cells: dict[tuple[str, str], list[str]] = {}
    for block in BLOCKS:
        if block["cell"]:
            key = block["cell"], block["kernel"] or "python3"
            cells.setdefault(key, []).append(block["text"])
    for (name, kernel), texts in cells.items():
        path = write_notebook(found / name, *texts, kernel=kernel)
        if "rate" in texts[0]:
            made = read(path)
            made.cells[0].metadata["tags"] = ["parameters"]
            nbformat.write(made, path)
    (found / "requirements.txt").write_text("silik-magics\n")
    return found


def run(argv: list[str], folder: Path) -> list[str]:
    """Run an example, and return the lines that it shows."""
    done = subprocess.run(
        argv, cwd=folder, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return [line.strip() for line in done.stdout.splitlines()]


@pytest.mark.timeout(240)
def test_the_examples_of_the_page_are_true(folder: Path) -> None:
    found = list(examples())
    assert len(found) > 10
    for example in found:
        shown = run(example.argv, folder)
        assert [line for line in example.back if line not in shown] == [], shown


def test_the_steps_of_the_job_run(folder: Path) -> None:
    [text] = [block["text"] for block in BLOCKS if block["language"] == "yaml"]
    steps = [
        step["run"] for step in yaml.safe_load(text)["jobs"]["report"]["steps"] if "run" in step
    ]
    for step in steps:
        run(["bash", "-c", step], folder)
    assert "5.0" in (folder / "report.out.html").read_text(encoding="utf-8")
