"""How a sweep goes on, shown on a terminal: how many, how fast, how long yet, and what failed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tqdm import tqdm

from silik_magics.batch.sweep import Watcher
from silik_magics.batch.sweep_row import Row

LOG_SECONDS = 10.0  # between two lines where nobody sees them change


class Progress(Watcher):
    """A bar on stderr, and a line above it for each point that failed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: tqdm | None = None
        self._failed = 0
        self._retried = 0

    def begin(self, rows: Sequence[Row], total: int) -> None:
        """Show what is there already."""
        self._failed = sum(not row.is_ok for row in rows)
        self._bar = tqdm(
            desc=self._name,
            total=total,
            initial=len(rows),
            unit="point",
            dynamic_ncols=True,
            mininterval=0.1 if sys.stderr.isatty() else LOG_SECONDS,
        )
        self._count()

    def note(self, text: str) -> None:
        """Show a line."""
        tqdm.write(f"Note: {text}", file=sys.stderr)

    def ended(self, row: Row, *, over: bool) -> None:
        """Count a run, and say what failed."""
        assert self._bar is not None
        if not row.is_ok:
            again = "" if over else " (it is tried again)"
            tqdm.write(f"✗ {row.name}: {row.error}{again}", file=sys.stderr)
        self._failed += over and not row.is_ok
        self._retried += not over
        self._count()
        if over:
            self._bar.update()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def _count(self) -> None:
        assert self._bar is not None
        counts = {"failed": self._failed, "retried": self._retried}
        self._bar.set_postfix({name: n for name, n in counts.items() if n}, refresh=False)
