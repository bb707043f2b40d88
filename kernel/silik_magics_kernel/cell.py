"""One cell that is ours, while it runs: it asks the user, is interrupted, may end with an error."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from silik_magics.commands.context import Context
from silik_magics.commands.execution import abandonment
from silik_magics.errors import SilikError
from silik_magics.shell import Shell

Answer = asyncio.Future[str | None]


class Cell:
    """A cell of commands, or of code that `%%silik` sends to kernels.

    Args:
        shell: runs it.
        put: puts a question to the user, given as the content of an input_request.
    """

    def __init__(self, shell: Shell, put: Callable[[dict[str, Any]], None]) -> None:
        self._shell = shell
        self._put = put
        self._context: Context | None = None
        self._task: asyncio.Task[None] | None = None
        self._interrupts = 0
        self._questions: deque[tuple[dict[str, Any], Answer]] = deque()

    async def run(self, code: str, context: Context) -> SilikError | None:
        """Run it, and return the error with which it ended."""
        self._context = context
        self._task = asyncio.ensure_future(self._shell.run_cell(code, context))
        try:
            await self._task
        except SilikError as error:
            return error
        except asyncio.CancelledError:
            return abandonment(context)
        return None

    async def ended(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    async def interrupt(self) -> None:
        """Interrupt the kernels that it waits for; the second time, give up the wait."""
        self._interrupts += 1
        context, task = self._context, self._task
        if context is None or task is None:
            return
        if self._interrupts > 1 or not await context.interrupt():
            task.cancel()
        for _, answer in self._questions:
            if not answer.done():
                answer.set_result(None)

    # Questions

    async def ask(self, prompt: str, password: bool) -> str | None:
        """Ask the user, one question at a time: several kernels may ask at once.

        Returns:
            The answer; None when the question was interrupted.
        """
        question = {"prompt": prompt, "password": password}, Answer()
        self._questions.append(question)
        if len(self._questions) == 1:
            self._put(question[0])
        try:
            return await question[1]
        finally:
            was_shown = self._questions[0] is question
            self._questions.remove(question)
            if was_shown and self._questions and not self._questions[0][1].done():
                self._put(self._questions[0][0])

    def answer(self, value: str) -> bool:
        """Take the user's answer; say whether there was a question."""
        answer = self._questions[0][1] if self._questions else None
        if answer is None or answer.done():
            return False
        answer.set_result(value)
        return True
