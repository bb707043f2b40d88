"""Notices the end of a process; polls nothing where the system can tell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.5  # where there is no pidfd: a kernel elsewhere, or not Linux


class Watch:
    """Calls `ended()` once, in the loop, when a process has ended.

    On Linux a pidfd wakes the loop within milliseconds and costs nothing while it waits. What has
    no process of this machine (a remote provisioner) is asked twice a second.

    Args:
        pid: the process, if it is one of this machine.
        alive: says whether it still runs.
        ended: called when it does not.
    """

    def __init__(
        self, pid: int | None, alive: Callable[[], Awaitable[bool]], ended: Callable[[], None]
    ) -> None:
        self._alive = alive
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._fd = _pidfd(pid)
        self._task: asyncio.Task[None] | None = None
        if self._fd is None:
            self._task = self._loop.create_task(self._poll())
        else:
            self._loop.add_reader(self._fd, self._signalled)

    def stop(self) -> None:
        """Watch no longer."""
        self._close()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _signalled(self) -> None:
        self._close()
        self._task = self._loop.create_task(self._poll())

    async def _poll(self) -> None:
        while await self._alive():  # noqa: ASYNC110 - nothing tells us here, see the class
            await asyncio.sleep(POLL_SECONDS)
        self._task = None
        self._ended()

    def _close(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None


def _pidfd(pid: int | None) -> int | None:
    if pid is None or not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # no such process any more, or the system forbids it
        return None
