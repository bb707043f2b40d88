"""A sweep hands out what is left to do, and notes it; runs are only called for here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from silik_magics.batch import sweep, sweep_executors, sweep_session
from silik_magics.batch.sweep import Plan, Watcher, check_folder
from silik_magics.batch.sweep_journal import Journal
from silik_magics.batch.sweep_points import Point, points
from silik_magics.batch.sweep_row import DIED, ERROR, OK, Row, Task
from silik_magics.errors import CommandError, MissingDependency, SilikError


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "n.ipynb"
    path.write_text("{}")
    return path


Runs = Callable[[Task], Row | None]


class Seen(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, bool]] = []
        self.began: list[tuple[int, int]] = []
        self.notes: list[str] = []

    def begin(self, rows: Sequence[Row], total: int) -> None:
        self.began.append((len(rows), total))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def ended(self, row: Row, *, over: bool) -> None:
        self.rows.append((row.name, row.status, over))


@pytest.fixture
def do(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a sweep over `a=1..5` in which `runs` stands for running the notebook."""

    def run(runs: Runs, seen: Watcher | None = None, **options: Any) -> list[Row]:
        monkeypatch.setattr(sweep, "run_point", runs)
        plan = Plan(notebook, points(["a=1,2,3,4,5"]), tmp_path / "out", jobs=2, **options)
        return sweep.run(plan, seen or Watcher())

    return run


def fine(task: Task) -> Row:
    return task.row(OK, 1.0)


def test_every_point_is_run_once_and_the_rows_are_in_order(do: Callable[..., Any]) -> None:
    seen, ran = Seen(), []

    def runs(task: Task) -> Row:
        ran.append(task.name)
        return fine(task)

    rows = do(runs, seen)
    assert sorted(ran) == [found.name for found in rows] == [f"a={n}" for n in range(1, 6)]
    assert seen.began == [(0, 5)]
    assert len(seen.rows) == 5


def test_one_failure_does_not_stop_the_others_and_is_tried_again(do: Callable[..., Any]) -> None:
    def runs(task: Task) -> Row:
        fails = task.parameters["a"] == 2 or (task.parameters["a"] == 3 and task.attempt == 1)
        return task.row(ERROR, 1, "no") if fails else fine(task)

    seen = Seen()
    rows = do(runs, seen, retries=2)
    assert [(x.status, x.attempt) for x in rows] == [
        *[("ok", 1), ("error", 3), ("ok", 2), ("ok", 1), ("ok", 1)]
    ]
    assert [x for x in seen.rows if x[0] == "a=2"] == [
        *[("a=2", "error", False), ("a=2", "error", False), ("a=2", "error", True)]
    ]


def test_what_is_done_is_not_done_again_and_more_retries_try_what_failed(
    do: Callable[..., Any],
) -> None:
    ran: list[tuple[int, int]] = []

    def runs(task: Task) -> Row:
        ran.append((task.parameters["a"], task.attempt))
        return task.row(ERROR, 1, "no") if task.parameters["a"] == 2 else fine(task)

    do(runs)
    ran.clear()
    seen = Seen()
    do(runs, seen, resume=True)
    assert ran == []
    assert seen.began == [(5, 5)]
    rows = do(runs, resume=True, retries=1)
    assert ran == [(2, 2)]
    assert rows[1].attempt == 2


def test_fail_fast_ends_the_sweep_and_the_rest_can_be_resumed(do: Callable[..., Any]) -> None:
    rows = do(lambda task: task.row(ERROR, 1, "no"), fail_fast=True)
    assert 1 <= len(rows) <= 2
    again = do(fine, resume=True)
    assert len(again) == 5
    assert sum(not found.is_ok for found in again) == len(rows)


def test_an_error_of_the_executor_is_the_end_of_a_point_not_of_the_sweep(
    do: Callable[..., Any],
) -> None:
    def runs(task: Task) -> Row:
        if task.parameters["a"] == 2:
            raise RuntimeError("KilledWorker")
        return fine(task)

    rows = do(runs)
    assert (rows[1].status, rows[1].error) == (DIED, "RuntimeError: KilledWorker")
    assert sum(found.is_ok for found in rows) == 4


