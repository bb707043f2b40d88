"""papermill's own engine runs notebooks that drive sub-kernels, on either kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import papermill as papermill_
import psutil
import pytest
from papermill.exceptions import PapermillExecutionError
from support.runs import LOAD, code_cells, errors, papermill, read, statuses, write_notebook

CELLS = {
    "python3": (LOAD, "%silik start python3 -l k1\n%silik start bash -l b1", "%%silik k1.py\n"),
    "silik": ("start python3 -l k1\nstart bash -l b1", "> k1.py", ""),
}
# What goes wrong in the sub-kernel, and the error's name in the notebook.
WRONG = {
    "1 / 0": "ZeroDivisionError",
    "import os; os._exit(7)": "KernelDied",
    "input('name? ')": "StdinNotImplementedError",
}


def write(folder: Path, kernel: str, code: str) -> Path:
    """Write a notebook whose third cell runs code in a sub-kernel."""
    first, second, prefix = CELLS[kernel]
    cells = (first, second, prefix + code, "print('not reached')")
    return write_notebook(folder / "in.ipynb", *cells, kernel=kernel)


@pytest.mark.parametrize("kernel", CELLS)
def test_a_notebook_runs_to_its_end(tmp_path: Path, kernel: str) -> None:
    write(tmp_path, kernel, "print(6 * 7)")
    with papermill(tmp_path, "in.ipynb", "out.ipynb") as begun:
        code, shown = begun.end()
        assert begun.left() == []
    assert code == 0, shown
    assert code_cells(read(tmp_path / "out.ipynb"))[2].outputs[0].text == "42\n"


@pytest.mark.parametrize("kernel", CELLS)
@pytest.mark.parametrize("wrong", WRONG)
def test_an_error_of_a_sub_kernel_is_the_exit_code_of_the_command_line(
    tmp_path: Path, kernel: str, wrong: str
) -> None:
    write(tmp_path, kernel, wrong)
    with papermill(tmp_path, "in.ipynb", "out.ipynb") as begun:
        code, shown = begun.end()
        assert begun.left() == []
    assert code == 1
    assert WRONG[wrong] in shown
    done = read(tmp_path / "out.ipynb")
    assert statuses(done) == ["completed", "completed", "failed", "pending"]
    assert errors(done) == [WRONG[wrong]]
    assert code_cells(done)[3].outputs == []


@pytest.mark.parametrize("kernel", CELLS)
def test_an_error_of_a_sub_kernel_is_raised_in_python(tmp_path: Path, kernel: str) -> None:
    path = write(tmp_path, kernel, "1 / 0")
    before = psutil.Process().children(recursive=True)
    with pytest.raises(PapermillExecutionError) as caught:
        papermill_.execute_notebook(path, tmp_path / "out.ipynb", progress_bar=False)
    assert (caught.value.ename, caught.value.evalue) == ("ZeroDivisionError", "division by zero")
    assert errors(read(tmp_path / "out.ipynb")) == ["ZeroDivisionError"]
    left = [p for p in psutil.Process().children(recursive=True) if p not in before]
    assert psutil.wait_procs(left, timeout=5)[1] == []


def test_parameters_are_set_in_a_notebook_on_the_silik_kernel(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "in.ipynb",
        "set alpha 1",
        'start python3 -l k1\nrun "print(${alpha} * 2)" k1.py',
        kernel="silik",
    )
    made = read(path)
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, path)
    with papermill(tmp_path, "in.ipynb", "out.ipynb", "-p", "alpha", "21") as begun:
        code, shown = begun.end()
    assert code == 0, shown
    streams = [o for o in read(tmp_path / "out.ipynb").cells[-1].outputs if "text" in o]
    assert [output.text for output in streams] == ["42\n"]
