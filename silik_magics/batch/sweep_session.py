"""Who may work on a sweep: the runs of one start of it, until it is stopped or started again.

A file in the sweep's folder names the session. Whoever runs a point, on whichever machine, looks
into it now and then, and stops when another one is named: so Ctrl-C reaches runs on a cluster too,
and those of a sweep that was killed are over as soon as it is resumed.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

FILE = ".session"
STOPPED = "stopped".ljust(32)


def begin(folder: Path) -> str:
    """Begin a session in a folder and return what it is called."""
    session = uuid.uuid4().hex
    _write(folder, session)
    return session


def stop(folder: Path) -> None:
    """Tell whoever runs a point of this session to stop."""
    _write(folder, STOPPED)


def end(folder: Path) -> None:
    """End the session, which nobody works for any more."""
    Path(folder, FILE).unlink(missing_ok=True)


def goes_on(folder: Path, session: str) -> bool:
    """Say whether a session still holds; where nothing can be read, it does."""
    try:
        found = Path(folder, FILE).read_text(encoding="utf-8")
    except OSError:
        return folder.is_dir()
    return not found or found == session


def _write(folder: Path, text: str) -> None:
    # In place: what a network file system shows to other machines is the file that they know.
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.pwrite(descriptor, text.encode(), 0)
    finally:
        os.close(descriptor)
