"""Which files of the Jupyter runtime directory belong to kernels that live no more.

A file counts as left over only if nothing speaks for its kernel: no process names it in its
command line, nothing listens at its addresses, they are addresses of this machine, and it is not
new. When in doubt, it stays.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.localinterfaces import is_local_ip
from jupyter_core.paths import jupyter_runtime_dir

NEW_SECONDS = 60.0  # a kernel that is starting has a file before it listens
CONNECT_SECONDS = 0.2
LARGEST = 65536  # bytes of a connection file; they have some 300

_OURS = re.compile(r"(?:kernel|silik)-(?P<id>.+?)(?P<kind>\.json|\.log|-ipc-\d)")
_CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


@dataclass(frozen=True)
class Leftover:
    """A file that nobody needs any more.

    Attributes:
        path: where it is.
        what: what it was: `connection file`, `log` or `socket`.
        age: seconds since it was written last.
    """

    path: Path
    what: str
    age: float


def leftovers(directory: str | Path | None = None) -> list[Leftover]:
    """Return what ended kernels have left, oldest first.

    Args:
        directory: where to look; the Jupyter runtime directory by default.
    """
    folder = Path(directory or jupyter_runtime_dir())
    named = _named_in_command_lines()
    alive: dict[str, bool] = {}
    found: list[Leftover] = []
    for path, kernel_id, kind in _files(folder):
        if kernel_id not in alive:
            alive[kernel_id] = kernel_id in named or _answers(folder, kernel_id)
        age = time.time() - path.lstat().st_mtime
        if not alive[kernel_id] and age > NEW_SECONDS:
            what = {".json": "connection file", ".log": "log"}.get(kind, "socket")
            found.append(Leftover(path, what, age))
    return sorted(found, key=lambda one: -one.age)


def _files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Yield the files of this user that belong to kernels: path, kernel id and kind."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        name = _OURS.fullmatch(path.name)
        try:
            status = path.lstat()
        except FileNotFoundError:  # its kernel has just tidied up
            continue
        regular = stat.S_ISREG(status.st_mode) or stat.S_ISSOCK(status.st_mode)
        if name is not None and regular and status.st_uid == os.getuid():
            yield path, name["id"], name["kind"]


def _named_in_command_lines() -> set[str]:
    """Return the ids of kernels whose connection file, or log, is named by a process."""
    found: set[str] = set()
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:  # it has ended, or is not ours
            continue
        for word in words:
            name = _OURS.fullmatch(os.path.basename(word.rpartition("=")[2]))  # noqa: PTH119
            if name is not None:
                found.add(name["id"])
    return found


def _answers(folder: Path, kernel_id: str) -> bool:
    """Say whether somebody listens where a kernel's connection file says, or may do."""
    path = folder / f"kernel-{kernel_id}.json"
    try:
        with path.open("rb") as file:
            info = json.loads(file.read(LARGEST))
    except (OSError, ValueError):  # it is gone, or was never written whole: nobody can use it
        return any(_listens(str(sock)) for sock in folder.glob(f"kernel-{kernel_id}-ipc-*"))
    if not isinstance(info, dict):
        return False
    return any(_at(info, channel) for channel in _CHANNELS)


def _at(info: dict[str, Any], channel: str) -> bool:
    ip, port = str(info.get("ip", "")), info.get(f"{channel}_port")
    if not isinstance(port, int) or not 0 < port < 65536:
        return False
    if info.get("transport") == "ipc":
        return _listens(f"{ip}-{port}")
    return not is_local_ip(ip) or _listens((ip, port))


def _listens(address: str | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_SECONDS)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it is slow, or may not be asked: it may well live
            return True
    return True
