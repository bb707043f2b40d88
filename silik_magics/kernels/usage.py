"""What the processes of a kernel use of the machine, as psutil sees them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import psutil


@dataclass
class Usage:
    """Measures one kernel: its process and everything that it started.

    The processor share is that since the last measurement; the first time, since the start.
    """

    _processes: list[psutil.Process] = field(default_factory=list[psutil.Process])
    _found: float = 0.0  # when they were found
    _last: dict[psutil.Process, tuple[float, float]] = field(default_factory=dict[Any, Any])

    def measure(self, pid: int | None, age: float = 0.0) -> tuple[float | None, int | None]:
        """Return the share of one processor in percent, and the memory in bytes (RSS).

        Both are None where the process is not known or not there any more.

        Args:
            pid: the kernel's process.
            age: seconds for which the processes that were found are taken for all there are: to
                look for those that it started takes much longer than to measure them.
        """
        if pid is None or not self._find(pid, age):
            return None, None
        share, memory, now = 0.0, 0, time.time()
        measured: dict[psutil.Process, tuple[float, float]] = {}
        for process in self._processes:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    seconds = times.user + times.system
                    memory += process.memory_info().rss
                    then, before = self._last.get(process) or (process.create_time(), 0.0)
            except psutil.Error:  # it ended meanwhile
                continue
            measured[process] = now, seconds
            share += 100 * max(0.0, seconds - before) / max(now - then, 1e-3)
        self._last = measured
        return (share, memory) if measured else (None, None)

    def _find(self, pid: int, age: float) -> bool:
        """Look for the processes, unless that was done just now; say whether there are any."""
        is_fresh = time.monotonic() - self._found < age
        if is_fresh and self._processes and self._processes[0].pid == pid:
            return True
        try:
            root = psutil.Process(pid)
            self._processes = [root, *root.children(recursive=True)]
        except psutil.Error:
            return False
        self._found = time.monotonic()
        return True
