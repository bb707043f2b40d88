"""nbclient and papermill run notebooks whose cells drive sub-kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionError
from papermill.exceptions import PapermillExecutionError
from support.kernel import until_as_before

LOAD = "%load_ext silik_magics"
START = "%silik start python3 -l k1"


@pytest.fixture(autouse=True)
def nothing_left(runtime_dir: Path) -> Iterator[None]:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    files = set(runtime_dir.iterdir())
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=5)
    assert not alive, [process.cmdline() for process in alive]
    until_as_before(runtime_dir, files)


def notebook_of(*cells: str) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python",
        "language": "python",
    }
    return made


def run_papermill(tmp_path: Path, *cells: str, **options: Any) -> nbformat.NotebookNode:
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook_of(*cells), source)
    try:
        papermill.execute_notebook(source, target, progress_bar=False, **options)
    finally:
        done = nbformat.read(target, as_version=4)
    return done


def test_papermill_runs_cells_of_several_languages(tmp_path: Path) -> None:
    done = run_papermill(
        tmp_path,
        LOAD,
        START,
        "%silik start bash -l b1",
        "%%silik k1.py\nprint('python')\n6 * 7",
        "%%silik b1.sh\necho bash",
        "%%silik\nrun 'print(1)' k1.py\nstop b1.sh --now",
    )
    *_, python, bash, commands = [cell.outputs for cell in done.cells]
    assert [o["output_type"] for o in python] == ["stream", "execute_result"]
    assert python[0]["text"] == "python\n"
    assert bash[0]["text"] == "bash\n"
    assert [o["output_type"] for o in commands] == ["stream", "display_data"]


def test_papermill_parameters_reach_a_sub_kernel(tmp_path: Path) -> None:
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    made = notebook_of("alpha = 1", LOAD, START, '%silik run "print({alpha})" k1.py')
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, source)
    papermill.execute_notebook(source, target, {"alpha": 6}, progress_bar=False)
    assert nbformat.read(target, as_version=4).cells[-1].outputs[0]["text"] == "6\n"


def test_papermill_names_an_error_of_a_sub_kernel(tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError) as caught:
        run_papermill(tmp_path, LOAD, START, "%%silik k1.py\n1 / 0", "print('not reached')")
    assert caught.value.ename == "ZeroDivisionError"
    assert caught.value.evalue == "division by zero"
    assert "1 / 0" in str(caught.value)
    assert "silik_magics" not in str(caught.value).replace(LOAD, "")
    done = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [len(cell.outputs) for cell in done.cells[-1:]] == [0]
    errors = [
        o for cell in done.cells for o in cell.get("outputs", ()) if o["output_type"] == "error"
    ]
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("cell", "ename", "evalue"),
    [
        ("%silik strat python3", "UnknownCommand", "strat"),
        ("%silik run 1 nowhere.py", "CommandError", "nowhere.py"),
        ("%%silik k1.py\nimport os; os._exit(7)", "KernelDied", "exited with code 7"),
        ("%%silik k1.py --timeout 0.5\nimport time; time.sleep(100)", "KernelTimeout", "0.5 s"),
        ("%%silik k1.py\ninput('name? ')", "StdinNotImplementedError", "input"),
        ("%%silik k1.py\nimport getpass; getpass.getpass()", "StdinNotImplementedError", "getpass"),
    ],
)
def test_papermill_names_an_error_of_ours(
    tmp_path: Path, cell: str, ename: str, evalue: str
) -> None:
    with pytest.raises(PapermillExecutionError) as caught:
        run_papermill(tmp_path, LOAD, START, cell)
    assert caught.value.ename == ename
    assert evalue in caught.value.evalue
    assert "silik_magics" not in str(caught.value)


def test_nbclient_keeps_the_error_in_the_notebook() -> None:
    made = notebook_of(LOAD, START, "%%silik k1.py\nprint('before')\n1 / 0", "1")
    with pytest.raises(CellExecutionError) as caught:
        NotebookClient(made, timeout=20).execute()
    assert caught.value.ename == "ZeroDivisionError"
    assert [o["output_type"] for o in made.cells[2].outputs] == ["stream", "error"]
    assert made.cells[3].outputs == []


def test_nbclient_goes_on_where_errors_are_allowed() -> None:
    made = notebook_of(LOAD, START, "%%silik k1.py\n1 / 0", "%%silik k1.py\nprint('on')")
    NotebookClient(made, timeout=20, allow_errors=True).execute()
    assert made.cells[3].outputs[0]["text"] == "on\n"


def test_nbclient_runs_cells_in_connect_mode() -> None:
    made = notebook_of(LOAD, START, "%silik > k1.py", "where = 'sub'", "/cmd", "'where' in dir()")
    NotebookClient(made, timeout=20).execute()
    assert made.cells[-1].outputs[0]["data"]["text/plain"] == "False"


def test_an_update_from_a_later_cell_changes_the_display_of_the_first() -> None:
    made = notebook_of(
        LOAD,
        START,
        "%%silik k1.py\nfrom IPython.display import display\nh = display('old', display_id=True)",
        "%%silik k1.py\nh.update('new')",
    )
    NotebookClient(made, timeout=20).execute()
    assert made.cells[2].outputs[0]["data"]["text/plain"] == "'new'"


def test_a_slider_of_a_sub_kernel_is_kept_in_the_notebook() -> None:
    made = notebook_of(
        LOAD, START, "%%silik k1.py\nimport ipywidgets; ipywidgets.IntSlider(value=3)"
    )
    NotebookClient(made, timeout=20).execute()
    view = made.cells[-1].outputs[0]["data"]["application/vnd.jupyter.widget-view+json"]
    states = made.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    assert states[view["model_id"]]["state"]["value"] == 3
