"""Whoever wants something of a kernel that is being restarted waits here until it is ready.

What is sent before that could be lost, or its outputs, which are not connected yet.
"""

from __future__ import annotations

import asyncio


class Coming:
    """A kernel that is not ready yet, but will be: its waiters."""

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None

    def __bool__(self) -> bool:
        return self._future is not None

    def begin(self) -> None:
        """Have everybody wait from now on."""
        self._future = self._future or asyncio.get_running_loop().create_future()

    def end(self) -> None:
        """Let everybody go on: it is ready, or will not be."""
        future, self._future = self._future, None
        if future is not None:
            future.set_result(None)

    def give_up(self, error: Exception) -> None:
        """End the wait of everybody who waits now with `error`; it comes all the same."""
        future = self._future
        if future is not None:
            self._future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
            future.exception()  # perhaps nobody waits

    async def wait(self) -> None:
        """Wait until it has come, or was given up."""
        while self._future is not None:
            await asyncio.shield(self._future)
