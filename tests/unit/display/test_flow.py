from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import ParamSpec

import pytest
from support.messages import stream

from silik_magics.display import flow
from silik_magics.display.backlog import Backlog
from silik_magics.display.flow import FULL, WINDOW, Flow
from silik_magics.kernels.messages import Message

LARGE = 2**20
P = ParamSpec("P")


class Thread:
    """Runs at once what it is given, as an iopub thread does that has nothing to do."""

    def schedule(self, function: object) -> None:
        assert callable(function)
        function()


class Reader(Backlog):
    """A front-end that has as much to read as it is told."""

    def __init__(self) -> None:
        super().__init__(Thread(), 0)
        self.unread = 0

    def measure(self) -> int:
        return self.unread


def in_a_loop(
    test: Callable[P, Coroutine[None, None, None]],
) -> Callable[P, None]:
    """Run an asynchronous test."""

    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def large(number: int) -> Message:
    return stream(f"{number} " + "x" * LARGE)


def held_back() -> tuple[Flow[Message], list[Message], Reader]:
    """Put thirty outputs before a front-end that is behind: the flow, what was given, and it."""
    given: list[Message] = []
    reader = Reader()
    reader.unread = FULL + 1
    passing: Flow[Message] = Flow(given.append, reader)
    for number in range(30):
        passing.put(large(number))
    return passing, given, reader


def numbers(messages: list[Message]) -> list[int]:
    return [int(message.content["text"].split()[0]) for message in messages]


@in_a_loop
async def test_everything_passes_at_once_while_the_front_end_reads() -> None:
    given: list[Message] = []
    passing = Flow(given.append, Reader())
    for number in range(30):
        passing.put(large(number))
    assert numbers(given) == list(range(30))


@in_a_loop
async def test_what_a_front_end_can_not_take_waits_and_keeps_its_order() -> None:
    passing, given, reader = held_back()
    await asyncio.sleep(0.05)
    assert len(given) <= WINDOW // LARGE + 1
    reader.unread = 0
    await passing.drained()
    assert numbers(given) == list(range(30))
    passing.put(large(30))
    assert numbers(given)[-1] == 30


@in_a_loop
async def test_what_waited_belongs_to_the_window_too() -> None:
    passing, given, reader = held_back()  # eight at once, and twenty-two behind them
    reader.unread = 0
    await passing.drained()
    reader.unread = FULL + 1
    for number in range(30, 40):
        passing.put(large(number))
    assert len(given) == 32  # the last six that waited, and two
    reader.unread = 0
    await passing.drained()
    assert numbers(given) == list(range(40))


@in_a_loop
async def test_nobody_waits_for_a_front_end_that_reads_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow, "STUCK_SECONDS", 0.1)
    passing, given, _ = held_back()
    await asyncio.wait_for(passing.drained(), 5)
    assert numbers(given) == list(range(30))


@in_a_loop
async def test_whoever_waits_no_longer_leaves_nothing_behind() -> None:
    passing, given, _ = held_back()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(passing.drained(), 0.1)
    assert numbers(given) == list(range(30))


@in_a_loop
async def test_without_a_backlog_nothing_waits() -> None:
    given: list[Message] = []
    passing = Flow(given.append, None)
    for number in range(30):
        passing.put(large(number))
    await passing.drained()
    assert len(given) == 30
