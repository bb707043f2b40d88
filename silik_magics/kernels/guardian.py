"""The guardian: a process that ends the kernels of a host that is gone, and removes their files.

It is run by path: `python -I -S guardian.py HOST_PID`, and imports nothing but the standard
library. The host tells it what to guard, through a socket that is its stdin, in lines of JSON:

* `{"id": "a", "files": ["/run/kernel-a.json", "/run/silik-a.log"]}`: a kernel is about to start.
* `{"id": "a", "pid": 7}`: it is this process. If it leads a process group, that is guarded too.
* `{"id": "a", "over": true}`: it was stopped; what is left of its group is ended.

It sleeps until the host says something, a kernel ends, or the host does. A process is held by a
pidfd where the system has them: a number that was given to somebody else is never signalled.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable

POLITE_SECONDS = 1.5  # from SIGTERM to SIGKILL
KILL_SECONDS = 1.5  # for the system to end what was killed
LOOK_SECONDS = 0.05  # between two looks whether they are gone
BORN_SECONDS = 0.5  # a kernel that was about to start when the host ended is there by then
HAS_PIDFD = hasattr(os, "pidfd_open")


class Process:
    """One process, which is signalled only while it is the one that was meant."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fd = -1
        if HAS_PIDFD:
            with contextlib.suppress(OSError):  # it has ended
                self.fd = os.pidfd_open(pid)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        if HAS_PIDFD:
            return self.fd >= 0 and not select.select([self.fd], [], [], 0)[0]
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        with contextlib.suppress(OSError):  # it has just ended, or is somebody else's
            if not HAS_PIDFD:
                os.kill(self.pid, number)
            elif self.fd >= 0:
                signal.pidfd_send_signal(self.fd, number)

    def close(self) -> None:
        """Give back the pidfd."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Guarded:
    """A kernel: the process that was started, what is left of its group, and its files."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.leader: Process | None = None
        self.leads_group = False
        self.left: list[Process] = []

    def started(self, pid: int) -> None:
        """Take note of its process."""
        self.leader_ended()
        self.leader = Process(pid)
        with contextlib.suppress(OSError):
            # Never the group of somebody else: one that was not made for it may be the host's.
            self.leads_group = os.getpgid(pid) == pid

    def leader_ended(self) -> None:
        """Hold what is left of its group, whose number may be given to another one from now on."""
        if self.leader is None:
            return
        if self.leads_group:
            self.left += [Process(pid) for pid in members(self.leader.pid)]
        self.leader.close()
        self.leader = None
        self.leads_group = False

    def signal(self, number: int) -> None:
        """Send a signal to all of it."""
        if self.leader is not None:
            if self.leads_group and self.leader.is_alive:
                with contextlib.suppress(OSError):  # it has just ended
                    os.killpg(self.leader.pid, number)
            elif self.leads_group:
                self.leader_ended()
            else:
                self.leader.signal(number)
        for process in self.left:
            process.signal(number)

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it lives."""
        if self.leader is not None:
            if self.leader.is_alive:
                return False
            self.leader_ended()
        return not any(process.is_alive for process in self.left)

    def close(self) -> None:
        """Give back what it holds."""
        for process in [*self.left, *([self.leader] if self.leader else [])]:
            process.close()


def members(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    found = []
    for pid in processes():
        with contextlib.suppress(OSError, ValueError):  # it has just ended
            with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - no pathlib in a guardian
                state, _, pgrp = file.read().rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state not in "ZX":
                found.append(pid)
    return found


def processes() -> Iterable[int]:
    """Return all processes; none where the system has no /proc."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    return []


def running(files: Iterable[str]) -> list[int]:
    """Return the processes that name one of these files in their command line."""
    wanted = {os.fsencode(file) for file in files}
    found = []
    for pid in processes():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            words = file.read().split(b"\0")
            if pid != os.getpid() and any(one in word for word in words for one in wanted):
                found.append(pid)
    return found


