"""Batch runs: notebooks made of cells, papermill's command line, and the processes of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil

MARK = "SILIK_TEST_RUN"  # every process of a run inherits it, whoever adopts it
LANGUAGES = {"python3": "python", "ir": "R"}
LOAD = "%load_ext silik_magics"


def notebook_of(*cells: str, kernel: str = "python3") -> nbformat.NotebookNode:
    """Return a notebook with these code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    language = LANGUAGES.get(kernel, kernel)
    made.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": language}
    return made


def write_notebook(path: Path, *cells: str, kernel: str = "python3") -> Path:
    """Write a notebook with these code cells."""
    nbformat.write(notebook_of(*cells, kernel=kernel), path)
    return path


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the cells with code: papermill adds others where one failed."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def statuses(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what papermill says of each cell."""
    return [cell.metadata.papermill.status for cell in code_cells(notebook)]


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the names of all errors in a notebook."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [output.ename for output in outputs if output.output_type == "error"]


class Run:
    """A program that runs a notebook, and all processes that come of it."""

    def __init__(self, *argv: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {}), MARK: self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something is so, while the program runs."""
        deadline = time.monotonic() + seconds
        while not done():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline, "it takes too long"
            time.sleep(0.02)

    def end(self, number: signal.Signals | None = None, seconds: float = 60) -> tuple[int, str]:
        """Wait for the end, after sending a signal; return the exit code and all it wrote."""
        if number is not None:
            self.process.send_signal(number)
        written = self.process.communicate(timeout=seconds)[0]
        return self.process.returncode, written

    def processes(self) -> list[psutil.Process]:
        """Return what is there of it, the program too."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.environ().get(MARK) == self.mark:
                    found.append(process)
        return found

    def left(self, seconds: float = 5) -> list[str]:
        """Return the command lines of what is still there after so many seconds."""
        deadline = time.monotonic() + seconds
        while (found := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return [_command_line(process) for process in found]

    def kill(self) -> None:
        """End all of it."""
        for process in [*self.processes(), *self.processes()]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process.poll() is None:
            self.process.communicate()


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "(gone)"


@contextmanager
def papermill(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Run]:
    """Begin `papermill ARGUMENTS...` in a folder; nothing of it is left behind by the test."""
    argv = (sys.executable, "-m", "papermill", *arguments)
    run = Run(*argv, cwd=folder, env=env)
    try:
        yield run
    finally:
        run.kill()


def written_so_far(path: Path) -> nbformat.NotebookNode | None:
    """Return an output notebook, which must be whole; None while there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    json.loads(text)  # not half written: nbformat's own error would not tell
    return nbformat.reads(text, as_version=4)


def without_times(node: Any) -> Any:
    """Return a notebook's JSON without what differs between two runs of it."""
    if isinstance(node, dict):
        return {key: without_times(_timeless(key, value)) for key, value in node.items()}
    if isinstance(node, list):
        return [without_times(item) for item in node]
    return node


_TIMES = frozenset({"start_time", "end_time", "duration", "id", "execution"})


def _timeless(key: str, value: Any) -> Any:
    if key == "execution" and isinstance(value, dict):
        return sorted(value)
    return bool(value) if key in _TIMES else value
