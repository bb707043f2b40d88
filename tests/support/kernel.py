"""The kernel `silik`, as a front-end types into it, and as it is seen from outside."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from support.host import Cell, Host

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Typed:
    """Takes what a transcript types, cell by cell, and shows what comes back as a console does."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def type(self, cell: str) -> str:
        return shown(self._host.run(cell))


def shown(cell: Cell) -> str:
    """Return all that a cell shows, as text and without colours."""
    written: list[str] = []
    for message in cell.messages:
        content = message["content"]
        if message["msg_type"] == "stream":
            written.append(content["text"])
        elif message["msg_type"] == "error":
            written += "\n".join(content["traceback"]), "\n"
        elif "text/plain" in content.get("data", {}):
            written += content["data"]["text/plain"], "\n"
    return _ANSI.sub("", "".join(written))


def pid_of(host: Host) -> int:
    """Return the pid of the kernel itself."""
    return host.manager.provisioner.pid  # type: ignore[union-attr]


def run(pid: int) -> bool:
    """Say whether a process is there, and not only waits to be taken note of."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def words_of(pid: int) -> list[str]:
    """Return the command line of a process; nothing where it has ended."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def until_gone(pids: Iterable[int], seconds: float = 5) -> float:
    """Wait until processes are gone, and return how long that took."""
    begun = time.monotonic()
    left = list(pids)
    while left := [pid for pid in left if run(pid)]:
        assert time.monotonic() - begun < seconds, [words_of(pid) for pid in left]
        time.sleep(0.005)
    return time.monotonic() - begun


def until_as_before(folder: Path, files: set[Path], seconds: float = 5) -> None:
    """Wait until a folder holds these files alone: a guardian removes what a lost host has left."""
    deadline = time.monotonic() + seconds
    while (found := set(folder.iterdir())) != files:
        assert time.monotonic() < deadline, found ^ files
        time.sleep(0.02)
