"""The notebooks for batch runs: executed as their first cells say, with other parameters too."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.runs import code_cells, read, statuses

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
pytestmark = [pytest.mark.lang("bash"), pytest.mark.lang("r")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the notebooks, in which they are run."""
    for name in ("pipeline.ipynb", "sweep.ipynb"):
        shutil.copy(NOTEBOOKS / name, tmp_path)
    return tmp_path


def papermill(folder: Path, name: str, *options: str) -> nbformat.NotebookNode:
    words = ["--engine", "silik", name, "out.ipynb", "--no-progress-bar", *options]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *words],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return read(folder / "out.ipynb")


def streams(notebook: nbformat.NotebookNode) -> str:
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def pictures(notebook: nbformat.NotebookNode) -> int:
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_the_pipeline_takes_parameters_through_three_languages(folder: Path) -> None:
    done = papermill(folder, "pipeline.ipynb", "-p", "noise", "0.001", "-p", "samples", "50")
    assert set(statuses(done)) == {"completed"}
    said = streams(done)
    assert "slope 2.000, give or take 0.000\n" in said
    assert "50 samples with noise 0.001, seed 1\n" in said
    assert pictures(done) == 1
    kernels = [(row.path, row.language) for row in done.metadata.silik.kernels]
    assert kernels == [("books.sh", "bash"), ("fit.r", "r")]


def test_the_sweep_runs_the_pipeline_and_draws_its_results(folder: Path) -> None:
    done = papermill(folder, "sweep.ipynb", "-p", "noises", "2", "-p", "seeds", "3,4")
    assert "2 points, all well; the results are in pipeline-sweep/results.csv" in streams(done)
    assert pictures(done) == 1
    with (folder / "pipeline-sweep" / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    points = [(row["noise"], row["seed"], row["status"]) for row in rows]
    assert points == [("2", "3", "ok"), ("2", "4", "ok")]
    assert all(abs(float(row["slope"]) - 2) < 6 * float(row["uncertainty"]) for row in rows)
