"""What a kernel was asked to run since it started: what of it is over, and what runs; pure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Work:
    """The executions of one kernel, which runs them one after the other.

    Attributes:
        asked: how many it was asked for.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._codes: dict[object, str] = {}
        self._since = 0.0

    def __bool__(self) -> bool:
        return bool(self._codes)

    @contextmanager
    def running(self, code: str) -> Iterator[None]:
        """Count an execution, and have it among those that are not over."""
        token = object()
        if not self._codes:
            self._since = time.monotonic()
        self._codes[token] = code
        self.asked += 1
        try:
            yield
        finally:
            was_first = next(iter(self._codes)) is token
            del self._codes[token]
            if was_first:
                self._since = time.monotonic()

    @property
    def code(self) -> str:
        """The code that runs; the first, where several wait; empty when none does."""
        return next(iter(self._codes.values()), "")

    @property
    def seconds(self) -> float:
        """How long that has been running."""
        return time.monotonic() - self._since if self._codes else 0.0

    @property
    def over(self) -> int:
        """How many executions have ended."""
        return self.asked - len(self._codes)
