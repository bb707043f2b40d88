"""What the processes of a kernel use of the machine, as psutil sees them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psutil


@dataclass
class Usage:
    """Measures one kernel: its process and everything that it started.

    The processor share is that since the last measurement; the first time, since the start.
    """

    _last: tuple[float, float] | None = field(default=None)

    def measure(self, pid: int | None) -> tuple[float | None, int | None]:
        """Return the share of one processor in percent, and the memory in bytes (RSS).

        Both are None where the process is not known or not there any more.
        """
        try:
            root = psutil.Process(pid) if pid is not None else None
            if root is None:
                return None, None
            processes = [root, *root.children(recursive=True)]
            begun = root.create_time()
        except psutil.Error:
            return None, None
        seconds, memory = 0.0, 0
        for process in processes:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    seconds += times.user + times.system
                    memory += process.memory_info().rss
            except psutil.Error:  # it ended meanwhile
                continue
        now = time.time()
        then, before = self._last or (begun, 0.0)
        self._last = (now, seconds)
        return max(0.0, 100 * (seconds - before) / max(now - then, 1e-3)), memory
