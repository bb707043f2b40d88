"""Gives outputs to a front-end no faster than it reads them.

A kernel's iopub socket takes whatever it is given, and keeps it in memory until front-ends have
read it; what they have not read can be seen only from outside, in the send buffers of the system.
So after every few megabytes it is looked there, and what comes meanwhile waits in a spool.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import psutil

from silik_magics.display.answers import Answer
from silik_magics.display.spool import Spool, size_of
from silik_magics.kernels.messages import Message

T = TypeVar("T", bound=Message | Answer)

WINDOW = 2**23  # bytes that are given at once
FULL = 2**18  # bytes in a send buffer: more of them, and the front-end is behind
LOOK_SECONDS = 0.002
CACHE_SECONDS = 0.5  # for which the connections of the socket are remembered
STUCK_SECONDS = 10.0  # without any progress: it reads no more, and nobody waits for it


class Backlog:
    """What the front-ends of a kernel have not read yet.

    Args:
        thread: the kernel's iopub thread.
        port: its iopub port.

    Attributes:
        is_sent: whether what was given before the last mark has left the iopub thread.
    """

    def __init__(self, thread: Any, port: int) -> None:
        self._thread = thread
        self._port = port
        self.is_sent = True
        self._descriptors: list[int] = []
        self._looked = 0.0

    def mark(self) -> None:
        """Begin to wait until what was given so far has left the iopub thread."""
        self.is_sent = False
        self._thread.schedule(self._mark_sent)

    def _mark_sent(self) -> None:
        self.is_sent = True

    def measure(self) -> int:
        """Return how many bytes wait in the fullest send buffer; 0 where that is not known."""
        return max((_unread(fd) for fd in self._connections()), default=0)

    def _connections(self) -> list[int]:
        if time.monotonic() - self._looked > CACHE_SECONDS:
            self._looked = time.monotonic()
            self._descriptors = []
            with contextlib.suppress(psutil.Error, OSError):  # the system does not tell
                self._descriptors = [
                    one.fd
                    for one in psutil.Process().net_connections("tcp")
                    if one.laddr and one.laddr.port == self._port
                    if one.status == psutil.CONN_ESTABLISHED and one.fd >= 0
                ]
        return self._descriptors


def _unread(descriptor: int) -> int:
    """Return how many bytes the other end of a TCP connection has not taken (Linux: tcp(7))."""
    try:
        import fcntl
        import termios
    except ImportError:  # Windows
        return 0
    try:
        packed = fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:  # it was closed, or the system can not tell
        return 0
    return struct.unpack("i", packed)[0]


class Flow(Generic[T]):
    """Passes outputs on in their order, and holds them back while the front-end is behind.

    Args:
        give: passes one on.
        backlog: tells how much is not read yet; without it, everything is passed on at once.
    """

    def __init__(self, give: Callable[[T], None], backlog: Backlog | None) -> None:
        self._give = give
        self._backlog = backlog
        self._given = 0
        self._is_stuck = False
        self._spool: Spool[T] = Spool()
        self._pump: asyncio.Task[None] | None = None

    def put(self, item: T) -> None:
        """Pass an output on, now or later; called in the loop, if there is a backlog."""
        if self._spool or self._is_behind():
            self._spool.append(item)
            if self._pump is None:
                self._pump = asyncio.ensure_future(self._pass_on())
        else:
            self._pass(item)

    def _pass(self, item: T) -> None:
        self._given += size_of(item)
        self._give(item)

    def _is_behind(self) -> bool:
        """Say whether a window was given, and is not read yet."""
        if self._given < WINDOW or self._backlog is None:
            return False
        self._given = 0
        self._backlog.mark()
        return not self._backlog.is_sent or self._backlog.measure() > FULL

    async def _pass_on(self) -> None:
        try:
            while self._spool:
                await self._read()
                while self._spool and self._given < WINDOW:
                    self._pass(self._spool.pop())
                self._given = 0
                if self._backlog is not None:
                    self._backlog.mark()
        finally:
            self._pump = None

    async def _read(self) -> None:
        """Wait until the front-end has read what it was given, or reads no more."""
        assert self._backlog is not None
        while not self._backlog.is_sent:  # noqa: ASYNC110 - a thread says so
            await asyncio.sleep(LOOK_SECONDS)
        unread, since = self._backlog.measure(), time.monotonic()
        while unread > FULL and not self._is_stuck:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._backlog.measure()
            if now != unread:
                unread, since = now, time.monotonic()
            self._is_stuck = time.monotonic() - since > STUCK_SECONDS
        self._is_stuck = unread > FULL

    async def drained(self) -> None:
        """Wait until everything was passed on; when that is cancelled, pass it on at once."""
        try:
            while self._pump is not None:
                await asyncio.shield(self._pump)
        except asyncio.CancelledError:
            if self._pump is not None:
                self._pump.cancel()
            for item in self._spool.drain():
                self._give(item)
            raise
