from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from silik_magics.portal import Caller, Portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    opened = Portal()
    yield opened
    opened.close()


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_call_runs_in_the_loop_and_returns_its_result(portal: Portal) -> None:
    async def add(one: int, other: int) -> tuple[int, str]:
        await asyncio.sleep(0)
        return one + other, threading.current_thread().name

    assert portal.call(add, 1, 2) == (3, "silik")


def test_an_error_of_a_call_is_raised_where_it_was_called(portal: Portal) -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        portal.call(fail)


def test_no_thread_is_started_before_it_is_used() -> None:
    before = threading.active_count()
    portal = Portal()
    assert threading.active_count() == before
    portal.close()


def test_closing_ends_the_thread_and_the_loop(portal: Portal) -> None:
    loop = portal.loop
    portal.close()
    assert loop.is_closed()
    assert "silik" not in {thread.name for thread in threading.enumerate()}


def test_what_is_still_going_on_can_clean_up_when_the_portal_is_closed() -> None:
    portal, cleaned = Portal(), threading.Event()

    async def lasting() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    async def begin() -> None:
        tasks.append(asyncio.ensure_future(lasting()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Future[None]] = []
    portal.call(begin)
    portal.close()
    assert cleaned.is_set()
    assert tasks[0].cancelled()


def test_a_closed_portal_opens_again_when_it_is_used(portal: Portal) -> None:
    async def one() -> int:
        return 1

    portal.call(one)
    portal.close()
    assert portal.call(one) == 1


def test_calls_from_several_threads_do_not_wait_for_each_other(portal: Portal) -> None:
    event = asyncio.Event()

    async def wait() -> None:
        await event.wait()

    async def release() -> None:
        event.set()

    waiting = threading.Thread(target=portal.call, args=(wait,))
    waiting.start()
    portal.call(release)
    waiting.join(5)
    assert not waiting.is_alive()


def test_the_loop_can_not_wait_for_itself(portal: Portal) -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        portal.call(inner)

    with pytest.raises(RuntimeError, match="use AsyncSilik there"):
        portal.call(outer)


def test_what_is_posted_runs_in_the_callers_thread_and_in_order(portal: Portal) -> None:
    caller = Caller(portal)
    ran: list[tuple[int, str]] = []

    async def post() -> None:
        for number in range(3):
            caller.post(lambda n=number: ran.append((n, threading.current_thread().name)))

    caller.run(post)
    assert ran == [(number, threading.current_thread().name) for number in range(3)]


def test_a_question_is_asked_in_the_callers_thread(portal: Portal) -> None:
    caller = Caller(portal)

    async def ask() -> str | None:
        return await caller.ask(lambda: threading.current_thread().name)

    assert caller.run(ask) == threading.current_thread().name


def test_an_error_of_a_question_is_raised_where_it_was_asked(portal: Portal) -> None:
    caller = Caller(portal)

    async def ask() -> str:
        try:
            await caller.ask(lambda: 1 / 0)
        except ZeroDivisionError:
            return "raised there"
        return "not raised"

    assert caller.run(ask) == "raised there"


def test_ctrl_c_during_a_question_answers_none(portal: Portal) -> None:
    caller = Caller(portal)

    def interrupted() -> str:
        signal.raise_signal(signal.SIGINT)
        return "not reached"

    async def nothing() -> bool:
        return True

    async def ask() -> str | None:
        return await caller.ask(interrupted)

    assert caller.run(ask, nothing) is None


def test_the_first_interrupt_is_a_call_in_the_loop(portal: Portal) -> None:
    caller, interrupted = Caller(portal), asyncio.Event()

    async def interrupt() -> bool:
        interrupted.set()
        return True

    async def work() -> str:
        press_ctrl_c()
        await interrupted.wait()
        return "ended by itself"

    assert caller.run(work, interrupt) == "ended by itself"


def test_an_interrupt_that_finds_nothing_to_interrupt_ends_the_wait(portal: Portal) -> None:
    async def interrupt() -> bool:
        return False

    async def work() -> None:
        press_ctrl_c()
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        Caller(portal).run(work, interrupt)


def test_a_second_interrupt_gives_up_the_wait(portal: Portal) -> None:
    interrupts: list[int] = []

    async def interrupt() -> bool:
        interrupts.append(1)
        press_ctrl_c()
        return True

    async def work() -> None:
        press_ctrl_c()
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        Caller(portal).run(work, interrupt)
    assert interrupts == [1]


@pytest.mark.parametrize("begun", [True, False])
def test_what_the_caller_does_ends_when_nobody_wants_its_result(
    portal: Portal, begun: bool
) -> None:
    ends: list[str] = []

    def wait() -> None:
        try:
            time.sleep(20)
        except KeyboardInterrupt:
            ends.append("interrupted")
            raise

    async def interrupt() -> bool:
        ends.append("not this")
        return True

    async def work() -> int:
        caller.post(lambda: time.sleep(0.2))  # the question comes behind it
        asking = asyncio.ensure_future(caller.ask(wait))
        await asyncio.sleep(0.4 if begun else 0.1)
        asking.cancel()
        return 7

    caller = Caller(portal)
    assert caller.run(work, interrupt) == 7
    assert ends == (["interrupted"] if begun else [])


def test_the_handler_of_ctrl_c_is_put_back(portal: Portal) -> None:
    async def interrupt() -> bool:
        return True

    async def work() -> None: ...

    before = signal.getsignal(signal.SIGINT)
    Caller(portal).run(work, interrupt)
    assert signal.getsignal(signal.SIGINT) is before
