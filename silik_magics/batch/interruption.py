"""How a run ends that is cut off by Ctrl-C, SIGTERM or SIGHUP: in good order, then as was asked."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
# Without a handler they end the process at once. Ctrl-C is asyncio.Runner's, which cancels too.
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Run:
    """One coroutine that is run for a synchronous caller, and cancelled where that is cut off."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._caught: int | None = None

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turn signals into a cancellation inside, and let them end the process afterwards.

        A signal that the application handles, or ignores, is left to it.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread only
            return
        default = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
        for number in default:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number in default:
                signal.signal(number, signal.SIG_DFL)
            if self._caught is not None:
                sys.stdout.flush()
                sys.stderr.flush()
                signal.raise_signal(self._caught)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._caught = number
        self.cancel()

    def cancel(self) -> None:
        """Cancel the coroutine (from any thread); the second time, its cleaning up too."""
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            loop.call_soon_threadsafe(task.cancel)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine and return its result, beside a loop that runs here already.

        Whatever strikes the caller meanwhile, the coroutine has ended when this returns.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._run_here(main)
        with ThreadPoolExecutor(1, "silik-batch") as pool:
            future = pool.submit(contextvars.copy_context().run, self._run_here, main)
            try:
                return future.result()
            except BaseException:
                self.cancel()
                raise

    def _run_here(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        # With a factory, the Runner leaves the caller's current event loop alone.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(self._main(main))

    async def _main(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        try:
            if self._caught is not None:  # before there was anything to cancel
                raise asyncio.CancelledError
            return await main()
        finally:
            self._loop = self._task = None
