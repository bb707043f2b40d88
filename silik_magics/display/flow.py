"""Gives outputs to a front-end no faster than it reads them.

A kernel's iopub socket takes whatever it is given, and keeps it in memory until front-ends have
read it. So after every few megabytes it is looked there, and what comes meanwhile waits in a spool.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from silik_magics.display.answers import Answer
from silik_magics.display.backlog import Backlog
from silik_magics.display.spool import Spool, size_of
from silik_magics.kernels.messages import Message

T = TypeVar("T", bound=Message | Answer)

WINDOW = 2**23  # bytes that are given at once
FULL = 2**18  # bytes that are not read: more of them, and the front-end is behind
LOOK_SECONDS = 0.002
STUCK_SECONDS = 10.0  # without any progress: it reads no more, and nobody waits for it


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

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the front-end to read."""
        return self._pump is not None

    def put(self, item: T) -> None:
        """Pass an output on, now or later; called in the loop, if there is a backlog."""
        if self._spool or self._is_behind():
            self._spool.append(item)
            if self._pump is None:
                self._pump = asyncio.ensure_future(self._pass_on())
        else:
            self._pass(item)

    def _pass(self, item: T) -> None:
        before, self._given = self._given, self._given + size_of(item)
        if before < FULL <= self._given and self._backlog is not None:
            self._backlog.measure()  # what a front-end that is new to it has not read counts too
        self._give(item)

    def _is_behind(self) -> bool:
        """Say whether a window was given, and is not read yet."""
        if self._given < WINDOW or self._backlog is None:
            return False
        self._backlog.mark()
        if not self._backlog.is_sent or self._backlog.measure() > FULL:
            return True
        self._given = 0
        return False

    async def _pass_on(self) -> None:
        try:
            while self._spool:
                await self._read()
                self._given = 0
                while self._spool and self._given < WINDOW:
                    self._pass(self._spool.pop())
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
