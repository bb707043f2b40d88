"""nbclient and papermill execute notebooks on the kernel, connected as on the sub-kernel itself."""

from __future__ import annotations

import re
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

START = ["start python3 -l k1", "> k1.py"]
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPhfDwAChAGAhZ0MhQAAAABJRU5ErkJg"
    "gg=="
)
VIEW = "application/vnd.jupyter.widget-view+json"
PYTHON = [
    "import sys, time\nfrom IPython.display import *\nfrom IPython import display as show",
    "print('out')\nprint('err', file=sys.stderr)\n6 * 7",
    f"import base64\ndisplay(Image(data=base64.b64decode('{PNG}'), width=20))",
    "display(HTML('<b>bold</b>'), Markdown('*it*'), {'application/json': {'a': [1]}}, raw=False)",
    "display({'text/x-own': 'own'}, raw=True, metadata={'text/x-own': {'k': 1}})",
    "handle = display('old', display_id='one')\nfor i in range(3):\n    handle.update(f'new {i}')",
    "display('late', display_id='two')",
    "update_display('changed', display_id='two')",
    "for i in range(3):\n    show.clear_output(wait=True)\n    print('round', i)",
    "def f(x):\n    return x + 1\nf(41)",
    "for i in range(2000):\n    print('line', i)",
    "print('no newline', end='')\nprint(end='!', file=sys.stderr, flush=True)\nNone",
    "%timeit -n1 -r1 pass\n",
    "!echo from a shell",
    "import threading\nt = threading.Thread(target=print, args=('a thread',))\nt.start()\nt.join()",
    "import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nslider",
    # nbclient misses a reply that comes in the moment in which it tells the widget what it took.
    "slider.value = 5\nout = ipywidgets.Output()\nwith out:\n    print('inside', flush=True)\n"
    "time.sleep(0.3)\nout",
    "x = 'a' * 1_000_000\nx[:10], len(x)",
    "print('ünï ✓ \\x1b[31mred\\x1b[0m')\n'§'",
    "f??",
]


@pytest.fixture(autouse=True)
def nothing_left(runtime_dir: Path) -> Iterator[None]:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    files = set(runtime_dir.iterdir())
    yield
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    _, alive = psutil.wait_procs(left, timeout=5)
    assert not alive, [process.cmdline() for process in alive]
    until_as_before(runtime_dir, files)


def notebook_of(cells: list[str], kernel: str = "silik") -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": kernel}
    return made


def by_nbclient(
    tmp_path: Path, cells: list[str], kernel: str = "silik", **options: Any
) -> nbformat.NotebookNode:
    del tmp_path
    return NotebookClient(notebook_of(cells, kernel), timeout=30, **options).execute()


def by_papermill(
    tmp_path: Path, cells: list[str], kernel: str = "silik", **options: Any
) -> nbformat.NotebookNode:
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(notebook_of(cells, kernel), source)
    papermill.execute_notebook(source, target, progress_bar=False, **options)
    return nbformat.read(target, as_version=4)


def said(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """Return the outputs of a cell without what differs each time.

    That is the ids of widgets, the times of %timeit, and how papermill cuts a stream.
    """
    found: list[dict[str, Any]] = []
    for output in cell.outputs:
        one = dict(output)
        if VIEW in one.get("data", {}):
            one["data"] = {**one["data"], VIEW: "a widget"}
        if "per loop" in one.get("text", ""):
            one["text"] = re.sub(r"[\d.]+ \w*s", "some time", one["text"])
        if "name" in one and found and found[-1].get("name") == one["name"]:
            found[-1]["text"] += one["text"]
        else:
            found.append(one)
    return found


@pytest.mark.parametrize("execute", [by_nbclient, by_papermill])
def test_a_connected_cell_has_the_outputs_of_one_run_directly(tmp_path: Path, execute: Any) -> None:
    direct = execute(tmp_path, PYTHON, "python3").cells
    ours = execute(tmp_path, [*START, *PYTHON, "/cmd", "tree"]).cells
    assert len(ours) == len(direct) + 4
    for one, other in zip(direct, ours[2:], strict=False):
        assert said(one) == said(other), one.source
    assert sum(len(cell.outputs) for cell in direct) > 20
    tree = ours[-1].outputs[0]
    assert tree.data["text/plain"] == "╰─ k1.py"


def test_the_state_of_widgets_is_kept_in_the_notebook(tmp_path: Path) -> None:
    cells = [*START, "import ipywidgets; slider = ipywidgets.IntSlider(value=3); slider"]
    done = by_nbclient(tmp_path, [*cells, "slider.value = 5"])
    view = done.cells[2].outputs[0].data[VIEW]
    states = done.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert states[view["model_id"]]["state"]["value"] == 5


def test_a_notebook_of_several_kernels_runs(tmp_path: Path) -> None:
    done = by_papermill(
        tmp_path,
        [
            "start python3 -l k1\nstart bare -l b1",
            "%%silik k1.py\nprint('python')\n6 * 7",
            "%%silik b1\nbare",
            "> b1",
            "connected",
            "/cmd\nstop b1 --now",
        ],
    )
    _, python, bare, _, connected, left = [cell.outputs for cell in done.cells]
    assert [output.get("text", output.get("data")) for output in python] == [
        "python\n",
        {"text/plain": "42"},
    ]
    assert (bare[0].text, connected[0].text) == ("bare", "connected")
    assert [output.output_type for output in left] == ["display_data"] * 2
    assert [cell.execution_count for cell in done.cells[:4]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("cells", "ename", "evalue"),
    [
        ([*START, "x = 1", "print('before')\n1 / 0"], "ZeroDivisionError", "division by zero"),
        ([*START, "import os; os._exit(7)"], "KernelDied", "exited with code 7"),
        (["strat python3"], "UnknownCommand", "strat"),
    ],
)
def test_an_error_stops_papermill_which_names_it(
    tmp_path: Path, cells: list[str], ename: str, evalue: str
) -> None:
    with pytest.raises(PapermillExecutionError) as caught:
        by_papermill(tmp_path, [*cells, "/cmd"])
    assert caught.value.ename == ename
    assert evalue in caught.value.evalue
    assert "silik_magics" not in str(caught.value)
    done = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert done.cells[-1].outputs == []
    errors = [o for cell in done.cells for o in cell.get("outputs", ()) if o.output_type == "error"]
    assert [error.ename for error in errors] == [ename]


def test_an_error_stays_in_its_cell_and_the_next_run_where_that_is_allowed(tmp_path: Path) -> None:
    cells = [*START, "print('before')\n1 / 0", "print('on')", "input()", "/cmd", "strat", "pwd"]
    done = by_nbclient(tmp_path, cells, allow_errors=True)
    types = [[output.output_type for output in cell.outputs] for cell in done.cells[2:]]
    answer = ["display_data"]
    assert types == [["stream", "error"], ["stream"], ["error"], answer, ["error"], answer]
    assert done.cells[4].outputs[0].ename == "StdinNotImplementedError"
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        by_nbclient(tmp_path, cells)


def test_a_cell_that_takes_too_long_is_interrupted_by_nbclient() -> None:
    cells = [*START, "import time\nprint('in', flush=True)\ntime.sleep(100)", "6 * 7"]
    made = notebook_of(cells)
    client = NotebookClient(made, interrupt_on_timeout=True, allow_errors=True)
    client.timeout_func = lambda cell: 1 if "sleep" in cell.source else 30
    client.execute()
    assert [output.get("ename") for output in made.cells[2].outputs] == [None, "KeyboardInterrupt"]
    assert made.cells[3].outputs[0].data["text/plain"] == "42"
