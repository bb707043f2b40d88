"""A forked kernel's process, as subprocess shows one: it is no child of this process."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

import psutil

from silik_magics.kernels.forking.channel import Channel, Closed
from silik_magics.kernels.memory import MAXRSS_BYTES

REPORT_SECONDS = 0.5  # from a kernel's end to its template's report
WAIT_SECONDS = 0.005
UNKNOWN = 255  # the exit code when the template had ended before the kernel, and nobody knows


class ForkedProcess:
    """What `jupyter_client` needs of a `subprocess.Popen`.

    Args:
        pid: of the kernel.
        channel: on which its exit status is reported.
        reports: says whether the template is alive, so that there will be a report.

    Attributes:
        returncode: as subprocess has it; None while it runs, UNKNOWN when nobody knows.
        peak: the most memory that it used at once, in bytes; None while nobody knows.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, channel: Channel, reports: Callable[[], bool]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.peak: int | None = None
        self._channel = channel
        self._reports = reports
        self._killed = False
        self._process: psutil.Process | None = None
        self._gone_since: float | None = None
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
            self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """Return the exit status; None while it runs, or until that is reported."""
        if self.returncode is not None:
            return self.returncode
        try:
            said = self._channel.said()
        except Closed:
            self._ended(None)
            return self.returncode
        if said is not None:
            peak = said.get("peak")
            self.peak = None if peak is None else int(peak) * MAXRSS_BYTES
            self._ended(said.get("status"))
        elif self.is_gone and (not self._reports() or self._report_is_late()):
            self._ended(None)
        return self.returncode

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended, reported or not."""
        try:
            return (
                self._process is None
                or not self._process.is_running()
                or self._process.status() == psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return True

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status.

        Raises:
            TimeoutError: it did not end in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} has not ended within {timeout} s")
            time.sleep(WAIT_SECONDS)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            self.signalled(number)
            os.kill(self.pid, number)

    def signalled(self, number: int) -> None:
        """Remember a signal that is sent to it, or to its process group."""
        self._killed = self._killed or number == signal.SIGKILL

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _report_is_late(self) -> bool:
        if self._gone_since is None:
            self._gone_since = time.monotonic()
        return time.monotonic() - self._gone_since > REPORT_SECONDS

    def _ended(self, status: int | None) -> None:
        if status is None:
            status = -signal.SIGKILL if self._killed else UNKNOWN
        self.returncode = int(status)
        self._channel.close()
