"""Which kernel processes belong to a run, and how those are ended that outlived it.

A kernel that dies takes Python sub-kernels along, but not those of R or Deno. All of them inherit
the environment of the notebook's kernel, so a variable there tells whose they are, whoever adopted
them. What a notebook itself leaves running on purpose, such as a server, is no kernel and is left.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from silik_magics.kernels.forking.templates import PROGRAM as TEMPLATE
from silik_magics.kernels.process import runs

VARIABLE = "SILIK_RUN"
END_SECONDS = 3.0
_CONNECTION_FILE = re.compile(r"kernel-[0-9a-f-]{36}\.json")
_LOG = re.compile(r"silik-([0-9a-f-]{36})\.log")


def environment(run_id: str) -> dict[str, str]:
    """Return the environment in which the notebook's kernel is to be started.

    A run that a notebook of another run makes is part of that one too.
    """
    return {**os.environ, VARIABLE: f"{os.environ.get(VARIABLE, '')} {run_id}".strip()}


def end_kernels(run_id: str) -> int:
    """End the kernels of a run that are still there, with what they started.

    Returns:
        How many there were.
    """
    kernels = list(_kernels(run_id))
    if not kernels:
        return 0
    files = [file for kernel in kernels if (file := connection_file_of(kernel)) is not None]
    family = {*kernels, *(child for kernel in kernels for child in _children(kernel))}
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + END_SECONDS
    while any(runs(process.pid) for process in family) and time.monotonic() < deadline:
        time.sleep(0.005)
    for file in files:
        file.unlink(missing_ok=True)
        kernel_id = file.stem.removeprefix("kernel-")
        file.with_name(f"silik-{kernel_id}.log").unlink(missing_ok=True)
    return len(kernels)


def _kernels(run_id: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            names = process.environ().get(VARIABLE, "").split()
            if run_id in names and connection_file_of(process) is not None:
                yield process


def connection_file_of(process: psutil.Process) -> Path | None:
    """Return the connection file of a kernel's process, if it is one."""
    argv = process.cmdline()
    if str(TEMPLATE) not in argv:
        return connection_file(argv)
    # A forked kernel has the command of its template, but the log is its own.
    logs = ((_LOG.fullmatch(Path(path).name), path) for path, *_ in process.open_files())
    found = (Path(path).with_name(f"kernel-{log[1]}.json") for log, path in logs if log)
    return next(found, None)


def connection_file(argv: Sequence[str]) -> Path | None:
    """Return the connection file that a command line names, if it does."""
    paths = (Path(argument) for argument in argv)
    return next((path for path in paths if _CONNECTION_FILE.fullmatch(path.name)), None)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
