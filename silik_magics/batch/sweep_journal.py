"""What a sweep has done so far: a file that is only ever appended to, a line for each run.

A line is there or it is not, whenever the sweep is killed. What a notebook could still tell of
itself but the journal does not know yet, the run of that point finds out (see `sweep_row`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from silik_magics.batch.sweep_points import key_of
from silik_magics.batch.sweep_row import Row
from silik_magics.errors import CommandError, SilikError

FILE = "journal.jsonl"
VERSION = 1
LOCK_SECONDS = 2.0  # what was killed a moment ago may still be ending


@dataclass(frozen=True)
class Header:
    """The first line: which sweep this is, and of which notebook."""

    sweep: str
    notebook: str
    digest: str
    version: int = VERSION


class Journal:
    """The journal of the sweep in a folder, held by one process at a time.

    Attributes:
        header: which sweep it is.
        rows: the last row of each point that was run, by its parameters.
        was_there: whether the sweep had begun before.
    """

    def __init__(self, folder: Path, notebook: Path) -> None:
        self._path = folder / FILE
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _lock(self._fd, folder)
            header, self.rows, end = _read(self._path)
            self.was_there = header is not None
            os.ftruncate(self._fd, end)  # half a line, written when it was killed
            self.header = header or Header(uuid.uuid4().hex, str(notebook), digest(notebook))
            if header is None:
                self._append(asdict(self.header))
        except BaseException:
            self.close()
            raise

    def add(self, row: Row) -> None:
        """Note how a run ended; it is on the disk when this returns."""
        self._append(asdict(row))
        self.rows[key_of(row.parameters)] = row

    def close(self) -> None:
        """Let go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, data: dict[str, Any]) -> None:
        line = (json.dumps(data, ensure_ascii=False) + "\n").encode()
        try:
            while line:
                line = line[os.write(self._fd, line) :]
            os.fsync(self._fd)
        except OSError as error:
            raise SilikError(
                f"{self._path} can not be written: {error.strerror}",
                "mend that, and go on with `--resume`: what was done is not done again.",
            ) from None


def has_begun(folder: Path) -> bool:
    """Say whether a folder holds a sweep."""
    try:
        return _read(folder / FILE)[0] is not None
    except FileNotFoundError:
        return False


def digest(notebook: Path) -> str:
    """Return what tells two versions of a notebook apart."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def _read(path: Path) -> tuple[Header | None, dict[str, Row], int]:
    """Return the header, the last row of each point, and where the last whole line ends.

    Raises:
        CommandError: it is no journal.
    """
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    first, *rest = data[:end].decode(errors="replace").split("\n")
    if not end:
        return None, {}, 0
    try:
        header = Header(**json.loads(first))
        rows = [Row(**json.loads(line)) for line in rest if line]
    except (ValueError, TypeError):
        raise CommandError(
            f"{path} is no journal of a sweep", "choose another folder with `--out`."
        ) from None
    return header, {key_of(row.parameters): row for row in rows}, end


def _lock(fd: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"another `silik sweep` is at work in {folder}",
                    "wait for it, or choose another folder with `--out`.",
                ) from None
            time.sleep(0.05)
        except OSError:
            return  # a file system without locks
        else:
            return