class Guardian:
    """Guards the kernels of one host.

    Args:
        host: its process id.
        control: where it says what to guard.
    """

    def __init__(self, host: int, control: socket.socket) -> None:
        self._host = Process(host)
        self._control = control
        self._data = b""
        self._listens = True
        self._kernels: dict[str, Guarded] = {}
        self._ending: list[tuple[float, Guarded]] = []  # when they are killed

    def guard(self) -> None:
        """Guard until the host is gone, or has nothing more to guard."""
        while self._host.is_alive and (self._listens or self._kernels or self._ending):
            poll = select.poll()
            leaders = self._leaders()
            for fd in [self._host.fd, *leaders]:
                if fd >= 0:
                    poll.register(fd, select.POLLIN)
            if self._listens:
                poll.register(self._control, select.POLLIN)
            for fd, _ in poll.poll(self._patience()):
                if fd == self._control.fileno():
                    self._listen()
                elif fd in leaders:
                    leaders[fd].leader_ended()
            self._drop()
            self._kill_late()
        while self._listens and select.select([self._control], [], [], 0)[0]:
            self._listen()  # its last words

    def _drop(self) -> None:
        """Forget what has ended and left nothing."""
        for name, one in list(self._kernels.items()):
            if one.leader is None and not one.files and one.is_gone:
                del self._kernels[name]

    def _leaders(self) -> dict[int, Guarded]:
        found = {}
        for kernel in self._kernels.values():
            if kernel.leader is not None and kernel.leader.fd >= 0:
                found[kernel.leader.fd] = kernel
        return found

    def _patience(self) -> float | None:
        if not self._ending:
            return None if HAS_PIDFD else 1000
        return max(0.0, min(when for when, _ in self._ending) - time.monotonic()) * 1000

    def _listen(self) -> None:
        """Take what the host says. It says nothing more when it ends, or has another guardian."""
        try:
            data = self._control.recv(65536)
        except ConnectionResetError:
            data = b""
        self._listens = bool(data)
        *lines, self._data = (self._data + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, said: dict[str, object]) -> None:
        name = str(said["id"])
        if "over" in said:
            self._over(self._kernels.pop(name, None))
            return
        kernel = self._kernels.setdefault(name, Guarded())
        files = said.get("files")
        if isinstance(files, list):
            kernel.files = [str(file) for file in files]
        pid = said.get("pid")
        if isinstance(pid, int):
            kernel.started(pid)

    def _over(self, kernel: Guarded | None) -> None:
        if kernel is None:
            return
        if kernel.is_gone:
            kernel.close()
            return
        for number in (signal.SIGTERM, signal.SIGCONT):
            kernel.signal(number)
        self._ending.append((time.monotonic() + POLITE_SECONDS, kernel))

    def _kill_late(self) -> None:
        now = time.monotonic()
        for when, kernel in [entry for entry in self._ending if entry[0] <= now]:
            kernel.signal(signal.SIGKILL)
            kernel.close()
            self._ending.remove((when, kernel))

    def end(self) -> None:
        """End all that is left, politely and then not, and remove its files."""
        kernels = [*self._kernels.values(), *(kernel for _, kernel in self._ending)]
        unborn = [kernel for kernel in kernels if kernel.leader is None and not kernel.left]
        if not kernels:
            return
        begun = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGCONT):  # what was stopped gets it now
            for kernel in kernels:
                kernel.signal(number)
        while time.monotonic() - begun < POLITE_SECONDS:
            for kernel in unborn:
                self._find(kernel)
            is_born = time.monotonic() - begun > BORN_SECONDS or not unborn
            if is_born and all(kernel.is_gone for kernel in kernels):
                break
            time.sleep(LOOK_SECONDS)
        deadline = time.monotonic() + KILL_SECONDS
        while any(not kernel.is_gone for kernel in kernels) and time.monotonic() < deadline:
            for kernel in kernels:
                kernel.signal(signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
        for file in [file for kernel in kernels for file in kernel.files]:
            with contextlib.suppress(OSError):  # it was never made, or is removed already
                os.unlink(file)  # noqa: PTH108 - no pathlib in a guardian

    @staticmethod
    def _find(kernel: Guarded) -> None:
        """Find a kernel that was being started when the host ended: it knows one of the files."""
        if kernel.leader is None and kernel.files:
            for pid in running(kernel.files[:1])[:1]:
                kernel.started(pid)
                kernel.signal(signal.SIGTERM)


def main() -> None:
    """Guard the kernels of the host at the other end of stdin."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # those end the host, and then this
    control = socket.socket(fileno=os.dup(0))
    guardian = Guardian(int(sys.argv[1]), control)
    guardian.guard()
    guardian.end()
    os._exit(0)


if __name__ == "__main__":
    main()
