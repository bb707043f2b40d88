from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.iorw import papermill_io

from silik_magics.batch.saving import Book, Pace


class Shelf:
    """A place that papermill writes to; counts, and can take its time or fail."""

    def __init__(self) -> None:
        self.written: list[nbformat.NotebookNode] = []
        self.seconds = 0.0
        self.failure: Exception | None = None
        self.failed = asyncio.Event()

    def write(self, text: str, path: str) -> None:
        del path
        time.sleep(self.seconds)
        if self.failure is not None:
            self.failed.set()
            raise self.failure
        self.written.append(nbformat.reads(text, as_version=4))


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setattr(papermill_io, "_handlers", list(papermill_io._handlers))
    found = Shelf()
    papermill_io.register("shelf://", found)
    return found


def book_of(cells: int = 3, **options: Any) -> Book:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(str(number)) for number in range(cells)],
        metadata={"papermill": {}},
    )
    options = {"progress_bar": False, "save_every": 0.2, **options}
    return Book(notebook, "shelf://out.ipynb", **options)


async def until_saved(shelf: Shelf, count: int) -> None:
    """Wait until the notebook was saved so many times, and no time longer."""
    deadline = time.monotonic() + 10
    while len(shelf.written) < count:
        assert time.monotonic() < deadline, f"saved {len(shelf.written)} times"
        await asyncio.sleep(0.01)
    assert len(shelf.written) == count


def paced(book: Book, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something in a loop, as the engine does, between the notebook's beginning and end."""

    async def main() -> None:
        with book.paced():
            await work()

    book.notebook_start()
    asyncio.run(main())


def test_the_beginning_and_the_end_are_saved_at_once(shelf: Shelf) -> None:
    book = book_of()
    book.notebook_start()
    assert [c.metadata.papermill.status for c in shelf.written[0].cells] == ["pending"] * 3
    book.notebook_complete()
    assert len(shelf.written) == 2
    assert shelf.written[1].metadata.papermill.end_time is not None


def test_many_cells_in_a_moment_are_saved_once(shelf: Shelf) -> None:
    book = book_of(50)

    async def work() -> None:
        for index, cell in enumerate(book.nb.cells):
            book.cell_start(cell, index)
            book.cell_complete(cell, cell_index=index)
        assert len(shelf.written) == 1
        await until_saved(shelf, 2)

    paced(book, work)
    assert {cell.metadata.papermill.status for cell in shelf.written[1].cells} == {"completed"}


def test_a_cell_that_ended_is_saved_though_nothing_else_happens(shelf: Shelf) -> None:
    book = book_of()

    async def work() -> None:
        book.cell_start(book.nb.cells[0], 0)
        book.cell_complete(book.nb.cells[0], cell_index=0)
        book.cell_start(book.nb.cells[1], 1)  # which says nothing for an hour
        await until_saved(shelf, 2)

    paced(book, work)
    statuses = [cell.metadata.papermill.status for cell in shelf.written[-1].cells]
    assert statuses == ["completed", "running", "pending"]


def test_what_is_saved_at_once_is_not_saved_again_for_the_same_change(shelf: Shelf) -> None:
    book = book_of()

    async def work() -> None:
        book.cell_start(book.nb.cells[0], 0)
        book.save_now()
        await asyncio.sleep(0.3)

    paced(book, work)
    assert len(shelf.written) == 2


def test_outputs_in_the_middle_of_a_cell_are_saved_as_often_as_papermills_option_says(
    shelf: Shelf,
) -> None:
    book = book_of(autosave_cell_every=0.4)

    async def work() -> None:
        book.save_now()
        began = time.monotonic()
        for _ in range(3):
            book.autosave_cell()
            await asyncio.sleep(0.01)
        await until_saved(shelf, 3)  # though no other output comes
        assert time.monotonic() - began > 0.35

    paced(book, work)


def test_outputs_in_the_middle_of_a_cell_are_not_saved_where_the_option_is_0(shelf: Shelf) -> None:
    book = book_of(autosave_cell_every=0)

    async def work() -> None:
        book.autosave_cell()
        await asyncio.sleep(0.3)

    paced(book, work)
    assert len(shelf.written) == 1


def test_the_end_of_a_cell_is_saved_sooner_than_its_outputs_would_have_been(shelf: Shelf) -> None:
    book = book_of(autosave_cell_every=30)

    async def work() -> None:
        book.autosave_cell()
        book.cell_complete(book.nb.cells[0], cell_index=0)
        await until_saved(shelf, 2)

    paced(book, work)


def test_a_save_that_failed_ends_the_run_at_the_next_change(shelf: Shelf) -> None:
    book = book_of()

    async def work() -> None:
        shelf.failure = RuntimeError("the bucket is gone")
        book.cell_start(book.nb.cells[0], 0)
        await shelf.failed.wait()
        with pytest.raises(RuntimeError, match="the bucket is gone"):
            book.cell_complete(book.nb.cells[0], cell_index=0)
        shelf.failure = None

    paced(book, work)
    book.notebook_complete()
    assert shelf.written[-1].cells[0].metadata.papermill.status == "completed"


def test_a_save_that_failed_is_forgotten_when_the_next_is_made_at_once(shelf: Shelf) -> None:
    book = book_of()

    async def work() -> None:
        shelf.failure = RuntimeError("the bucket is gone")
        book.cell_start(book.nb.cells[0], 0)
        await shelf.failed.wait()
        shelf.failure = None
        book.save_now()
        book.cell_complete(book.nb.cells[0], cell_index=0)

    paced(book, work)


def test_cells_that_it_never_came_to_stay_pending(shelf: Shelf) -> None:
    book = book_of()

    async def work() -> None:
        book.cell_start(book.nb.cells[0], 0)
        book.cell_complete(book.nb.cells[0], cell_index=0)

    paced(book, work)
    book.notebook_complete()
    statuses = [cell.metadata.papermill.status for cell in shelf.written[-1].cells]
    assert statuses == ["completed", "pending", "pending"]


def test_nothing_is_written_where_papermill_is_not_to_save(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {}})
    book = Book(notebook, None, progress_bar=False)
    book.notebook_start()
    book.notebook_complete()
    assert list(tmp_path.iterdir()) == []


def test_a_pace_waits_so_long_between_two_beginnings() -> None:
    pace = Pace(0.1)
    assert pace.may
    with pace.once():
        pass
    assert not pace.may
    assert pace.next == pytest.approx(pace.began + 0.1, abs=0.05)


def test_a_pace_gives_to_what_is_slow_a_twentieth_of_the_time() -> None:
    pace = Pace(0)
    with pace.once():
        time.sleep(0.05)
    assert pace.next - pace.began == pytest.approx(20 * 0.05, rel=0.5)
