"""`papermill --engine silik` does what papermill's own engine does, and loses nothing."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill as papermill_
import psutil
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from support.host import host
from support.kernel import until_as_before
from support.misbehaving import write_misbehaving_specs
from support.runs import (
    LOAD,
    code_cells,
    errors,
    papermill,
    read,
    statuses,
    without_times,
    write_notebook,
    written_so_far,
)

QUIET = "--no-progress-bar"
SILIK = ("--engine", "silik", QUIET)
WIDGETS = "application/vnd.jupyter.widget-state+json"


@pytest.fixture(scope="session", autouse=True)
def _misbehaving(kernels_dir: Path) -> None:
    write_misbehaving_specs(kernels_dir)


def run(path: Path, **options: Any) -> nbformat.NotebookNode:
    """Run a notebook with the engine, in this process."""
    options = {"engine_name": "silik", "progress_bar": False, **options}
    papermill_.execute_notebook(path, path.with_name("out.ipynb"), **options)
    return read(path.with_name("out.ipynb"))


def test_what_an_own_run_shows_and_keeps_is_what_papermills_engine_does(tmp_path: Path) -> None:
    """The log, the files of the streams, the output notebook and the exit code."""
    write_notebook(
        tmp_path / "in.ipynb",
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\n'result'",
        "# papermill_description=DISPLAYED\ndisplay('shown')",
        "",
        "1 / 0",
        "print('not reached')",
    )
    seen = []
    for engine in ("nbclient", "silik"):
        files = ("--stdout-file", "out.txt", "--stderr-file", "err.txt")
        options = ("--engine", engine, "--log-output", *files)
        with papermill(tmp_path, "in.ipynb", "out.ipynb", *options) as begun:
            code, shown = begun.end()
        streams = [(tmp_path / name).read_text() for name in files[1::2]]
        seen.append((code, _log(shown), streams, without_times(read(tmp_path / "out.ipynb"))))
    assert seen[0] == seen[1]
    code, log, streams, notebook = seen[0]
    assert code == 1
    assert log.count("Executing Cell") == 4
    assert streams == ["out\n", "err\n"]
    assert errors(nbformat.from_dict(notebook)) == ["ZeroDivisionError"]


def _log(shown: str) -> str:
    """Return what papermill logs before its error, without what the kernel writes."""
    lines = shown.partition("Traceback")[0].splitlines()
    return "\n".join(line for line in lines if "Kernel" not in line and "frozen" not in line)


def test_the_progress_bar_counts_cells(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", "1", "# papermill_description=SECOND\n2")
    with papermill(tmp_path, "in.ipynb", "out.ipynb", "--engine", "silik") as begun:
        code, shown = begun.end()
    assert code == 0
    assert re.search(r"Executing SECOND: 100%.* 2/2 ", shown)


def test_parameters_options_and_working_directory_are_papermills(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "a = 1", "import os\nprint(a, os.getcwd())")
    (tmp_path / "there").mkdir()
    made = read(path)
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, path)
    done = run(path, parameters={"a": 6}, cwd=tmp_path / "there")
    assert done.cells[-1].outputs[0].text == f"6 {tmp_path}/there\n"
    assert not list((tmp_path / "there").iterdir())


def test_nothing_is_saved_on_the_way_where_papermill_is_asked_not_to(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", "import os\nprint(os.path.exists('out.ipynb'))")
    arguments = ("in.ipynb", "out.ipynb", *SILIK, "--no-request-save-on-cell-execute")
    with papermill(tmp_path, *arguments) as begun:
        assert begun.end()[0] == 0
    assert read(tmp_path / "out.ipynb").cells[0].outputs[0].text == "False\n"


def test_the_notebook_can_be_written_to_stdout(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", "6 * 7")
    with papermill(tmp_path, "in.ipynb", "-", *SILIK) as begun:
        code, shown = begun.end()
    done = nbformat.reads(shown[shown.index('{\n "cells"') :], as_version=4)
    assert (code, done.cells[0].outputs[0].data["text/plain"]) == (0, "42")


def test_it_runs_where_a_loop_runs_already(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "6 * 7")

    async def main() -> nbformat.NotebookNode:
        return run(path)

    assert asyncio.run(main()).cells[0].outputs[0].data["text/plain"] == "42"


def test_it_runs_in_a_notebook_and_is_interrupted_there(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", "1", "import time; time.sleep(100)", "2")
    with host() as opened:
        opened.ok(f"import os, papermill; os.chdir({str(tmp_path)!r})")
        cell = opened.begin(
            "papermill.execute_notebook('in.ipynb', 'out.ipynb', engine_name='silik')"
        )
        _until_running(tmp_path / "out.ipynb", 1)
        opened.interrupt()
        assert [error["ename"] for error in cell.end().errors] == ["KeyboardInterrupt"]
        assert opened.pids() == []
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed", "failed", "pending"]


def _until_running(path: Path, index: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = written_so_far(path)
        if done and statuses(done)[index] == "running":
            return
        time.sleep(0.05)
    raise TimeoutError(f"cell {index} did not begin")


# What fails


def test_a_cell_that_takes_too_long_is_failed_and_those_behind_it_are_pending(
    tmp_path: Path,
) -> None:
    before = set(psutil.Process().children(recursive=True))
    path = write_notebook(tmp_path / "in.ipynb", "1", "import time; time.sleep(100)", "2")
    with pytest.raises(CellTimeoutError, match="timed out"):
        run(path, execution_timeout=1)
    done = read(tmp_path / "out.ipynb")
    assert statuses(done) == ["completed", "failed", "pending"]
    assert done.metadata.papermill.exception is True
    assert set(psutil.Process().children(recursive=True)) <= before


def test_no_reply_is_lost_beside_a_widget_that_takes_the_output(tmp_path: Path) -> None:
    """nbclient tells the widget what it took while it waits for the reply of the same cell."""
    out = "import ipywidgets\nout = ipywidgets.Output()"
    takes = "with out:\n    print('taken')"
    write_notebook(tmp_path / "in.ipynb", out, *[takes] * 200, "out")
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        code, shown = begun.end()
    assert code == 0, shown
    states = read(tmp_path / "out.ipynb").metadata.widgets[WIDGETS]["state"].values()
    (taken,) = [state["state"]["outputs"] for state in states if "outputs" in state["state"]]
    assert "".join(output["text"] for output in taken) == "taken\n" * 200


def test_the_death_of_the_kernel_is_papermills_error_and_keeps_what_was_done(
    tmp_path: Path,
) -> None:
    write_notebook(tmp_path / "in.ipynb", "'kept'", "import os; os._exit(7)", "2")
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        code, shown = begun.end()
        assert begun.left() == []
    assert code == 138  # papermill's own
    assert DeadKernelError.__name__ in shown
    done = read(tmp_path / "out.ipynb")
    assert statuses(done) == ["completed", "failed", "pending"]
    assert done.cells[0].outputs[0].data["text/plain"] == "'kept'"


def test_a_kernel_that_can_not_be_started_leaves_all_cells_pending(
    tmp_path: Path,
) -> None:
    before = set(psutil.Process().children(recursive=True))
    path = write_notebook(tmp_path / "in.ipynb", "1", kernel="crashing")
    with pytest.raises(RuntimeError, match="Kernel died before replying"):
        run(path)
    assert statuses(read(tmp_path / "out.ipynb")) == ["pending"]
    assert set(psutil.Process().children(recursive=True)) <= before


def test_what_went_wrong_in_a_cell_is_saved_before_the_kernel_is_stopped(tmp_path: Path) -> None:
    """The kernel takes its time to end, and the run is killed meanwhile."""
    slow = "import atexit, time; atexit.register(time.sleep, 2)"
    write_notebook(tmp_path / "in.ipynb", slow, "print('before')\n1 / 0")
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        begun.until(lambda: _has_error(tmp_path / "out.ipynb"))
        begun.end(signal.SIGKILL)
    done = read(tmp_path / "out.ipynb")
    assert errors(done) == ["ZeroDivisionError"]
    assert statuses(done) == ["completed", "failed"]


def _has_error(path: Path) -> bool:
    done = written_so_far(path)
    return bool(done and errors(done))


# What cuts it off

BUSY = {
    "python3": (LOAD, "%silik start python3 -l k1\n%silik start bash -l b1", "print('kept')"),
    "silik": ("start python3 -l k1\nstart bash -l b1", "> k1.py", "print('kept')"),
}
SLEEP = {"python3": "%%silik b1.sh\nsleep 100", "silik": "import time; time.sleep(100)"}


@pytest.mark.parametrize("kernel", BUSY)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_run_with_all_that_was_done_saved_and_no_kernel_left(
    tmp_path: Path, runtime_dir: Path, kernel: str, number: signal.Signals
) -> None:
    before = set(runtime_dir.iterdir())
    write_notebook(tmp_path / "in.ipynb", *BUSY[kernel], SLEEP[kernel], "1", kernel=kernel)
    out = tmp_path / "out.ipynb"
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        begun.until(lambda: _is_running(out, 3))
        assert len(begun.processes()) >= 4
        started = time.monotonic()
        code, shown = begun.end(number)
        assert time.monotonic() - started < 8
        assert begun.left() == []
    assert code == (1 if number == signal.SIGINT else -number), shown
    done = read(out)
    assert statuses(done) == [*["completed"] * 3, "failed", "pending"]
    assert code_cells(done)[2].outputs[0].text == "kept\n"
    assert errors(done) == ["KeyboardInterrupt"]
    assert done.metadata.papermill.exception is True
    assert done.metadata.papermill.end_time is not None
    assert [row.path for row in done.metadata.silik.kernels] == ["k1.py", "b1.sh"]
    until_as_before(runtime_dir, before)


def _is_running(path: Path, index: int) -> bool:
    done = written_so_far(path)
    return bool(done and statuses(done)[index] == "running")


def test_a_signal_while_the_kernel_starts_leaves_nothing(tmp_path: Path) -> None:
    write_notebook(tmp_path / "in.ipynb", "1", kernel="deaf")
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        begun.until(lambda: len(begun.processes()) > 1)
        time.sleep(0.5)
        code, _ = begun.end(signal.SIGTERM)
        assert begun.left() == []
    assert code == -signal.SIGTERM
    assert statuses(read(tmp_path / "out.ipynb")) == ["pending"]


STUBBORN = """\
import time
while True:
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        pass"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_cell_that_does_not_react_to_a_signal_is_given_up_with_its_kernels(
    tmp_path: Path, times: int
) -> None:
    """The second signal cuts off the good order too."""
    write_notebook(tmp_path / "in.ipynb", LOAD, "%silik start python3 -l k1", STUBBORN)
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        begun.until(lambda: _is_running(tmp_path / "out.ipynb", 2))
        for _ in range(times - 1):
            begun.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        code, _ = begun.end(signal.SIGTERM)
        assert begun.left() == []
    assert code == -signal.SIGTERM
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed", "completed", "failed"]


