"""Runs code on one or more kernels for a cell: outputs, questions, timeouts, errors."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from silik_magics.commands.context import Context
from silik_magics.display.progress import Progress
from silik_magics.display.sinks import Grouped, Sink
from silik_magics.errors import (
    CommandError,
    KernelTimeout,
    RemoteError,
    SilikError,
    remote_error,
)
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import Message

logger = logging.getLogger(__name__)

ON_TIMEOUT = ("interrupt", "restart", "stop")
PROGRESS_SECONDS = 1.0  # a run that takes less shows its outputs, and nothing about itself
GRACE_SECONDS = 3.0  # between an interrupt of ours and giving up on the answer


@dataclass(frozen=True)
class Limits:
    """How long code may run, and what happens to the kernel then.

    Args:
        timeout: seconds; None for as long as it takes. Then the kernel is interrupted.
        on_timeout: what happens to a kernel that does not react to that: nothing (`interrupt`),
            `restart` or `stop`.
    """

    timeout: float | None = None
    on_timeout: str = "interrupt"


@dataclass(frozen=True)
class Outcome:
    """How one kernel's part of a run ended.

    Args:
        kernel: which.
        seconds: how long it took.
        reply: the content of its execute_reply, when there was one.
        failure: why it failed: a RemoteError for an error of the code itself.
    """

    kernel: Kernel
    seconds: float
    reply: dict[str, Any] | None = None
    failure: SilikError | None = None


async def run_on(
    context: Context,
    kernels: Sequence[Kernel],
    code: str,
    limits: Limits | None = None,
    flags: Flags | None = None,
) -> list[Outcome]:
    """Run code on kernels, at once where there are several; outputs go to the cell's sink.

    Returns:
        An outcome for each kernel, in their order. Nothing is raised for what fails.
    """
    limits, flags = limits or Limits(), flags or Flags()
    if len(kernels) == 1:
        return [await _Run(context, kernels[0], context.sink, limits).outcome(code, flags)]
    grouped = Grouped(context.sink, context.state.names(kernels))

    async def part(kernel: Kernel) -> Outcome:
        failed = True
        try:
            outcome = await _Run(context, kernel, grouped, limits).outcome(code, flags)
            failed = outcome.failure is not None
            if outcome.failure is not None and not isinstance(outcome.failure, RemoteError):
                grouped.tell(outcome.failure, kernel)
            return outcome
        finally:
            grouped.done(kernel, failed=failed)

    async with _shown(grouped.progress):
        return await asyncio.gather(*(part(kernel) for kernel in kernels))


@asynccontextmanager
async def _shown(progress: Progress) -> AsyncIterator[None]:
    """Show which kernels are still running, where there is a place for it."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            progress.tick()

    ticking = asyncio.ensure_future(tick()) if progress.is_seen else None
    try:
        yield
    finally:
        if ticking is not None:
            ticking.cancel()
        progress.end()


def raise_failure(outcomes: Sequence[Outcome]) -> None:
    """Raise the error with which a cell ends; nothing when all went well.

    One kernel's error is raised as that kernel made it. Of several kernels the first error is
    named, with all kernels that failed; each kernel's own traceback was shown under its name.
    """
    failed = [outcome for outcome in outcomes if outcome.failure is not None]
    if not failed:
        return
    first = failed[0].failure
    assert first is not None
    if len(outcomes) == 1:
        raise first
    names = ", ".join(outcome.kernel.name for outcome in failed)
    where = f"({len(failed)} of {len(outcomes)} kernels failed: {names})"
    if isinstance(first, RemoteError):
        evalue = f"{first.evalue} {where}".strip()
        raise remote_error(first.ename, evalue, [f"{first.ename}: {evalue}"])
    raise type(first)(f"{first.message}\n{where}", first.hint)


def abandonment(context: Context) -> RemoteError:
    """Return the error with which a cell ends when the user gave up the wait."""
    names = ", ".join(kernel.name for kernel in context.abandoned)
    evalue = f"gave up waiting for {names}, which may still be running" if names else ""
    lines = [f"KeyboardInterrupt: {evalue}" if evalue else "KeyboardInterrupt"]
    return remote_error("KeyboardInterrupt", evalue, lines)


