"""Runs a notebook at many points: what is left to do is handed to an executor, and noted."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from silik_magics.batch import sweep_results, sweep_session
from silik_magics.batch.sweep_call import run_point
from silik_magics.batch.sweep_executors import Place, here, on_cluster
from silik_magics.batch.sweep_journal import Journal, digest, has_begun
from silik_magics.batch.sweep_points import Point
from silik_magics.batch.sweep_row import DIED, Row, Task
from silik_magics.errors import CommandError, SilikError

STOP_SECONDS = 10.0  # for runs on other machines to hear that they are to stop


@dataclass(frozen=True)
class Plan:
    """A sweep to be run.

    Args:
        notebook: the path of the notebook.
        points: where to run it.
        folder: where outputs, tables and the journal go.
        resume: whether what the folder holds is to be gone on with.
        jobs: how many at once; None for as many as there are processors or workers.
        retries: how many more times a point that failed is tried.
        timeout: seconds that each run may take.
        fail_fast: whether the first failure ends the sweep.
        scheduler: of Dask; empty to run them here.
    """

    notebook: Path
    points: Sequence[Point]
    folder: Path
    resume: bool = False
    jobs: int | None = None
    retries: int = 0
    timeout: float | None = None
    fail_fast: bool = False
    scheduler: str = ""

    @property
    def place(self) -> AbstractContextManager[Place]:
        """Where it is run; entering connects."""
        return on_cluster(self.scheduler, self.jobs) if self.scheduler else here(self.jobs)

    def is_over(self, row: Row | None) -> bool:
        """Say whether nothing is left to do for a point, which ended so the last time."""
        return row is not None and (row.is_ok or row.attempt > self.retries)


class Watcher:
    """Is told how a sweep goes on; this one says nothing."""

    def begin(self, rows: Sequence[Row], total: int) -> None:
        """Hear of the rows of earlier, and how many points there are."""

    def note(self, text: str) -> None:
        """Hear of something that people should know."""

    def ended(self, row: Row, *, over: bool) -> None:
        """Hear how a run ended; `over` unless it is tried again."""


def check_folder(plan: Plan) -> None:
    """Look at where the outputs go, and write nothing.

    Raises:
        CommandError: it can not be written, or something is there already.
    """
    folder = plan.folder
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    if not there.is_dir():
        raise CommandError(f"{there} is a file", "choose another folder with `--out`.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise CommandError(f"{there} can not be written", "choose another folder with `--out`.")
    if not has_begun(folder):
        for point in plan.points:
            output = folder / f"{point.name}.ipynb"
            if output.exists():
                raise CommandError(
                    f"{output} is there already, and of no sweep",
                    "choose another folder with `--out`.",
                )
    elif not plan.resume:
        raise CommandError(
            f"{folder} holds a sweep already",
            "`--resume` goes on with it; `--out` chooses another folder.",
        )


def run(plan: Plan, watcher: Watcher) -> list[Row]:
    """Run a sweep, and write its tables however it ends.

    Returns:
        The last row of each point, also of those that the folder held before.

    Raises:
        CommandError: nothing was done, for something is wrong; the folder is as it was.
        SilikError: it could not be gone on with.
        KeyboardInterrupt: it was stopped, in good order.
    """
    check_folder(plan)
    with plan.place as place, _opened(plan) as journal:
        _clear(plan.folder)
        if place.note:
            watcher.note(place.note)
        if journal.header.digest != digest(plan.notebook):
            watcher.note(f"{plan.notebook} has changed since; what is done is of the old one.")
        try:
            _Drive(plan, journal, place, watcher).run()
        finally:
            _clear(plan.folder)
            rows = _in_order(plan, journal)
            sweep_results.write(plan.folder, rows)
    return rows


def _opened(plan: Plan) -> Journal:
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        return Journal(plan.folder, plan.notebook)
    except OSError as error:
        raise CommandError(
            f"{error.filename or plan.folder}: {error.strerror}",
            "choose another folder with `--out`.",
        ) from None


class _Drive:
    """One start of a sweep: hands out runs until all points are over."""

    def __init__(self, plan: Plan, journal: Journal, place: Place, watcher: Watcher) -> None:
        self._plan = plan
        self._journal = journal
        self._place = place
        self._watcher = watcher
        self._session = sweep_session.begin(plan.folder)
        self._running: dict[Future[Row | None], Task] = {}
        self._waiting: deque[Task] = deque()

    def run(self) -> None:
        rows = self._journal.rows
        left = [point for point in self._plan.points if not self._plan.is_over(rows.get(point.key))]
        keys = {point.key for point in left}
        known = {point.key for point in self._plan.points} | set(rows)
        self._watcher.begin([row for key, row in rows.items() if key not in keys], len(known))
        for point in left:
            before = rows.get(point.key)
            self._waiting.append(self._task(point, before.attempt + 1 if before else 1))
        try:
            while self._waiting or self._running:
                self._hand_out()
                failed = [self._take(future) for future in self._done()]
                if self._plan.fail_fast and any(failed):
                    self._stop()
                    return
        except BaseException:
            self._stop()
            raise
        sweep_session.end(self._plan.folder)

    def _task(self, point: Point, attempt: int) -> Task:
        return Task(
            sweep=self._journal.header.sweep,
            session=self._session,
            name=point.name,
            parameters=point.parameters,
            notebook=str(self._plan.notebook.absolute()),
            folder=str(self._plan.folder.absolute()),
            cwd=str(Path.cwd()),
            attempt=attempt,
            timeout=self._plan.timeout,
        )

    def _hand_out(self) -> None:
        while self._waiting and len(self._running) < self._place.jobs:
            task = self._waiting.popleft()
            self._running[self._place.executor.submit(run_point, task)] = task

    def _done(self) -> list[Future[Row | None]]:
        return list(wait(self._running, return_when=FIRST_COMPLETED).done)

    def _take(self, future: Future[Row | None]) -> bool:
        """Note how a run ended, and say whether its point has failed for good."""
        task = self._running.pop(future)
        if future.cancelled():
            raise SilikError("the scheduler of the sweep is gone", "go on with `--resume`.")
        error = future.exception()
        row = future.result() if error is None else task.row(DIED, error=_told(error))
        if row is None:
            raise SilikError("the sweep was started again elsewhere", "leave it to that one.")
        self._journal.add(row)
        over = self._plan.is_over(row)
        self._watcher.ended(row, over=over)
        if not over:
            point = Point(task.name, task.parameters)
            self._waiting.append(self._task(point, task.attempt + 1))
        return over and not row.is_ok

    def _stop(self) -> None:
        """Cut off what is running, and note what ended meanwhile."""
        sweep_session.stop(self._plan.folder)
        wait(self._running, timeout=STOP_SECONDS)
        for future in self._running:
            if future.done() and not future.cancelled() and future.exception() is None:
                row = future.result()
                if row is not None:
                    self._journal.add(row)
            future.cancel()


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _in_order(plan: Plan, journal: Journal) -> list[Row]:
    """Return the rows that there are: the points of the plan first."""
    rows = dict(journal.rows)
    first = [rows.pop(point.key) for point in plan.points if point.key in rows]
    return [*first, *rows.values()]


def _clear(folder: Path) -> None:
    """Remove what runs that were cut off have left; whoever is at it still writes it again."""
    for part in folder.glob(".*.part.ipynb*"):
        part.unlink(missing_ok=True)
