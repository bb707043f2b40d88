"""Which processes belong to a worker of a sweep, and how they are all ended, whoever adopted them.

They inherit its environment, in which a variable of its own stands: kernels of kernels too, whose
parents are gone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from silik_magics.batch.processes import connection_file_of
from silik_magics.kernels.process import runs

VARIABLE = "SILIK_SWEEP_WORKER"
END_SECONDS = 3.0
TRIES = 5  # what is started while the others are being ended is found the next time


def end_all_of(worker: str) -> None:
    """End every process of a worker but the one that calls this, and remove their files."""
    for _ in range(TRIES):
        found = list(_processes(worker))
        if not found:
            return
        files = [file for process in found if (file := _connection_file(process)) is not None]
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        _wait_for(found)
        for file in files:
            file.unlink(missing_ok=True)
            kernel_id = file.stem.removeprefix("kernel-")
            file.with_name(f"silik-{kernel_id}.log").unlink(missing_ok=True)


def _wait_for(processes: list[psutil.Process]) -> None:
    """Wait until processes have ended; one that nobody takes note of has."""
    deadline = time.monotonic() + END_SECONDS
    while any(runs(process.pid) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.005)


def _processes(worker: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_other = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
            if is_other and process.environ().get(VARIABLE) == worker:
                yield process


def _connection_file(process: psutil.Process) -> Path | None:
    try:
        return connection_file_of(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
