"""When the output notebook is saved: what changed at most every few seconds, the end at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager, catch_nb_assignment

from silik_magics.batch.files import Output

SAVE_SECONDS = 2.0
SHARE = 20  # what is done again and again takes at most one part in so many of the time


class Pace:
    """When something that takes time may be done again.

    Args:
        every: seconds from one beginning to the next, at least.
    """

    def __init__(self, every: float) -> None:
        self.every = every
        self.began = self.next = float("-inf")

    @contextmanager
    def once(self) -> Iterator[None]:
        """Do it now, and look how long it takes."""
        self.began = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            self.next = max(self.began + self.every, ended + (SHARE - 1) * (ended - self.began))

    @property
    def may(self) -> bool:
        """Whether it may be done by now."""
        return time.monotonic() >= self.next


class Book(NotebookExecutionManager):
    """papermill's manager of the notebook's metadata, but that it does not save at every turn.

    papermill writes the whole notebook twice a cell, which takes longer with every cell.

    Args:
        save_every: seconds until what a cell's beginning or end changed is saved, at the latest;
            longer where saving takes long.
        options: of papermill's. `autosave_cell_every` keeps its meaning: seconds until outputs
            are saved in the middle of a cell, 0 for never.
    """

    def __init__(
        self,
        nb: nbformat.NotebookNode,
        output_path: str | None = None,
        *,
        save_every: float = SAVE_SECONDS,
        **options: Any,
    ) -> None:
        self._output = Output(output_path)
        self._pace = Pace(save_every)
        self._is_paced = self._holds = False
        self._later: asyncio.Task[None] | None = None
        self._moment = float("inf")
        super().__init__(nb, output_path=output_path, **options)

    @contextmanager
    def paced(self) -> Iterator[None]:
        """Save in the running loop, when it is time; outside of this, at once."""
        self._is_paced = True
        try:
            yield
        finally:
            self._is_paced = False
            self._not_later()

    @catch_nb_assignment
    def save(self, **kwargs: Any) -> None:
        """Save soon; papermill calls it whenever a cell begins or ends."""
        del kwargs
        if self._is_paced:
            self._save_at(self._pace.next)
        elif not self._holds:
            self.save_now()

    @catch_nb_assignment
    def autosave_cell(self) -> None:
        """Save in a while; papermill calls it for every output."""
        if self._is_paced and self.autosave_cell_every:
            self._save_at(max(self._pace.next, self._pace.began + self.autosave_cell_every))

    @catch_nb_assignment
    def notebook_complete(self, **kwargs: Any) -> None:
        """Finish the metadata, and save; cells that it never came to stay as they are."""
        pending = [c for c in self.nb.cells if c.metadata.papermill["status"] == self.PENDING]
        self._holds = True
        super().notebook_complete(**kwargs)
        self._holds = False
        for cell in pending:  # papermill takes them for those of an engine that does not tell
            cell.metadata.papermill["status"] = self.PENDING
        self.save_now()

    def save_now(self) -> None:
        """Save at once."""
        self._not_later()
        self._write()

    def _save_at(self, moment: float) -> None:
        if self._later is not None and self._later.done():
            later, self._later = self._later, None
            later.result()  # as with papermill: where saving fails, the run does not go on
        if self._later is None or moment < self._moment:
            self._not_later()
            self._moment = moment
            self._later = asyncio.create_task(self._save_later(moment))

    async def _save_later(self, moment: float) -> None:
        await asyncio.sleep(moment - time.monotonic())
        self._write()

    def _not_later(self) -> None:
        later, self._later = self._later, None
        if later is not None and not later.cancel() and not later.cancelled():
            later.exception()  # whoever saves now sees for himself

    def _write(self) -> None:
        if self.output_path:
            with self._pace.once():
                self._output.write(self.nb)
        self.last_save_time = self.now()
