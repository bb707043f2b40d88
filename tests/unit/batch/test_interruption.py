from __future__ import annotations

import asyncio
import signal
import threading
import time

import pytest

from silik_magics.batch.interruption import SIGNALS, Run


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def soon(number: int, seconds: float = 0.1) -> None:
    """Send a signal to this very process in a moment."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(seconds, lambda: signal.pthread_kill(main, number)).start()


class Work:
    """A coroutine that takes long, and cleans up behind it."""

    def __init__(self) -> None:
        self.cleaned = False

    async def run(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            self.cleaned = True


def test_it_returns_what_the_coroutine_returns() -> None:
    assert Run().run(answer) == 42


def test_it_raises_what_the_coroutine_raises() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Run().run(fail)


def test_it_runs_beside_a_loop_that_runs_already() -> None:
    async def main() -> int:
        return Run().run(answer)

    assert asyncio.run(main()) == 42


def test_the_callers_own_event_loop_stays_the_current_one() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        Run().run(answer)
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_ctrl_c_lets_it_clean_up() -> None:
    work = Work()
    soon(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Run().run(work.run)
    assert work.cleaned


def test_ctrl_c_lets_it_clean_up_beside_a_loop_that_runs_already() -> None:
    work = Work()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        Run().run(work.run)

    soon(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main())
    assert work.cleaned
    loop.close()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_lets_it_clean_up_and_then_ends_the_process_as_it_would_have(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    work, run = Work(), Run()
    soon(number)
    with pytest.raises(asyncio.CancelledError), run.signals():
        run.run(work.run)
    assert work.cleaned
    assert raised == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_before_it_has_begun_keeps_it_from_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "raise_signal", lambda _: None)
    run = Run()
    with run.signals():
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        time.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            run.run(answer)


def test_a_signal_that_the_application_handles_is_left_to_it() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with Run().signals():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
            time.sleep(0.01)
        assert seen == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_the_applications_handler_raises_lets_it_clean_up_too() -> None:
    def handler(number: int, _: object) -> None:
        raise TimeoutError(f"signal {number}")

    work, run = Work(), Run()
    before = signal.signal(signal.SIGTERM, handler)
    soon(signal.SIGTERM)
    try:
        with pytest.raises(TimeoutError, match="signal"), run.signals():
            run.run(work.run)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert work.cleaned


def test_signals_are_left_alone_outside_of_the_main_thread() -> None:
    done: list[int] = []

    def work() -> None:
        run = Run()
        with run.signals():
            done.append(run.run(answer))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [42]
