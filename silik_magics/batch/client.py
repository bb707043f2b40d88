"""How a notebook is executed: as papermill's own client does, in one loop, and ended in order."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbclient.util import ensure_async, run_hook
from papermill.clientwrap import PapermillNotebookClient

from silik_magics.batch import subkernels
from silik_magics.batch.answers import Answers
from silik_magics.batch.processes import end_kernels, environment
from silik_magics.batch.saving import Book, Pace
from silik_magics.errors import CommandError
from silik_magics.kernels.ports import Held
from silik_magics.kernels.readiness import DIED, connect

INTERRUPT_SECONDS = 2.0  # for a cell that is cut off to end by itself, with its own error
START_TRIES = 2


class Client(PapermillNotebookClient):
    """Executes the cells of one notebook.

    Args:
        book: keeps the notebook's metadata, and saves it.
        answers: to the cells' questions; without them, asking is an error of the cell.
        options: the traits of nbclient's client.
    """

    def __init__(self, book: Book, answers: Answers | None = None, **options: Any) -> None:
        super().__init__(book, **options)
        self._book = book
        self._answers = answers
        self._refusal: CommandError | None = None
        self._refused = asyncio.Event()
        self._run_id = uuid.uuid4().hex
        self._rows: list[dict[str, Any]] = []
        self._asking = Pace(0)
        self._watch: asyncio.Task[None] | None = None
        self._is_stuck = False

    async def run(self) -> nbformat.NotebookNode:
        """Execute the notebook; stops at a cell that fails, which papermill then reports.

        Raises:
            DeadKernelError, CellTimeoutError: as nbclient does.
        """
        self.reset_execution_trackers()
        with self._book.paced():
            async with self._kernel():
                self.log.info(f"Executing notebook with kernel: {self.kernel_name}")
                await self._cells()
                if not self._is_stuck:
                    info = await self.async_wait_for_reply(self._kc.kernel_info())
                    if info is not None:
                        self.nb.metadata["language_info"] = info["content"]["language_info"]
                self.set_widgets_metadata()
        return self.nb

    # Cells

    async def _cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            is_whole = False
            try:
                self._book.cell_start(cell, index)
                await self._cell(cell, index)
                is_whole = True
            except CellExecutionError:
                return
            finally:
                if not is_whole:
                    self._book.cell_exception(self.nb.cells[index], cell_index=index)
                self._book.cell_complete(self.nb.cells[index], cell_index=index)
                if not is_whole:
                    self._book.save_now()
            question = self._question
            if question and question.concerns(cell.source) and self._asking.may:
                await self._ask(question)
        if self._answers is not None and self._answers.left:
            self.log.warning(
                f"{self._answers.source}: {self._answers.left} of its answers were not asked for"
            )

    async def _cell(self, cell: nbformat.NotebookNode, index: int) -> None:
        execution = asyncio.ensure_future(self.async_execute_cell(cell, index))
        waited: set[asyncio.Future[Any]] = {execution}
        if self._answers is not None:
            waited.add(asyncio.ensure_future(self._refused.wait()))
        try:
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._refusal is not None:
                await self._interrupt(execution)
        except asyncio.CancelledError:
            self._book.save_now()
            await self._interrupt(execution)
            raise
        finally:
            self._is_stuck = not execution.done()
            await self._end(waited)
        if self._refusal is not None:
            raise _replaced(cell, self._refusal)
        if isinstance(execution.exception(), CellTimeoutError):
            await self._interrupt(execution)  # or the kernel could not tell of its sub-kernels
        execution.result()

    async def _end(self, tasks: set[asyncio.Future[Any]]) -> None:
        for task in tasks:
            task.cancel()
        if self._is_stuck and self._watch is not None:  # nbclient forgets it
            self._watch.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _async_poll_kernel_alive(self) -> None:
        self._watch = asyncio.current_task()
        await super()._async_poll_kernel_alive()

    async def _interrupt(self, execution: asyncio.Future[Any]) -> None:
        if self.km is not None and await ensure_async(self.km.is_alive()):
            await ensure_async(self.km.interrupt_kernel())
            await asyncio.wait({execution}, timeout=INTERRUPT_SECONDS)

    # The kernel

    @property
    def _kc(self) -> Any:
        assert self.kc is not None
        return self.kc

    @asynccontextmanager
    async def _kernel(self) -> AsyncIterator[None]:
        """Start the notebook's kernel; whatever happens, no kernel is left."""
        questions = None
        try:
            await self._start()
            if self._answers is not None:
                questions = asyncio.create_task(self._answer(self._answers))
            yield
        finally:
            if questions is not None:
                questions.cancel()
            try:
                await self._last_look()
            finally:
                await self._stop()

    async def async_start_new_kernel_client(self) -> Any:
        """Connect to the notebook's kernel, as nbclient does, and wait until it is ready."""
        assert self.km is not None
        self.kc = self.km.client()
        try:
            allow_stdin = self._answers is not None
            await connect(self._kc, self.startup_timeout, allow_stdin=allow_stdin)
        except RuntimeError as error:
            self.log.error(f"Error occurred while starting new kernel client: {error}")
            await self._async_cleanup_kernel()
            raise
        await run_hook(self.on_notebook_start, notebook=self.nb)
        return self.kc

    async def _start(self) -> None:
        for tries_left in reversed(range(START_TRIES)):
            if self.km is None:
                self.km = self.create_kernel_manager()
            held = Held("", ())
            if not self.km.has_kernel:
                await self.async_start_new_kernel(env=environment(self._run_id))
                if tries_left:  # or it may not bind ports as servers do
                    held = Held.of(self.km)
            if self.kc is not None:
                return
            try:
                await self.async_start_new_kernel_client()
                return
            except RuntimeError as error:
                # Somebody may have been faster than it, where its ports could not be held.
                if not (tries_left and self.owns_km and str(error) == DIED):
                    raise
                self.log.warning("The kernel ended while it was starting: trying it again")
            finally:
                held.let_go()

    async def _stop(self) -> None:
        if not self.owns_km:
            return
        try:
            if self.km is not None:
                await self._async_cleanup_kernel()
        finally:
            left = end_kernels(self._run_id)
            if left:
                self.log.warning(f"Kernels that outlived the notebook's and were ended: {left}")

    # Questions

    async def _answer(self, answers: Answers) -> None:
        while True:
            message = await ensure_async(self._kc.stdin_channel.get_msg(timeout=None))
            if message["msg_type"] != "input_request":
                continue
            try:
                self._kc.input(answers.give(str(message["content"].get("prompt", ""))))
            except CommandError as error:
                self._refusal = error
                self._refused.set()

    # Sub-kernels

    @property
    def _question(self) -> subkernels.Question | None:
        spec = getattr(self.km, "kernel_spec", None)
        return subkernels.QUESTIONS.get(getattr(spec, "language", "").lower())

    async def _ask(self, question: subkernels.Question) -> None:
        with self._asking.once():
            rows = await subkernels.ask(self._kc, question)
        self._rows = self._rows if rows is None else rows
        subkernels.note(self.nb, self._rows)

    async def _last_look(self) -> None:
        if self.kc is None or self.km is None:
            return
        lives = await ensure_async(self.km.is_alive())
        if lives and not self._is_stuck and self._question is not None:
            await self._ask(self._question)
        subkernels.note(self.nb, subkernels.ended(self._rows, lost=not lives))


def _replaced(cell: nbformat.NotebookNode, error: CommandError) -> CellExecutionError:
    """Make an error of ours that of a cell, instead of the interrupt that ended it."""
    content = error.content()
    others = [output for output in cell.outputs if output.output_type != "error"]
    cell.outputs = [*others, nbformat.v4.new_output("error", **content)]
    return CellExecutionError.from_cell_and_msg(cell, {"status": "error", **content})
