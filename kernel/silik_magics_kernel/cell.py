"""One cell that is ours, while it runs: it can be interrupted, and may end with an error."""

from __future__ import annotations

import asyncio

from silik_magics.commands.context import Context
from silik_magics.commands.execution import abandonment
from silik_magics.errors import SilikError
from silik_magics.shell import Shell


class Cell:
    """A cell of commands, or of code that `%%silik` sends to kernels.

    Args:
        shell: runs it.
        context: where its outputs go.
    """

    def __init__(self, shell: Shell, context: Context) -> None:
        self.context = context
        self._shell = shell
        self._task: asyncio.Task[None] | None = None
        self._interrupts = 0

    async def run(self, code: str) -> SilikError | None:
        """Run it, and return the error with which it ended."""
        self._task = asyncio.ensure_future(self._shell.run_cell(code, self.context))
        try:
            await self._task
        except SilikError as error:
            return error
        except asyncio.CancelledError:
            return abandonment(self.context)
        return None

    async def interrupt(self) -> None:
        """Interrupt the kernels that it waits for; the second time, give up the wait."""
        self._interrupts += 1
        if (self._interrupts > 1 or not await self.context.interrupt()) and self._task is not None:
            self._task.cancel()
