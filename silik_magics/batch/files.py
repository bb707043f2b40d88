"""How an output notebook is written: a local file is replaced as a whole, never half written."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import nbformat
from papermill.iorw import papermill_io, write_ipynb

SUFFIXES = (".ipynb", ".json")  # of notebooks, for papermill


class WholeFile:
    """papermill's handler for local files, but that it replaces a file as a whole.

    Args:
        local: papermill's own; it knows where relative paths begin.
    """

    def __init__(self, local: Any) -> None:
        self._local = local

    def write(self, text: str, path: str) -> None:
        """Write a file."""
        here = self._local.cwd(None)  # it returns what it was; there is no other way to ask
        self._local.cwd(here)
        if not replace(Path(here or Path.cwd(), path), text):
            self._local.write(text, path)

    def __getattr__(self, name: str) -> Any:
        """Do everything else as papermill does."""
        return getattr(self._local, name)


class Output:
    """Where an output notebook goes.

    papermill itself writes it a last time when its engine has ended, through the handler that it
    finds for the path: so that one is registered for this very path.

    Args:
        path: a local path, or one of papermill's others, such as `s3://...`; None for nowhere.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._whole: WholeFile | None = None
        if path is None:
            return
        handler, local = papermill_io.get_handler(path), papermill_io.get_handler("local")
        if isinstance(handler, WholeFile):
            self._whole = handler
        elif handler is local:
            self._whole = WholeFile(local)
            if path.endswith(SUFFIXES):  # nothing shorter: `s3` is the beginning of other paths
                papermill_io.register(path, self._whole)

    def write(self, notebook: nbformat.NotebookNode) -> None:
        """Write the notebook."""
        if self._whole is not None and self._path is not None:
            # papermill writes it a last time, and validates it then.
            self._whole.write(nbformat.v4.writes(notebook), self._path)
        else:
            write_ipynb(notebook, self._path)


def replace(target: Path, text: str) -> bool:
    """Write a file beside another and put it in its place.

    Returns:
        False where that would make it another file, or is not possible: nothing was done then.
    """
    target = target.resolve()  # a link stays a link
    mode = None
    if target.exists():
        old = target.stat()
        ours = old.st_uid == os.geteuid() and os.access(target, os.W_OK)
        if not (stat.S_ISREG(old.st_mode) and old.st_nlink == 1 and ours):
            return False
        mode = stat.S_IMODE(old.st_mode)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    except OSError:
        return False
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is open
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(text)
        beside.replace(target)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return True
