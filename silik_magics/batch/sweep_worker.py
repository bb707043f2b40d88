"""The process that runs points of a sweep, one after another, and imports papermill only once.

It reads tasks from its stdin, a line each, and writes a line when it has taken one up and one when
it is done. It ends when stdin does, or when nothing was to be done for a while, and takes along
the kernels of what it was running.

What papermill raises and is not foreseen here ends this process: whoever started it reads the end
of its stderr then.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import warnings
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import Any

from silik_magics.batch.notebooks import engine_name, execute
from silik_magics.batch.sweep_processes import VARIABLE, end_all_of
from silik_magics.batch.sweep_row import DIED, ERROR, OK, Row, Task, commit
from silik_magics.errors import SilikError
from silik_magics.kernels.forking.provisioner import fork_by_default

IDLE_SECONDS = 60.0
TAKEN = {"taken": True}


def main() -> None:
    """Serve until there is nobody to serve."""
    # What a kernel writes to the stdout that it inherits must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tasks: SimpleQueue[Task] = SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    _prepare()

    def tell(data: dict[str, Any]) -> None:
        answers.write(json.dumps(data) + "\n")
        answers.flush()

    while True:
        try:
            task = tasks.get(timeout=IDLE_SECONDS)
        except Empty:
            return
        tell(TAKEN)
        tell(asdict(run(task)))


def _read(tasks: SimpleQueue[Task]) -> None:
    for line in sys.stdin:
        tasks.put(Task(**json.loads(line)))
    end_all_of(os.environ[VARIABLE])
    os._exit(0)  # the main thread may be in the middle of a run


def _prepare() -> None:
    """Import what takes half a second, before the first task comes."""
    warnings.simplefilter("ignore")  # nobody reads them here
    import papermill

    fork_by_default()
    logging.getLogger(papermill.__name__).setLevel(logging.ERROR)


def run(task: Task) -> Row:
    """Run a point, and return how it ended when its notebook has its name."""
    from nbclient.exceptions import DeadKernelError
    from nbformat import ValidationError
    from papermill.exceptions import PapermillException, PapermillExecutionError

    started = time.monotonic()
    status, error = OK, ""
    try:
        execute(
            task.notebook,
            task.part,
            task.parameters,
            engine_name=engine_name(),
            cwd=task.cwd,
        )
    except PapermillExecutionError as raised:
        status, error = ERROR, f"{raised.ename}: {raised.evalue}"
    except DeadKernelError:
        status, error = DIED, "the notebook's kernel died"
    except (
        PapermillException,
        KeyError,  # jupyter_client's NoSuchKernel is one
        OSError,
        RuntimeError,
        SilikError,
        ValidationError,
        ValueError,
    ) as raised:
        status, error = ERROR, f"{type(raised).__name__}: {raised}"
    return commit(task, task.row(status, time.monotonic() - started, error))


if __name__ == "__main__":
    main()
