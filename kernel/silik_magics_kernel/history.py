"""The history of the command mode: it outlives the kernel, in a file for the user alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from IPython.core.history import HistoryManager
from jupyter_core.paths import jupyter_data_dir
from traitlets import Any as AnyTrait


class History(HistoryManager):
    """IPython's history of inputs in a file of our own, with no IPython shell around it."""

    shell = AnyTrait()

    def __init__(self, **traits: Any) -> None:
        path = Path(jupyter_data_dir(), "silik", "history.sqlite")
        super().__init__(shell=None, hist_file=path, **traits)  # type: ignore[arg-type]

    def init_db(self) -> None:
        """Open the file, in the place of a damaged one too; in memory where there can be none."""
        if isinstance(self.hist_file, Path) and not make_private(self.hist_file):
            self.hist_file = ":memory:"
        super().init_db()

    def add(self, line: int, cell: str) -> None:
        """Store an input."""
        self.store_inputs(line, cell, cell)

    def ask(self, hist_access_type: str, **content: Any) -> list[Any]:
        """Return the `history` of a history_reply for the content of a history_request."""
        output, raw, n = bool(content.get("output")), content.get("raw", True), content.get("n")
        asked: dict[str, Callable[[], Iterable[Any]]] = {
            "tail": lambda: self.get_tail(n, raw=raw, output=output, include_latest=True),
            "range": lambda: self._range(
                content.get("session") or 0,
                content.get("start") or 1,
                content.get("stop"),
                raw=raw,
                output=output,
            ),
            "search": lambda: self.search(
                content.get("pattern") or "*",
                raw=raw,
                output=output,
                n=n,
                unique=bool(content.get("unique")),
            ),
        }
        return list(asked[hist_access_type]()) if hist_access_type in asked else []

    def _range(self, session: int, *lines: Any, **kinds: Any) -> Iterable[Any]:
        # IPython calls the present session 0 in its answer, even when asked for it by its number.
        for told, line, found in self.get_range(session, *lines, **kinds):
            yield session if session > 0 else told, line, found


def make_private(path: Path) -> bool:
    """Make a file for the user alone, if it is not there; say whether it can be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        return False
    return True