def test_an_interrupt_keeps_what_ended_meanwhile(do: Callable[..., Any], tmp_path: Path) -> None:
    class Impatient(Seen):
        def ended(self, row: Row, *, over: bool) -> None:
            super().ended(row, over=over)
            raise KeyboardInterrupt

    stopped = []

    def runs(task: Task) -> Row | None:
        if task.parameters["a"] == 1:
            return fine(task)
        while sweep_session.goes_on(Path(task.folder), task.session):
            pass
        stopped.append(task.name)
        return fine(task)

    with pytest.raises(KeyboardInterrupt):
        do(runs, Impatient())
    assert stopped == ["a=2"]
    text = (tmp_path / "out" / "results.csv").read_text()
    assert [line.split(",")[:2] for line in text.splitlines()[1:]] == [["1", "ok"], ["2", "ok"]]


def test_a_point_whose_sweep_was_started_elsewhere_ends_this_one(do: Callable[..., Any]) -> None:
    with pytest.raises(SilikError, match="started again elsewhere"):
        do(lambda _: None)


def test_a_changed_notebook_is_noted(do: Callable[..., Any], notebook: Path) -> None:
    do(fine)
    notebook.write_text("{ }")
    seen = Seen()
    do(fine, seen, resume=True)
    assert "has changed since" in seen.notes[0]


def test_rows_of_points_that_are_not_asked_for_stay_in_the_tables(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "run_point", fine)
    folder = tmp_path / "out"
    sweep.run(Plan(notebook, points(["a=1,2"]), folder), Watcher())
    rows = sweep.run(Plan(notebook, points(["a=3,1"]), folder, resume=True), Watcher())
    assert [found.name for found in rows] == ["a=3", "a=1", "a=2"]


# What is refused before anything is written


def plan_for(folder: Path, **options: Any) -> Plan:
    return Plan(folder / "n.ipynb", [Point("a=1", {"a": 1})], folder / "out", **options)


def test_a_folder_that_can_not_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(CommandError, match="out is a file"):
        check_folder(plan_for(tmp_path))
    with pytest.raises(CommandError, match="out is a file"):
        check_folder(replace(plan_for(tmp_path), folder=tmp_path / "out" / "deeper"))


def test_what_is_there_already_is_not_written_over(tmp_path: Path, notebook: Path) -> None:
    plan = plan_for(tmp_path)
    plan.folder.mkdir()
    check_folder(plan)
    (plan.folder / "a=1.ipynb").touch()
    for resume in (False, True):
        with pytest.raises(CommandError, match="is there already, and of no sweep"):
            check_folder(replace(plan, resume=resume))
    Journal(plan.folder, notebook).close()
    with pytest.raises(CommandError) as caught:
        check_folder(plan)
    assert "`--resume` goes on with it" in caught.value.hint
    check_folder(replace(plan, resume=True))


@pytest.mark.parametrize(
    ("scheduler", "package", "hint"),
    [
        ("tcp://127.0.0.1:1", "distributed", "pip install 'silik-magics[distributed]'"),
        ("slurm", "dask-jobqueue", "pip install dask-jobqueue"),
        ("kubernetes", "dask-kubernetes", "pip install dask-kubernetes"),
    ],
)
def test_a_package_that_is_missing_is_named(
    scheduler: str, package: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(module: str) -> object:
        if module.startswith(package.replace("-", "_")):
            raise ModuleNotFoundError(module)
        return object()

    monkeypatch.setattr(sweep_executors, "import_module", absent)
    with pytest.raises(MissingDependency) as caught:
        sweep.run(plan_for(tmp_path, scheduler=scheduler), Watcher())
    assert f"{caught.value.message}\n{caught.value.hint}" == f"{package} is not installed\n{hint}"
    assert list(tmp_path.iterdir()) == []
