"""Values travel between a notebook and its sub-kernels, and from papermill to both."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError
from support.host import Host


@pytest.fixture(scope="module", autouse=True)
def _kernels(notebook: Host) -> None:
    notebook.ok("%silik start python3 -n 2 -l w")
    notebook.ok("%silik start bash -l b1")


def error_of(notebook: Host, cell: str) -> dict[str, Any]:
    (error,) = notebook.run(cell).errors
    assert error["ename"] == "CommandError"
    return error


# Variables of the notebook


def test_a_variable_of_the_notebook_goes_to_kernels(notebook: Host) -> None:
    notebook.ok("rows = [1, (2.5, None), {'é': 'a\\nb'}]; alpha = 0.6")
    (told,) = notebook.ok("%silik put rows alpha w*").plain
    assert told == (
        'rows = [1, [2.5, null], {"é": "a\\nb"}] in w1.py, w2.py\nalpha = 0.6 in w1.py, w2.py'
    )
    cell = notebook.ok("%%silik w2.py\nprint(rows, alpha)")
    assert cell.stream() == "[1, [2.5, None], {'é': 'a\\nb'}] 0.6\n"


def test_a_value_comes_back_as_a_variable_of_the_notebook(notebook: Host) -> None:
    notebook.ok("%%silik w1.py\nfound = {'n': [1, None, 2.5], 's': 'é'}")
    assert notebook.ok("%silik get found w1.py").plain == ["found: dict of 2"]
    assert notebook.value("found") == "{'n': [1, None, 2.5], 's': 'é'}"
    notebook.ok("%silik get found w1.py --as again")
    assert notebook.value("again == found") == "True"
    assert notebook.ok("%silik set").plain == ["No variable is set."]


def test_a_value_goes_from_bash_to_python_through_the_notebook(notebook: Host) -> None:
    notebook.ok("%%silik b1.sh\nwords=(one 'two  three')")
    notebook.ok("%%silik\nget words b1.sh\nput words w1.py")
    assert notebook.ok("%%silik w1.py\nprint(words)").stream() == "['one', 'two  three']\n"


def test_numbers_that_look_like_those_of_numpy_are_converted(notebook: Host) -> None:
    notebook.ok(
        "import array\n"
        "grid = [array.array('d', [1, 2]), array.array('i', [3])]\n"
        "class Scalar:\n"
        "    def tolist(self): return 7\n"
        "seven = Scalar()"
    )
    (told,) = notebook.ok("%silik put grid seven w1.py").plain
    assert told == "grid = [[1.0, 2.0], [3]] in w1.py\nseven = 7 in w1.py"


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("{1, 2}", "x is a set; only None, bool, int, float, str, list and dict travel"),
        ("[0, lambda: 1]", "x[1] is a function; only None, bool, int, float, str, list and dict"),
        ("{'a': {1: 2}}", 'x["a"] has the key 1, and keys must be text'),
        (
            "type('Frame', (), {'to_dict': 1, '__module__': 'pandas.core'})()",
            "x is a pandas Frame; only None, bool, int, float, str, list and dict travel, perhaps "
            "what its `to_dict` returns",
        ),
    ],
)
def test_what_is_not_plain_is_refused(notebook: Host, made: str, told: str) -> None:
    notebook.ok(f"x = {made}")
    assert error_of(notebook, "%silik put x w1.py")["evalue"].startswith(told)


def test_what_a_language_holds_beyond_json_is_put(notebook: Host) -> None:
    notebook.ok("x = [float('nan'), float('-inf')]")
    assert notebook.ok("%silik put x w1.py").plain == ["x = [NaN, -Infinity] in w1.py"]
    assert notebook.ok("%%silik w1.py\nprint(x)").stream() == "[nan, -inf]\n"
    evalue = error_of(notebook, "%silik get x w1.py")["evalue"]
    assert evalue == "x[0] is nan, a number that JSON has not (in w1.py)"
    told = error_of(notebook, "%silik put x b1.sh")["evalue"]
    assert told == "x[0] is NaN, and bash has no such number"


def test_a_variable_of_the_language_goes_before_one_of_the_notebook(notebook: Host) -> None:
    notebook.ok("gamma = 'notebook'")
    notebook.ok("%silik set gamma silik")
    assert notebook.ok("%silik put gamma w1.py").plain == ['gamma = "silik" in w1.py']
    notebook.ok("%silik unset gamma")
    assert notebook.ok("%silik put gamma w1.py").plain == ['gamma = "notebook" in w1.py']


def test_nothing_is_left_in_the_history_of_notebook_or_kernel(notebook: Host) -> None:
    notebook.ok("%silik start python3 -l fresh")
    notebook.ok("%%silik\nput x=1 fresh.py\nget x fresh.py --as y")
    assert notebook.ok("%silik history fresh.py").plain == [""]
    assert notebook.ok("%%silik fresh.py\nprint(In[1:-1], Out)").stream() == "[] {}\n"
    notebook.ok("%silik stop fresh.py --now")


def test_a_get_that_takes_long_can_be_interrupted(notebook: Host) -> None:
    notebook.ok(
        "%%silik w1.py\nimport time\n"
        "class Slow:\n    def tolist(self):\n        print('asked'); time.sleep(100)\n"
        "slow = Slow()"
    )
    request = notebook.begin("%silik get slow w1.py")
    time.sleep(1)
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    assert notebook.ok("%%silik w1.py\n6 * 7").plain == ["42"]


def test_variables_of_the_notebook_are_offered(notebook: Host) -> None:
    notebook.ok("distance = 1")
    assert "distance" in notebook.complete("%silik put dist")["matches"]


# Papermill


def silik_notebook(path: Path, *cells: str) -> Path:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.cells[0].metadata["tags"] = ["parameters"]
    made.metadata["kernelspec"] = {"name": "silik", "display_name": "silik", "language": "silik"}
    nbformat.write(made, path)
    return path


CELLS = (
    "# How much.\nset alpha 0.1\nset name nobody",
    "start python3 -l k1\nput alpha name k1",
    '%%silik k1\nprint(repr(alpha), repr(name), "done")',
    'run "print(${alpha} * 2)" k1',
)


def shown(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [output["text"] for cell in cells for output in cell.outputs if "text" in output]


def test_papermill_gives_parameters_to_a_notebook_of_the_silik_kernel(tmp_path: Path) -> None:
    source, target = silik_notebook(tmp_path / "in.ipynb", *CELLS), tmp_path / "out.ipynb"
    parameters = {"alpha": 0.6, "name": 'it\'s "é"\n${x}'}
    papermill.execute_notebook(source, target, parameters, progress_bar=False)
    assert shown(target) == ["0.6 'it\\'s \"é\"\\n${x}' done\n", "1.2\n"]


def test_a_parameter_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    source, target = silik_notebook(tmp_path / "in.ipynb", *CELLS[:3]), tmp_path / "out.ipynb"
    papermill.execute_notebook(source, target, {"alpha": [1, None, {"a": True}], "name": "1.0"})
    assert shown(target) == ["[1, None, {'a': True}] '1.0' done\n"]


def test_papermill_gives_parameters_from_the_command_line(tmp_path: Path) -> None:
    silik_notebook(tmp_path / "in.ipynb", *CELLS)
    typed = "in.ipynb out.ipynb -p alpha 0.6 -p name Anne -r zip 007 --no-progress-bar"
    done = in_papermill(tmp_path, *typed.split())
    assert done.returncode == 0, done.stderr
    assert shown(tmp_path / "out.ipynb") == ["0.6 'Anne' done\n", "1.2\n"]


def test_papermill_tells_the_parameters_of_a_notebook(tmp_path: Path) -> None:
    silik_notebook(tmp_path / "in.ipynb", *CELLS)
    done = in_papermill(tmp_path, "--help-notebook", "in.ipynb")
    assert "  alpha: float (default 0.1)      How much.\n" in done.stdout
    assert "  name: str (default nobody)" in done.stdout


def test_a_parameter_that_silik_can_not_hold_ends_the_run_with_a_clear_error(
    tmp_path: Path,
) -> None:
    silik_notebook(tmp_path / "in.ipynb", *CELLS)
    done = in_papermill(tmp_path, "in.ipynb", "out.ipynb", "-y", "{alpha: .nan}")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith("alpha is NaN, and silik has no such number")


def test_a_kernel_that_does_not_get_a_parameter_stops_the_run(tmp_path: Path) -> None:
    source = silik_notebook(tmp_path / "in.ipynb", "set x 1", "start bash -l b1\nput x b1", "tree")
    with pytest.raises(PapermillExecutionError) as caught:
        papermill.execute_notebook(source, tmp_path / "out.ipynb", {"x": None}, progress_bar=False)
    assert caught.value.ename == "CommandError"
    assert caught.value.evalue == "x is null, and bash has no null"


def in_papermill(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "papermill", *words],
        cwd=directory,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