class _Run:
    """One piece of code on one kernel."""

    def __init__(self, context: Context, kernel: Kernel, sink: Sink, limits: Limits) -> None:
        self._context = context
        self._kernel = kernel
        self._sink = sink
        self._limits = limits
        self._interrupts = kernel.interrupts
        self._error: Message | None = None
        self._refused = asyncio.Event()

    async def outcome(self, code: str, flags: Flags) -> Outcome:
        """Run it; cancelling gives up the wait, and leaves the kernel running."""
        started = time.monotonic()
        reply, failure = None, None
        self._context.running.add(self._kernel)
        try:
            reply = (await self._execute(code, flags)).content
            failure = self._failure(reply)
        except SilikError as error:
            failure = error
        except asyncio.CancelledError:
            self._context.abandoned.append(self._kernel)
            raise
        finally:
            self._context.running.discard(self._kernel)
        return Outcome(self._kernel, time.monotonic() - started, reply, failure)

    async def _execute(self, code: str, flags: Flags) -> Message:
        flags = replace(flags, allow_stdin=self._sink.can_ask)
        execution = asyncio.ensure_future(
            self._kernel.execute(code, self._on_output, self._ask, flags)
        )
        refusal = asyncio.ensure_future(self._refused.wait())
        try:
            await asyncio.wait(
                {execution, refusal},
                timeout=self._limits.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if execution.done():
                return execution.result()
            raise await self._given_up(execution)
        finally:
            refusal.cancel()
            execution.cancel()
            # Its exception, if it has one by now, is of no interest any more.
            await asyncio.gather(execution, refusal, return_exceptions=True)

    def _on_output(self, message: Message) -> None:
        if not message.is_shown:
            return
        if message.msg_type == "error":
            self._error = message
            self._sink.fail(message, self._kernel)
        else:
            self._sink.show(message, self._kernel)

    async def _ask(self, question: Message) -> str | None:
        if not self._sink.can_ask:
            self._refused.set()
            return None
        content = question.content
        prompt, password = str(content.get("prompt", "")), bool(content.get("password"))
        answer, interrupts, waits = None, self._kernel.interrupts, True
        stop = self._kernel.interrupt
        try:
            answer = await self._sink.ask(prompt, password=password)
            stop = self._context.interrupt  # if the user pressed stop, that is for the whole cell
        except asyncio.CancelledError:  # the code is over, however it ended
            waits = False
            raise
        finally:
            # Nobody is going to answer, so the kernel must not wait. If it was interrupted since it
            # asked, it does not, and a second interrupt would break its traceback.
            if answer is None and waits and self._kernel.interrupts == interrupts:
                await stop()
        return answer

    async def _interrupt(self, execution: asyncio.Future[Message]) -> bool:
        """Interrupt, and say whether the kernel came to an end by that, within the grace time."""
        interrupt = asyncio.ensure_future(self._kernel.interrupt())
        await asyncio.wait({execution}, timeout=GRACE_SECONDS)
        # How an interrupt is sent is the affair of its provisioner, which may be far away.
        interrupt.cancel()
        (error,) = await asyncio.gather(interrupt, return_exceptions=True)
        if isinstance(error, Exception):
            logger.info("%s could not be interrupted: %s", self._kernel.name, error)
        return execution.done()

    async def _given_up(self, execution: asyncio.Future[Message]) -> SilikError:
        """End an execution that must not go on, and return the error that says why."""
        if self._refused.is_set():
            await self._interrupt(execution)
            error: SilikError = CommandError(
                f"{self._kernel.name} asked for input, and there is nobody to ask here",
                "give the code its values, for instance with `set` and `${name}`.",
            )
        else:
            error = await self._timed_out(execution)
        if self._error is not None:
            error.detail = [str(line) for line in self._error.content.get("traceback") or ()]
        return error

    async def _timed_out(self, execution: asyncio.Future[Message]) -> KernelTimeout:
        """Climb the ladder: interrupt, and where that is not enough, restart or stop."""
        kernel, limits = self._kernel, self._limits
        message = f"{kernel.name} did not finish within {limits.timeout:g} s"
        if await self._interrupt(execution) and kernel.death is None:
            return KernelTimeout(
                f"{message} and was interrupted",
                "what it holds in memory is still there; give it a larger `--timeout`.",
            )
        died = kernel.death is not None
        stuck = f"{message}, {'died of' if died else 'did not react to'} an interrupt"
        if limits.on_timeout == "restart":
            return await self._restarted(stuck)
        if limits.on_timeout == "stop":
            leaves = self._context.state.tree.root.leaves()
            for leaf in [leaf for leaf in leaves if leaf.kernel is kernel]:
                await self._context.state.remove(leaf, now=True)
            return KernelTimeout(f"{stuck} and was stopped", "`start` a new one.")
        if kernel.death is not None:
            return KernelTimeout(f"{stuck}: {kernel.death}", kernel.death.error(kernel.name).hint)
        stuck = f"{message}, and does not react to an interrupt"
        if kernel.process.is_stopped:
            hint = f"`signal SIGCONT {kernel.name}` lets it go on."
            return KernelTimeout(f"{stuck}: a signal has stopped it", hint)
        return KernelTimeout(stuck, f"`restart --now {kernel.name}` ends what it runs.")

    async def _restarted(self, stuck: str) -> KernelTimeout:
        kernel = self._kernel
        try:
            await kernel.restart(now=True, timeout=self._context.state.manager.start_timeout)
        except SilikError as error:
            return KernelTimeout(f"{stuck} and could not be restarted\n{error.message}", error.hint)
        return KernelTimeout(f"{stuck} and was restarted", "what it held in memory is gone.")

    def _failure(self, reply: dict[str, Any]) -> RemoteError | None:
        status = reply.get("status")
        if status == "ok":
            return None
        told = self._error.content if self._error is not None else reply
        ename, evalue = str(told.get("ename", "")), str(told.get("evalue", ""))
        if "ename" not in told:  # some kernels only say that they stopped
            interrupted = self._kernel.interrupts > self._interrupts
            ename = "KeyboardInterrupt" if interrupted else str(status or "error").capitalize()
            evalue = evalue or ("" if status else "its reply does not say how the code ended")
        lines = [str(line) for line in told.get("traceback") or ()]
        where = f"{ename or 'Error'}: {evalue}".rstrip(": ") + f" (in {self._kernel.name})"
        return remote_error(ename, evalue, lines or [where])
