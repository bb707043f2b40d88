"""One live sub-kernel: what it is asked to run, and how that is interrupted."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import zmq

from silik_magics.errors import KernelDied
from silik_magics.kernels.connection import Connection
from silik_magics.kernels.conversation import Ask, OnOutput
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.life import Life
from silik_magics.kernels.messages import Message
from silik_magics.kernels.process import KernelProcess
from silik_magics.kernels.record import Entry

# These may publish what a cell has printed after they said `idle`, and under whatever they were
# asked meanwhile. Each with code that prints a mark.
PRINTS_LATE = {"Deno kernel": "console.log('{mark}')"}
PRINT_SECONDS = 1.0  # after these a cell is over, whatever comes of it later
NOT_SENT = "the code was not run: run it when it is ready."
INTERRUPT_SECONDS = 0.5  # an attached kernel's answer to interrupt_request, before a signal


class Kernel(Life):
    """A sub-kernel: run code on it, ask it, interrupt, restart and stop it.

    Made by :class:`~silik_magics.kernels.manager.Kernels`.

    Attributes:
        interrupts: how many times it was interrupted from here.
    """

    def __init__(self, process: KernelProcess, context: zmq.Context, log: Path) -> None:
        super().__init__(process, context, log)
        self.interrupts = 0
        self._turns = asyncio.Lock()
        self._printing: asyncio.Task[None] | None = None

    # Running and asking

    async def execute(
        self, code: str, on_output: OnOutput, ask: Ask, flags: Flags | None = None
    ) -> Message:
        """Run code; return its execute_reply when all of its outputs have come.

        What is not stored in its history is not recorded here either.

        Raises:
            KernelDied: it is dead, or ended meanwhile.
        """
        await self.ready()
        if flags is not None and not flags.store_history:
            async with self._turn() as connection:
                return await connection.execute(code, on_output, ask, flags)
        with self._execution(code) as entry:

            def record_and_show(message: Message) -> None:
                entry.add(message)
                on_output(message)

            async with self._turn() as connection:
                reply = await connection.execute(code, record_and_show, ask, flags)
            entry.count = reply.content.get("execution_count")
            return reply

    async def forward(self, message: Message, relay: OnOutput) -> None:
        """Send a front-end's message as it is, and give `relay` everything that answers it.

        Returns when the request is over; what comes later is relayed too.

        Raises:
            KernelDied: it is dead, or ended meanwhile.
        """
        connection = await self.ready()
        if message.msg_type != "execute_request":
            await connection.forward(message, relay)
            return
        if message.content.get("silent"):
            async with self._turn() as connection:
                await connection.forward(message, relay)
            return
        idle: list[Message] = []
        with self._execution(str(message.content.get("code", ""))) as entry:

            def record_and_relay(answer: Message) -> None:
                if self._prints_late and answer.is_idle:  # nothing may come behind it
                    idle.append(answer)
                    return
                if answer.channel == "iopub":
                    entry.add(answer)
                elif answer.msg_type == "execute_reply":
                    entry.count = answer.content.get("execution_count")
                relay(answer)

            async with self._turn() as connection:
                await connection.forward(message, record_and_relay)
            for answer in idle:
                relay(answer)

    @contextmanager
    def _execution(self, code: str) -> Iterator[Entry]:
        self.last_activity = datetime.now(UTC)
        try:
            with self.work.running(code):
                yield self.record.begin(code)
        finally:
            self.last_activity = datetime.now(UTC)

    @property
    def _prints_late(self) -> str:
        return PRINTS_LATE.get(str(self.info.get("implementation")), "")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[Connection]:
        """Wait until a cell can be sent, and then until what it has printed has come.

        Most kernels queue cells themselves. One that prints late gets a cell when all of the last
        one has come, also if nobody waits for that any more.
        """
        if not self._prints_late:
            yield self.connection
            return
        async with self._turns:
            if self._printing is not None:
                await asyncio.wait({self._printing})
            connection = self.connection
            try:
                yield connection
            finally:
                self._printing = connection.push_out(self._prints_late)
            await asyncio.wait({self._printing}, timeout=PRINT_SECONDS)

    @property
    def executions(self) -> int:
        """How many times it was asked to run something since it started."""
        return self.work.asked

    # Interrupting

    async def interrupt(self) -> None:
        """Interrupt what it runs, by signal or by message, whichever its kernelspec asks for.

        What it was sent and has not begun with is interrupted when it has; what waits for it to be
        restarted is not sent.
        """
        if self._coming:
            self._coming.give_up(KernelDied(f"{self.name} is being restarted", NOT_SENT))
            return
        connection = self.connection
        connection.interrupted(partial(self._send_interrupt, connection))
        await self._send_interrupt(connection)

    async def _send_interrupt(self, connection: Connection) -> None:
        self.interrupts += 1
        if not self.is_attached:
            await self.process.interrupt_kernel()
            return
        try:
            await asyncio.wait_for(connection.interrupt(), INTERRUPT_SECONDS)
        except TimeoutError:
            await self.signal(signals.SIGINT)
