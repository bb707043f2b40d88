"""Shows, while several kernels run one cell, which of them are still running.

In a notebook that stands in the line above a kernel's outputs, which is a display of ours anyway:
when all is over, the cell holds what it holds without it. Only where no kernel has said anything
is there no such line; there a line that sums up stays. On a terminal it is the last line, and is
taken away at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from silik_magics.display import markup
from silik_magics.display.answers import Answer, heading
from silik_magics.display.live import Bottom, InPlace

if TYPE_CHECKING:
    from silik_magics.display.sinks import Sink

_NAMED = 5  # kernels that are named, at most
_NOTHING = Answer("")


class Progress:
    """The lines above the kernels' outputs, and the word of who is still running.

    Args:
        sink: where the outputs go.
        names: what the kernels are called, by their ids.
    """

    def __init__(self, sink: Sink, names: dict[str, str]) -> None:
        self._sink = sink
        self._running = dict(names)
        self._count = len(names)
        self._failed = 0
        self._began = time.monotonic()
        self._is_told = False  # whether it takes so long that something is to be seen
        live = sink.live()
        self._bottom = live if isinstance(live, Bottom) else None
        self._is_in_place = isinstance(live, InPlace)
        self._place: InPlace | None = None
        self._name = ""  # of the kernel whose outputs stand below that place

    @property
    def is_seen(self) -> bool:
        """Whether there is a place for it."""
        return self._is_in_place or self._bottom is not None

    def head(self, name: str) -> None:
        """Show the line above a kernel's outputs."""
        if not self._is_in_place:
            self._sink.answer(heading(name))
            return
        if self._place is not None and self._name:
            self._place.show(heading(self._name))
        if self._place is None or self._name:
            self._place = self._new_place()
        self._name = name
        self._show()

    def done(self, id_: str, *, failed: bool) -> None:
        """Say that a kernel runs no more."""
        self._running.pop(id_, None)
        self._failed += failed
        if self._is_told and self._running:
            self._show()

    def tick(self) -> None:
        """Show who is still running; called now and then, once that takes a while."""
        self._is_told = True
        if self._is_in_place and self._place is None:
            self._place = self._new_place()
        self._show()

    def end(self) -> None:
        """Leave what is to stay."""
        if self._bottom is not None:
            self._bottom.close(_NOTHING)
        elif self._place is not None:
            self._place.close(heading(self._name) if self._name else self._sum())

    def _new_place(self) -> InPlace:
        place = self._sink.live()
        assert isinstance(place, InPlace)
        return place

    def _show(self) -> None:
        if self._bottom is not None:
            self._bottom.show(Answer(self._note()))
        elif self._place is not None:
            note = self._note() if self._is_told else ""
            done = (self._count - len(self._running)) / self._count
            name = f"── {self._name} ──" if self._name else ""
            text = f"{name} {note}".strip()
            self._place.show(Answer(text, markup.title(self._name, note, done)))

    def _note(self) -> str:
        names = shortened(self._running.values(), _NAMED)
        return f"{len(self._running)} of {self._count} still running: {names} ({self._seconds} s)"

    def _sum(self) -> Answer:
        said = f"{self._count} kernels: {self._count - self._failed} ok"
        said += f", {self._failed} failed" if self._failed else ""
        said += f", {self._seconds} s"
        return Answer(said, markup.title("", said))

    @property
    def _seconds(self) -> int:
        return int(time.monotonic() - self._began)


def shortened(names: Iterable[str], most: int) -> str:
    """Return names as one line, and how many were left out."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
