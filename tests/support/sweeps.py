"""Notebooks to sweep over, the command line that does it, and a Dask cluster on this machine."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

SILIK = str(Path(sys.executable).with_name("silik"))
GLUE = (
    "from IPython.display import display\n"
    "def glue(name, data):  # as scrapbook's\n"
    "    scrap = {'name': name, 'data': data, 'encoder': 'json', 'version': 1}\n"
    "    display({'application/scrapbook.scrap.json+json': scrap}, raw=True,\n"
    "            metadata={'scrapbook': {'name': name, 'data': True, 'display': False}})"
)
COUNT = "with open('runs.txt', 'a') as file: file.write(f'{x}\\n')"
TWO_KERNELS = (
    "%load_ext silik_magics",
    "%silik start python3 -n 2 -l k",
    "%%silik k1.py\nprint('one')",
    "%%silik k2.py --capture two\nprint(6 * 7)",
    f"{GLUE}\nglue('square', x * x)\nglue('two', int(two.text))",
    COUNT,
)


def write_notebook(path: Path, *cells: str, parameters: str = "x = 0") -> Path:
    """Write a Python notebook whose first cell gives its parameters."""
    made = new_notebook(cells=[new_code_cell(cell) for cell in (parameters, *cells)])
    made.cells[0].metadata["tags"] = ["parameters"]
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    nbformat.write(made, path)
    return path


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Running:
    """A command that is running."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [SILIK, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def descendants(self) -> list[psutil.Process]:
        """Return all processes below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def until(self, done: Callable[[], Any], timeout: float = 60) -> None:
        """Wait until something is so, while the command is running."""
        deadline = time.monotonic() + timeout
        while not done():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, f"not within {timeout} s"
            time.sleep(0.005)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, timeout: float = 100) -> Ended:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=timeout)
        return Ended(self.process.returncode, out, err)


def run(folder: Path, *words: str, timeout: float = 100) -> Ended:
    """Run a command of the command line `silik`."""
    return Running(folder, *words).end(timeout)


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the results of a sweep, and see that both tables tell the same."""
    found = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    with (folder / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["status"] for row in table] == [row["status"] for row in found]
    return found


def journaled(folder: Path) -> list[dict[str, Any]]:
    """Return the runs that the journal knows, whole lines only."""
    path = folder / "journal.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[1:-1]]


def counted(folder: Path) -> Counter[int]:
    """Return how many times each `x` was run to its end, as the notebooks counted."""
    path = folder / "runs.txt"
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def all_end(processes: list[psutil.Process], timeout: float = 5) -> bool:
    """Say whether processes end within so many seconds."""
    deadline = time.monotonic() + timeout
    while any(_runs(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Cluster:
    """A Dask scheduler and two workers, each a process."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start a Dask cluster on this machine."""
    file = folder / "scheduler.json"
    started = [_dask(folder, "scheduler", "--scheduler-file", str(file), "--port", "0")]
    deadline = time.monotonic() + 30
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    address = json.loads(file.read_text())["address"]
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
    try:
        started += [_dask(folder, *worker) for _ in range(workers)]
        yield Cluster(address, started[1:])
    finally:
        for process in started:
            process.kill()
            process.wait()


def _dask(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    with (folder / f"{words[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words, "--no-dashboard"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
