"""`silik sweep`, with real papermill, kernels, kills and a Dask cluster."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pexpect
import psutil
import pytest
from support.kernel import until_as_before, words_of
from support.sweeps import (
    COUNT,
    GLUE,
    SILIK,
    TWO_KERNELS,
    Running,
    all_end,
    cluster,
    counted,
    journaled,
    rows,
    run,
    write_notebook,
)

ASLEEP = "open(f'asleep-{x}', 'w').close(); import time; time.sleep(100)"
# Points from the sixth on wait, before they count themselves, until they are let go.
GATE = (
    "from pathlib import Path\n"
    "if x >= 5 and not Path('go').exists(): Path(f'waiting-{x}').touch()\n"
    "while x >= 5 and not Path('go').exists(): time.sleep(0.05)"
)
GATED = (*TWO_KERNELS[:-1], f"import time\n{GATE}", COUNT)
SIX = "x=0,1,2,3,4,5"
TWELVE = f"{SIX},6,7,8,9,10,11"


@pytest.fixture(autouse=True)
def _nothing_left(runtime_dir: Path) -> Iterator[None]:
    files = set(runtime_dir.iterdir())
    before = set(psutil.Process().children(recursive=True))
    yield
    left = set(psutil.Process().children(recursive=True)) - before
    assert all_end(list(left)), [process.cmdline() for process in left if process.is_running()]
    until_as_before(runtime_dir, files)


def each_once(folder: Path, count: int = 12) -> None:
    """See that every point has a row, and was run to its end once."""
    found = rows(folder / "n-sweep")
    assert [row["parameters"]["x"] for row in found] == list(range(count))
    assert {row["status"] for row in found} == {"ok"}
    assert counted(folder) == dict.fromkeys(range(count), 1)


# The whole


def test_a_sweep_of_a_notebook_with_two_sub_kernels_completes(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", *TWO_KERNELS)
    done = run(tmp_path, "sweep", "n.ipynb", "-p", TWELVE, "--jobs", "2")
    assert done.code == 0, done.err
    assert done.out == "12 points, all well; the results are in n-sweep/results.csv\n"
    each_once(tmp_path)
    for row in rows(tmp_path / "n-sweep"):
        x = row["parameters"]["x"]
        assert row["values"] == {"square": x * x, "two": 42}
        assert row["output"] == f"n-sweep/x={x}.ipynb"
        output = nbformat.read(tmp_path / row["output"], as_version=4)
        assert output.metadata.papermill.parameters == {"x": x}
        assert output.metadata.papermill.output_path == str(tmp_path / row["output"])
        assert 0 < row["seconds"] < 60
    head = (tmp_path / "n-sweep" / "results.csv").read_text().splitlines()[0]
    assert head == "x,status,seconds,attempt,square,two,error,output"


def test_points_that_fail_in_every_way_do_not_stop_the_others(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "n.ipynb",
        "print('begun')",
        "import os, signal, time\n"
        "if x == 1: raise ValueError('no\\nand no')\n"
        "if x == 2: os._exit(7)\n"
        "if x == 3: os.kill(int(os.environ['JPY_PARENT_PID']), signal.SIGKILL); time.sleep(100)\n"
        "if x == 4: time.sleep(100)",
        COUNT,
    )
    words = ["sweep", "n.ipynb", "-p", SIX, "--jobs", "2", "--timeout", "8"]
    done = run(tmp_path, *words)
    assert done.code == 1
    assert done.out == "6 points, 4 failed; the results are in n-sweep/results.csv\n"
    assert "✗ x=1: ValueError: no and no\n" in done.err
    assert "`--resume --retries 1` tries what failed once more." in done.err
    found = rows(tmp_path / "n-sweep")
    assert [(row["status"], row["error"]) for row in found] == [
        ("ok", ""),
        ("error", "ValueError: no and no"),
        ("died", "the notebook's kernel died"),
        ("died", "the notebook's process died: killed by SIGKILL"),
        ("timeout", "it was not done within 8 s"),
        ("ok", ""),
    ]
    assert counted(tmp_path) == {0: 1, 5: 1}
    for row in found:  # how far each got can be seen
        output = nbformat.read(tmp_path / row["output"], as_version=4)
        shown = any(cell.get("outputs") for cell in output.cells)
        assert shown or "process died" in row["error"]  # what it was doing was not saved yet


def test_a_failure_is_tried_again(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "n.ipynb",
        "from pathlib import Path\n"
        "with open(f'tries-{x}', 'a') as file: file.write('.')\n"
        "tries = len(Path(f'tries-{x}').read_text())\n"
        "if x == 1 and tries < 3: raise ValueError('not yet')",
        f"{GLUE}\nglue('tries', tries)",
    )
    done = run(tmp_path, "sweep", "n.ipynb", "-p", "x=0,1", "--retries", "2", "--jobs", "1")
    assert done.code == 0, done.err
    assert [(row["attempt"], row["values"]["tries"]) for row in rows(tmp_path / "n-sweep")] == [
        *[(1, 1), (3, 3)]
    ]
    assert done.err.count("ValueError: not yet (it is tried again)") == 2


def test_fail_fast_ends_the_sweep_with_what_is_running(tmp_path: Path) -> None:
    cells = ["import time\nif x == 0: 1 / 0\ntime.sleep(100)"]
    write_notebook(tmp_path / "n.ipynb", *cells)
    started = time.monotonic()
    done = run(tmp_path, "sweep", "n.ipynb", "-p", TWELVE, "--jobs", "2", "--fail-fast")
    assert time.monotonic() - started < 20
    assert done.code == 1
    assert [row["error"] for row in rows(tmp_path / "n-sweep")] == [
        "ZeroDivisionError: division by zero"
    ]


def test_a_grid_file_and_an_option_are_combined(tmp_path: Path) -> None:
    cells = [f"{GLUE}\nglue('what', repr((x, mode, seed)))"]
    write_notebook(
        tmp_path / "n.ipynb", *cells, parameters="x, mode, seed = 0, '', 0\nx = mode = seed = 0"
    )
    (tmp_path / "grid.yaml").write_text("- {x: 1, mode: fast}\n- {x: 2.5, mode: '7'}\n")
    done = run(
        tmp_path, "sweep", "n.ipynb", "--grid", "grid.yaml", "-p", "seed=True", "--out", "a/b"
    )
    assert done.code == 0, done.err
    assert [row["values"]["what"] for row in rows(tmp_path / "a" / "b")] == [
        *["(1, 'fast', True)", "(2.5, '7', True)"]
    ]


def test_paths_with_braces_are_only_paths(tmp_path: Path) -> None:
    write_notebook(tmp_path / "{n}.ipynb", COUNT)
    done = run(tmp_path, "sweep", "{n}.ipynb", "-p", "x=1", "--out", "out{x}")
    assert done.code == 0, done.err
    assert (tmp_path / "out{x}" / "x=1.ipynb").exists()


# Killed, interrupted, resumed


def resume(folder: Path, *more: str) -> None:
    done = run(folder, "sweep", "n.ipynb", "-p", TWELVE, "--jobs", "2", "--resume", *more)
    assert done.code == 0, done.err


def until_half_way(sweep: Running) -> None:
    """Wait until five points are noted, and two more are about to count themselves."""
    sweep.until(lambda: len(list(sweep.folder.glob("waiting-*"))) == 2)
    sweep.until(lambda: len(journaled(sweep.folder / "n-sweep")) == 5)


def test_killed_half_way_and_resumed_a_sweep_has_all_rows_each_run_once(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", *GATED)
    sweep = Running(tmp_path, "sweep", "n.ipynb", "-p", TWELVE, "--jobs", "2")
    until_half_way(sweep)
    processes = sweep.descendants()
    assert len(processes) >= 2 * (1 + 1 + 2)  # worker, kernel, sub-kernels, and templates
    before = journaled(tmp_path / "n-sweep")
    sweep.signal(signal.SIGKILL)
    sweep.end()
    assert all_end(processes)
    (tmp_path / "go").touch()
    resume(tmp_path)
    each_once(tmp_path)
    assert journaled(tmp_path / "n-sweep")[: len(before)] == before
    assert len(journaled(tmp_path / "n-sweep")) == 12


def test_killed_at_any_moment_nothing_that_ended_is_run_again(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", COUNT)
    chance = random.Random(11)
    ended: dict[int, int] = {}
    for _ in range(4):
        words = ["sweep", "n.ipynb", "-p", TWELVE, "--jobs", "2", "--resume"]
        sweep = Running(tmp_path, *words)
        time.sleep(chance.uniform(0.3, 3))
        sweep.signal(signal.SIGKILL)
        sweep.end()
        for x, runs in ended.items():
            assert counted(tmp_path)[x] == runs
        ended = {row["parameters"]["x"]: 0 for row in journaled(tmp_path / "n-sweep")}
        ended |= {int(path.stem[2:]): 0 for path in (tmp_path / "n-sweep").glob("x=*.ipynb")}
        ended = {x: counted(tmp_path)[x] for x in ended}
    resume(tmp_path)
    assert len(rows(tmp_path / "n-sweep")) == 12
    for x, runs in ended.items():
        assert counted(tmp_path)[x] == runs


def test_a_run_that_ended_but_was_not_noted_is_not_run_again(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", COUNT)
    words = ["sweep", "n.ipynb", "-p", "x=0,1,2"]
    assert run(tmp_path, *words).code == 0
    journal = tmp_path / "n-sweep" / "journal.jsonl"
    before = journaled(tmp_path / "n-sweep")
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:2]))
    assert run(tmp_path, *words, "--resume").code == 0
    assert counted(tmp_path) == {0: 1, 1: 1, 2: 1}
    assert sorted(map(str, journaled(tmp_path / "n-sweep"))) == sorted(map(str, before))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_a_sweep_in_good_order(number: int, code: int, tmp_path: Path) -> None:
    cells = ["%load_ext silik_magics", "%silik start python3 -l k"]
    sleeps = "import time\nif x > 1: open(f'asleep-{x}', 'w').close(); time.sleep(100)"
    write_notebook(tmp_path / "n.ipynb", *cells, sleeps, COUNT)
    sweep = Running(tmp_path, "sweep", "n.ipynb", "-p", SIX, "--jobs", "2")
    sweep.until(lambda: len(list(tmp_path.glob("asleep-*"))) == 2)
    processes = sweep.descendants()
    started = time.monotonic()
    sweep.signal(number)
    done = sweep.end()
    assert time.monotonic() - started < 3
    assert done.code == code
    assert "Interrupted; `--resume` goes on." in done.err
    assert "Traceback" not in done.err
    assert all_end(processes, 0.5)
    assert [row["parameters"]["x"] for row in rows(tmp_path / "n-sweep")] == [0, 1]
    assert [path.name for path in (tmp_path / "n-sweep").glob(".*")] == [".session"]
    write_notebook(tmp_path / "n.ipynb", COUNT)
    done = run(tmp_path, "sweep", "n.ipynb", "-p", SIX, "--jobs", "2", "--resume")
    assert done.code == 0
    assert "n.ipynb has changed since" in done.err
    each_once(tmp_path, 6)


def test_the_end_of_a_worker_is_survived_and_costs_only_its_point(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "n.ipynb",
        "import os, time\nopen(f'{x}.pid', 'w').write(os.environ['JPY_PARENT_PID'])",
        "time.sleep(0.7)",
        COUNT,
    )
    words = ["sweep", "n.ipynb", "-p", SIX, "--jobs", "2", "--retries", "1"]
    sweep = Running(tmp_path, *words)
    third = tmp_path / "2.pid"
    sweep.until(lambda: third.exists() and third.read_text())
    worker = psutil.Process(int(third.read_text()))
    family = worker.children(recursive=True)
    worker.kill()
    assert all_end(family, 1)
    done = sweep.end()
    assert done.code == 0, done.err
    told = "✗ x=2: the notebook's process died: killed by SIGKILL (it is tried again)"
    assert done.err.count("✗") == done.err.count(told) == 1
    each_once(tmp_path, 6)


def test_two_sweeps_do_not_share_a_folder(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", "import time; time.sleep(100)")
    first = Running(tmp_path, "sweep", "n.ipynb", "-p", "x=1")
    first.until(lambda: (tmp_path / "n-sweep" / ".session").exists())
    second = run(tmp_path, "sweep", "n.ipynb", "-p", "x=1", "--resume")
    assert second.code == 2
    assert "another `silik sweep` is at work in n-sweep" in second.err
    assert first.process.poll() is None
    first.signal(signal.SIGINT)
    assert first.end().code == 130


# A cluster


def test_on_a_cluster_that_loses_a_worker_a_sweep_ends_the_same(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", *GATED)
    with cluster(tmp_path) as dask:
        words = ["-p", TWELVE, "--scheduler", dask.address]
        sweep = Running(tmp_path, "sweep", "n.ipynb", *words)
        until_half_way(sweep)
        lost = psutil.Process(dask.workers[0].pid).children(recursive=True)
        assert len(lost) >= 1 + 1 + 2  # process for points, kernel, sub-kernels, templates
        dask.workers[0].kill()
        assert all_end(lost)
        (tmp_path / "go").touch()
        done = sweep.end()
        assert done.code == 0, done.err
        each_once(tmp_path)


def test_ctrl_c_reaches_the_runs_on_a_cluster(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", ASLEEP)
    with cluster(tmp_path) as dask:
        words = ["-p", TWELVE, "--scheduler", dask.address]
        sweep = Running(tmp_path, "sweep", "n.ipynb", *words)
        sweep.until(lambda: len(list(tmp_path.glob("asleep-*"))) == 2)
        kernels = [
            process
            for worker in dask.workers
            for process in psutil.Process(worker.pid).children(recursive=True)
            if "ipykernel_launcher" in words_of(process.pid)
        ]
        assert len(kernels) == 2
        started = time.monotonic()
        sweep.signal(signal.SIGINT)
        done = sweep.end()
        assert done.code == 130
        assert time.monotonic() - started < 6
        assert all_end(kernels, 0.5)
        assert len(list(tmp_path.glob("asleep-*"))) == 2
        assert rows(tmp_path / "n-sweep") == []


def test_a_cluster_that_goes_away_ends_the_sweep_which_can_be_resumed(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", COUNT)
    with cluster(tmp_path) as dask:
        words = ["-p", TWELVE, "--scheduler", dask.address]
        sweep = Running(tmp_path, "sweep", "n.ipynb", *words)
        sweep.until(lambda: len(journaled(tmp_path / "n-sweep")) >= 2)
    done = sweep.end()
    assert done.code == 1
    assert "the scheduler of the sweep is gone\nHint: go on with `--resume`." in done.err
    resume(tmp_path)
    assert len(rows(tmp_path / "n-sweep")) == 12


def test_slurm_is_asked_for_workers_by_dask_jobqueue(tmp_path: Path) -> None:
    (tmp_path / "dask_jobqueue.py").write_text(
        "from distributed import LocalCluster\n"
        "class SLURMCluster(LocalCluster):\n"
        "    def __init__(self): super().__init__(n_workers=0, threads_per_worker=1,"
        " dashboard_address=None)\n"
        "    def scale(self, n): print('asked for', n); super().scale(n)\n"
    )
    write_notebook(tmp_path / "n.ipynb", COUNT)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        words = ["-p", "x=0,1,2", "--scheduler", "slurm", "--jobs", "2"]
        done = run(tmp_path, "sweep", "n.ipynb", *words)
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    assert done.code == 0, done.err
    assert done.out.startswith("asked for 2\n")
    each_once(tmp_path, 3)


# Bad input: one clear message each, and nothing is written


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.ipynb", "-p", "x=1"], "CommandError: there is no notebook at gone.ipynb"),
        (["bear.ipynb", "-p", "x=1"], "no notebook at bear.ipynb\nHint: did you mean bare?"),
        (["bad.csv", "-p", "x=1"], "bad.csv is no notebook"),
        (["n.ipynb", "-p", "y=1"], "n.ipynb has no parameter y\nHint: there is x"),
        (["n.ipynb", "-p", "x=1", "-p", "xx=1"], "no parameter xx\nHint: did you mean x?"),
        (["bare.ipynb", "-p", "x=1"], "bare.ipynb has no cell with the tag `parameters`"),
        (["other.ipynb", "-p", "x=1"], "no kernelspec is called pyton\nHint: did you mean python3"),
        (["n.ipynb", "-p", "x"], "-p x gives no values\nHint: write `-p NAME=VALUE,VALUE,...`."),
        (["n.ipynb"], "there is nothing to sweep over"),
        (["n.ipynb", "--grid", "bad.csv"], "bad.csv, line 2: 1 values for 2 parameters"),
        (["n.ipynb", "--grid", "bad.yaml"], "bad.yaml, line 2: "),
        (["n.ipynb", "--grid", "gone.csv"], "gone.csv: No such file or directory"),
        (["n.ipynb", "-p", "x=1", "--out", "bad.csv/o"], "bad.csv is a file"),
        (["n.ipynb", "-p", "x=1", "--out", "/proc/sweep"], "/proc/sweep: "),
        (["n.ipynb", "-p", "x=1", "--timeout", "-1"], "--timeout -1 is no time"),
        (["n.ipynb", "-p", "x=1", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["n.ipynb", "-p", "x=1", "--scheduler", "tcp://127.0.0.1:{port}"], "no Dask scheduler"),
        (["n.ipynb", "-p", "x=1", "--scheduler", "kubernetes"], "pip install dask-kubernetes"),
        (["n.ipynb", "-p", "x=1", "--scheduler", "here"], "no Dask scheduler answers at here"),
    ],
)
def test_bad_input_is_told_in_one_message_and_nothing_is_written(
    words: list[str], message: str, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "n.ipynb", COUNT)
    bare = nbformat.read(write_notebook(tmp_path / "bare.ipynb"), as_version=4)
    bare.cells[0].metadata = {}
    nbformat.write(bare, tmp_path / "bare.ipynb")
    bare.cells[0].metadata = {"tags": ["parameters"]}
    bare.metadata.kernelspec.name = "pyton"
    nbformat.write(bare, tmp_path / "other.ipynb")
    (tmp_path / "bad.csv").write_text("x,y\n1\n")
    (tmp_path / "bad.yaml").write_text("x: [1\ny: 2\n")
    before = sorted(tmp_path.iterdir())
    done = run(tmp_path, "sweep", *(word.format(port=free_port()) for word in words))
    assert done.code == 2, done
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.err.count("Hint:") == ("--jobs" not in words)
    assert done.out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_a_sweep_that_is_there_is_not_begun_again(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", COUNT)
    assert run(tmp_path, "sweep", "n.ipynb", "-p", "x=1").code == 0
    again = run(tmp_path, "sweep", "n.ipynb", "-p", "x=1")
    assert again.code == 2
    assert "n-sweep holds a sweep already\nHint: `--resume` goes on with it" in again.err
    assert counted(tmp_path) == {1: 1}


# The display


def test_the_terminal_shows_counts_rate_and_time_left(tmp_path: Path) -> None:
    cells = ["import time; time.sleep(1)\nif x == 1: raise ValueError('no')"]
    write_notebook(tmp_path / "n.ipynb", *cells)
    words = ["sweep", "n.ipynb", "-p", "x=0,1,2,3", "--jobs", "1"]
    terminal = pexpect.spawn(SILIK, words, cwd=tmp_path, encoding="utf-8", dimensions=(24, 120))
    terminal.expect(r"n:  25%\|.*\| 1/4 \[00:\d\d<00:\d\d, +\d+\.\d\ds/point\]", timeout=60)
    terminal.expect("✗ x=1: ValueError: no\r\n", timeout=60)
    terminal.expect(r"\| 3/4 \[00:\d\d<00:\d\d, +\d+\.\d\ds/point, failed=1\]", timeout=60)
    terminal.expect("4 points, 1 failed; the results are in n-sweep/results.csv", timeout=60)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1


def test_ctrl_c_on_a_terminal_reaches_the_sweep_alone(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "n.ipynb", "open(f'asleep-{x}', 'w').close()\nimport time; time.sleep(100)"
    )
    terminal = pexpect.spawn(
        SILIK, ["sweep", "n.ipynb", "-p", "x=0"], cwd=tmp_path, encoding="utf-8"
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("asleep-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    terminal.sendintr()
    terminal.expect("Interrupted; `--resume` goes on.", timeout=10)
    shown = terminal.before or ""
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert "✗" not in shown
    assert "Traceback" not in shown
