"""Runs one point wherever an executor calls for it: in a process of its own, which may be lost.

This is what is called in a thread of this process or on a worker of a cluster, and it is the same.
The process that it hands the point to is kept for the next one.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from silik_magics.batch.notebooks import last_words
from silik_magics.batch.sweep_processes import VARIABLE, end_all_of
from silik_magics.batch.sweep_row import DIED, ERROR, TIMEOUT, Row, Task, commit, committed
from silik_magics.batch.sweep_session import goes_on
from silik_magics.batch.sweep_worker import TAKEN
from silik_magics.kernels.death import Death
from silik_magics.kernels.process import open_log

LOOK_SECONDS = 0.2  # between two looks whether the sweep goes on
CLOSE_SECONDS = 5.0


class Cut(Enum):
    """Why there is no row."""

    IDLE = "its process had ended before it took the task"
    ENDED = "its process ended"
    LATE = "its time is over"
    STOPPED = "the sweep was stopped"


def run_point(task: Task) -> Row | None:
    """Run a point; return how it ended, or None where the sweep was stopped before that.

    What this attempt has done already, before somebody was lost, is not done again.
    """
    done = committed(task)
    if done is not None:
        return done
    if not goes_on(Path(task.folder), task.session):
        return None
    missing = next((x for x in (task.notebook, task.folder) if not Path(x).exists()), None)
    if missing is not None:
        told = f"{missing} is not on {socket.gethostname()}: a sweep needs a shared file system"
        return task.row(ERROR, error=told)
    found = _run(task)
    if found is Cut.IDLE:
        found = _run(task)
    if isinstance(found, Row):
        return found
    return None if found is Cut.STOPPED else task.row(DIED, error=str(found.value))


def _run(task: Task) -> Row | Cut:
    worker = _take()
    try:
        return worker.run(task)
    finally:
        _give(worker)


class Worker:
    """A process that runs points, one after another."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        descriptor, path = tempfile.mkstemp(prefix="silik-sweep-", suffix=".log")
        os.close(descriptor)
        self._log = Path(path)
        with open_log(self._log) as log:  # kernels write there too, what they say before they end
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "silik_magics.batch.sweep_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, VARIABLE: self._name},
                start_new_session=True,  # Ctrl-C is for the sweep alone
                text=True,
                encoding="utf-8",
            )
        self._answers: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        threading.Thread(target=self._read, name="silik-sweep", daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it can take another task."""
        return self._process.poll() is None

    def run(self, task: Task) -> Row | Cut:
        """Run a point; unless it has ended by itself, the process is over after a cut."""
        open_log(self._log).close()  # what the points before it said is of no interest
        taken = self._answer(task) if self._send(task) else Cut.IDLE
        started = time.monotonic()
        answer = self._answer(task, started) if taken == TAKEN else taken
        if not isinstance(answer, Cut):
            return Row(**answer)
        self._end()
        seconds = time.monotonic() - started
        done = committed(task)  # it may have been done in that very moment
        if done is not None:
            return done
        if answer is Cut.LATE:
            late = f"it was not done within {task.timeout:g} s"
            return commit(task, task.row(TIMEOUT, seconds, late))
        if answer is Cut.ENDED and taken == TAKEN:
            return commit(task, task.row(DIED, seconds, self._told()))
        task.part.unlink(missing_ok=True)
        return Cut.IDLE if answer is Cut.ENDED else answer

    def close(self) -> None:
        """End it; what it is running is cut off."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._end()
        self._log.unlink(missing_ok=True)

    def _end(self) -> None:
        """End it at once, with the kernels of what it is running."""
        self._process.kill()
        self._process.wait()
        end_all_of(self._name)

    def _send(self, task: Task) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asdict(task)) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines, suppress(ValueError):  # half a line, when it was killed
            for line in lines:
                self._answers.put(json.loads(line))
        self._answers.put(None)

    def _answer(self, task: Task, started: float | None = None) -> dict[str, Any] | Cut:
        """Return what it says next, or why it is not waited for any longer."""
        deadline = math.inf if started is None or task.timeout is None else started + task.timeout
        while True:
            try:
                answer = self._answers.get(timeout=min(LOOK_SECONDS, task.timeout or LOOK_SECONDS))
            except Empty:
                if time.monotonic() > deadline:
                    return Cut.LATE
                if not goes_on(Path(task.folder), task.session):
                    return Cut.STOPPED
            else:
                return Cut.ENDED if answer is None else answer

    def _told(self) -> str:
        lines = last_words(self._log)
        death = Death(self._process.returncode)
        return f"the notebook's process died: {death}" + (f": {lines[-1]}" if lines else "")


_idle: list[Worker] = []
_lock = threading.Lock()


def _take() -> Worker:
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.is_alive:
                return worker
            worker.close()
    return Worker()


def _give(worker: Worker) -> None:
    if not worker.is_alive:
        worker.close()
        return
    with _lock:
        _idle.append(worker)


def close_workers() -> None:
    """End the processes that are kept for the next point."""
    with _lock:
        workers, _idle[:] = list(_idle), []
    for worker in workers:
        worker.close()