def test_of_a_run_that_is_killed_only_the_last_seconds_are_lost(tmp_path: Path) -> None:
    """And whoever reads the output meanwhile never finds it half written."""
    cell = """\
import time; time.sleep(0.1); print('x' * 10_000)
print(time.time(), file=open('ends.txt', 'a'))"""
    write_notebook(tmp_path / "in.ipynb", *[cell] * 100)
    out, seen = tmp_path / "out.ipynb", [0]

    def enough() -> bool:
        done = written_so_far(out)
        seen.append(statuses(done).count("completed") if done else 0)
        return seen[-1] >= 15

    with papermill(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        begun.until(enough)
        time.sleep(1)
        begun.end(signal.SIGKILL)
        killed = time.time()
    kept = [cell for cell in read(out).cells if cell.metadata.papermill.status == "completed"]
    assert all(cell.outputs[0].text == "x" * 10_000 + "\n" for cell in kept)
    ends = [float(line) for line in (tmp_path / "ends.txt").read_text().splitlines()]
    assert all(end > killed - 4 for end in ends[len(kept) :])
    assert sorted(seen) == seen
    assert len(set(seen)) < 8, "it is saved far less often than a cell ends"
    assert list(tmp_path.glob(".*.tmp")) == []


def test_outputs_of_a_long_cell_are_saved_as_often_as_is_asked_for(tmp_path: Path) -> None:
    code = "import time\nprint('begun', flush=True)\ntime.sleep(100)"
    write_notebook(tmp_path / "in.ipynb", code)
    arguments = ("in.ipynb", "out.ipynb", *SILIK, "--autosave-cell-every", "1")
    with papermill(tmp_path, *arguments) as begun:
        begun.until(lambda: _shows(tmp_path / "out.ipynb", "begun\n"))
        begun.end(signal.SIGKILL)


def _shows(path: Path, text: str) -> bool:
    done = written_so_far(path)
    return bool(done and [o.text for o in done.cells[0].outputs] == [text])


def test_an_error_keeps_papermills_marks_of_the_failed_cell(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "1 / 0")
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        run(path)
    done = read(tmp_path / "out.ipynb")
    assert ["papermill-error-cell-tag" in (c.metadata.get("tags") or ()) for c in done.cells] == [
        True,
        True,
        False,
    ]
