"""How long each phase of a kernel's start takes; costs nothing while nobody asks.

Whoever wants to know opens :func:`watched` around a launch; the places that a launch passes say so
with :func:`mark`. A context variable joins the two, so that nothing on the way has to know.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from silik_magics.kernels.death import last_lines

# In the order in which a start goes through them.
PHASES = ("find", "spawn", "first reply", "outputs up", "first execute")


@dataclass
class Phases:
    """What was seen of a launch.

    Attributes:
        seconds: of each phase that ended, in order.
        waited: seconds of the phase that did not end, when the launch failed.
        last_lines: the end of what the kernel wrote to its own stdout and stderr, if it failed.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0
    last_lines: tuple[str, ...] = ()
    _since: float = field(default_factory=time.monotonic)

    def mark(self, phase: str) -> None:
        """Say that a phase has ended just now."""
        now = time.monotonic()
        self.seconds[phase] = now - self._since
        self._since = now

    def fail(self) -> None:
        """Say that the phase that goes on does not come to its end."""
        self.waited = time.monotonic() - self._since


_watching: ContextVar[Phases | None] = ContextVar("_watching", default=None)


@contextmanager
def watched() -> Iterator[Phases]:
    """Note the phases of what is launched inside."""
    phases = Phases()
    token = _watching.set(phases)
    try:
        yield phases
    finally:
        _watching.reset(token)


def mark(phase: str) -> None:
    """Say that a phase of a launch has ended just now."""
    phases = _watching.get()
    if phases is not None:
        phases.mark(phase)


def keep_last_lines(log: Path) -> None:
    """Keep the end of a kernel's log, which is about to be removed."""
    phases = _watching.get()
    if phases is not None:
        phases.last_lines = last_lines(log)
