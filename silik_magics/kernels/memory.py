"""What a process used of the memory, and whether the system ended it for that.

Nothing is polled. The system keeps the highest value for whoever takes note of a process's end,
and counts for each cgroup how many processes it killed because there was no memory left.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CGROUPS = Path("/sys/fs/cgroup")
KERNEL_LOG = Path("/dev/kmsg")
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
SLACK_BYTES = 2**20  # each processor counts for itself: values of one moment differ a little
CLOCK_SECONDS = 2.0  # between the clock of the kernel log and ours
LOG_RECORDS = 20_000  # that are read of the kernel log: it holds fewer, unless it is flooded

_KILLED = re.compile(r"Killed process (\d+)\b")


class Memory:
    """Follows the memory of one process, from its start to its end.

    Made when the process has just begun.

    Args:
        pid: the process; None where it is not one of this machine, or not ours.
    """

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._peak: int | None = None
        self._process: Any = None
        # Until a child executes its program, it is a copy of us; the system counts that too.
        self._ours = high_water_mark() if pid is not None else 0
        self._since = time.monotonic()
        self._events: Path | None = None
        self._noted = 0
        self.note()

    def note(self) -> None:
        """Take note of how many processes of its cgroup were killed: it may have been moved."""
        self._events = events_of(self._pid) if self._pid is not None else None
        self._noted = _unexplained(self._events)

    def reap(self, process: Any) -> None:
        """Take note of the end of the process, before `subprocess` does: only we ask for the peak.

        Args:
            process: its Popen, or what a forked kernel has instead. Nothing happens while it runs.
        """
        if not isinstance(process, subprocess.Popen):
            self._process = process
            return
        if process.returncode is not None or not hasattr(os, "wait4"):
            return
        try:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else was faster
            return
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            peak = used.ru_maxrss * MAXRSS_BYTES
            self._peak = peak if peak > self._ours + SLACK_BYTES else None

    @property
    def peak(self) -> int | None:
        """The most memory that it used at once, in bytes (RSS); None while nobody knows."""
        return self._peak if self._process is None else getattr(self._process, "peak", None)

    def was_exhausted(self) -> bool:
        """Say whether the system killed the process for lack of memory; to be asked once."""
        if self._events is not None and _unexplained(self._events) > self._noted:
            _explained[self._events] += 1
            return True
        return self._pid is not None and killed_for_memory(
            kernel_log(), self._pid, self._since - CLOCK_SECONDS
        )


# Of one cgroup, each kill explains the end of one kernel only.
_explained: Counter[Path] = Counter()


def _unexplained(events: Path | None) -> int:
    return kills(events) - _explained[events] if events is not None else 0


def kills(events: Path) -> int:
    """Return how many processes were killed, as a cgroup's file of events has it; 0 if unknown."""
    try:
        lines = events.read_text().splitlines()
    except OSError:
        return 0
    # Those that are killed as a group (`oom_group_kill`) are counted here too, one by one.
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def events_of(pid: int, proc: Path = Path("/proc")) -> Path | None:
    """Return the file that counts the kills in a process's cgroup; None where there is none."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return None
    found = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    for _, controllers, path in sorted(found, key=lambda parts: parts[1] != "memory"):
        if "memory" in controllers.split(","):
            mount, name = CGROUPS / "memory", "memory.oom_control"
        elif not controllers:
            mount, name = CGROUPS, "memory.events"
        else:
            continue
        # In a container, the mount may begin where the path ends.
        for directory in (mount / path.strip("/"), mount):
            if (directory / name).is_file():
                return directory / name
    return None


def kernel_log() -> list[str]:
    """Return the records of the system's own log; none where it may not be read."""
    records: list[str] = []
    try:
        file = os.open(KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return records
    try:
        while len(records) < LOG_RECORDS:
            data = os.read(file, 8192)
            if not data:
                break
            records.append(data.decode(errors="replace"))
    except OSError:  # it is read (EAGAIN), or it went on faster than we (EPIPE)
        pass
    finally:
        os.close(file)
    return records


def killed_for_memory(records: Iterable[str], pid: int, since: float) -> bool:
    """Say whether the system's log tells that it killed a process for lack of memory.

    Args:
        records: as /dev/kmsg has them: `priority,number,microseconds,flags;text`.
        pid: the process.
        since: when it began, in seconds as `time.monotonic` has them.
    """
    for record in records:
        head, _, text = record.partition(";")
        fields = head.split(",")
        killed = _KILLED.search(text) if "ut of memory" in text else None
        if killed and int(killed[1]) == pid and len(fields) > 2 and int(fields[2]) / 1e6 >= since:
            return True
    return False


def high_water_mark() -> int:
    """Return the most memory that this process used at once, in bytes; 0 if that is unknown."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
