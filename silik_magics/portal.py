"""Drives the async core from synchronous code: one event loop on one daemon thread.

What must happen in the caller's thread (asking the user, printing to a terminal) is handed back to
it while it waits. An interrupt (Ctrl-C, a notebook's stop button) is caught while the caller waits
and becomes a call in the loop: no KeyboardInterrupt strikes at a random place of this code.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
CLOSE_SECONDS = 5.0  # for what is still going on in the loop to end
Interrupt = Callable[[], Awaitable[bool]]


class Portal:
    """An event loop on a thread of its own; started when it is first used."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.SelectorEventLoop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="silik", daemon=True
                )
                # A debugger in the host must not stop this thread: it would deadlock.
                self._thread.pydev_do_not_trace = True  # type: ignore[attr-defined]
                self._thread.is_pydev_daemon_thread = True  # type: ignore[attr-defined]
                self._thread.start()
            return self._loop

    def call(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Run a coroutine function in the loop and return its result; not interruptible."""
        return Caller(self).run(lambda: function(*arguments))

    def close(self) -> None:
        """End the loop and its thread."""
        with self._lock:
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_end_of(loop), loop)
        thread.join(CLOSE_SECONDS)
        if not thread.is_alive():
            loop.close()


async def _end_of(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is still going on in a loop, let it clean up, and stop the loop."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=CLOSE_SECONDS / 2)
    loop.call_soon(loop.stop)


class Caller:
    """One waiting caller: runs what the loop hands back to it."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._task: asyncio.Task[Any] | None = None
        self._interrupts = 0
        self._breaking_off = False
        self._handler: Any = None

    def post(self, function: Callable[[], None]) -> None:
        """Let the caller's thread run something, in order, while it waits."""
        self._queue.put(function)

    async def ask(self, function: Callable[[], T]) -> T | None:
        """Let the caller's thread run something and return its result; None if interrupted.

        While it runs, Ctrl-C interrupts it in the ordinary way. Cancelling interrupts it too.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T | None] = loop.create_future()
        running = False

        def settle(set_: Callable[[Any], None], value: Any) -> None:
            if not future.done():
                set_(value)

        def run() -> None:
            nonlocal running
            if future.done():  # nobody wants to know any more
                return
            try:
                with self._own_interrupts():
                    running = True
                    result = function()
                    running = False
            except KeyboardInterrupt:
                self._breaking_off = False
                loop.call_soon_threadsafe(settle, future.set_result, None)
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                loop.call_soon_threadsafe(settle, future.set_exception, error)
            else:
                loop.call_soon_threadsafe(settle, future.set_result, result)

        self.post(run)
        try:
            return await future
        except asyncio.CancelledError:
            if running:
                self._break_off()
            raise

    def _break_off(self) -> None:
        """Interrupt what runs in the caller's thread, where Ctrl-C would."""
        if self._handler is not None and hasattr(signal, "pthread_kill"):
            self._breaking_off = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def run(
        self,
        function: Callable[[], Coroutine[Any, Any, T]],
        interrupt: Interrupt | None = None,
    ) -> T:
        """Run a coroutine in the loop, and what it hands back here; return its result.

        Args:
            function: makes the coroutine, in the loop.
            interrupt: called in the loop at the first interrupt; when it says that there was
                nothing to interrupt, and at the second interrupt, the coroutine is cancelled.

        Raises:
            KeyboardInterrupt: the coroutine was cancelled by an interrupt.
        """
        loop = self._portal.loop
        if threading.current_thread() is self._portal._thread:
            raise RuntimeError("the loop's own thread can not wait for it: use AsyncSilik there")

        async def main() -> T:
            return await function()

        def begin() -> None:
            self._task = loop.create_task(main())
            self._task.add_done_callback(lambda _: self._queue.put(None))

        def give_up() -> None:
            if self._task is not None:
                self._task.cancel()

        with self._catch_interrupts(loop, interrupt):
            loop.call_soon_threadsafe(begin)
            try:
                while (item := self._queue.get()) is not None:
                    item()
            except BaseException:  # nobody waits any more
                loop.call_soon_threadsafe(give_up)
                raise
        assert self._task is not None
        if self._task.cancelled():
            raise KeyboardInterrupt
        return self._task.result()

    @contextmanager
    def _catch_interrupts(
        self, loop: asyncio.AbstractEventLoop, interrupt: Interrupt | None
    ) -> Iterator[None]:
        if interrupt is None or threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread only
            return

        async def first() -> None:
            if not await interrupt() and self._task is not None:
                self._task.cancel()

        def handler(_signum: int, _frame: object) -> None:
            if self._breaking_off:  # what was to be broken off has just ended
                self._breaking_off = False
                return
            self._interrupts += 1
            if self._interrupts == 1:
                loop.call_soon_threadsafe(lambda: _keep(loop.create_task(first())))
            elif self._task is not None:
                loop.call_soon_threadsafe(self._task.cancel)

        self._handler = handler
        self._breaking_off = False
        before = signal.signal(signal.SIGINT, handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            self._handler = None

    @contextmanager
    def _own_interrupts(self) -> Iterator[None]:
        if self._handler is None:
            yield
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, self._handler)


_tasks: set[asyncio.Task[None]] = set()


def _keep(task: asyncio.Task[None]) -> None:
    """Hold a task until it is done: the loop itself holds it only weakly."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
