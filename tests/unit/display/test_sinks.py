from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import display, message, stream

from silik_magics.display.answers import Answer
from silik_magics.display.outputs import plain
from silik_magics.display.sinks import Capture, Grouped, Text
from silik_magics.errors import KernelDied


@dataclass(eq=False)
class Named:
    """As much of a kernel as a sink looks at."""

    name: str
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = f"id of {self.name}"


class Lines:
    """A sink that writes one line for each thing it is shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.can_ask = True

    def show(self, item: Any, kernel: Any) -> None:
        self.lines.append(f"{kernel.name}: {item.content.get('text', item.msg_type)}")

    fail = show

    def answer(self, answer: Answer) -> None:
        self.lines.append(str(answer))

    def live(self) -> None:
        """Nothing is replaced here."""

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        return f"{prompt}{password}"


@pytest.fixture
def lines() -> Lines:
    return Lines()


def kernels(count: int) -> list[Any]:
    return [Named(f"w{number}.py") for number in range(1, count + 1)]


def named(*kernels: Any) -> dict[Any, str]:
    return {kernel: kernel.name for kernel in kernels}


# Grouped


def test_the_first_kernel_is_shown_live_and_the_others_wait_for_their_turn(lines: Lines) -> None:
    one, two = kernels(2)
    grouped = Grouped(lines, named(one, two))
    grouped.show(stream("b"), two)
    assert lines.lines == []
    grouped.show(stream("a"), one)
    assert lines.lines == ["── w1.py ──", "w1.py: a"]
    grouped.done(one)
    assert lines.lines[2:] == ["── w2.py ──", "w2.py: b"]
    grouped.show(stream("c"), two)
    assert lines.lines[-1] == "w2.py: c"


def test_a_kernel_that_is_done_early_keeps_its_place(lines: Lines) -> None:
    one, two, three = kernels(3)
    grouped = Grouped(lines, named(one, two, three))
    for kernel in (three, two):
        grouped.show(stream("x"), kernel)
        grouped.done(kernel)
    assert lines.lines == []
    grouped.done(one)
    assert lines.lines == ["── w2.py ──", "w2.py: x", "── w3.py ──", "w3.py: x"]


def test_a_kernel_that_says_nothing_is_not_named(lines: Lines) -> None:
    one, two = kernels(2)
    grouped = Grouped(lines, named(one, two))
    grouped.done(one)
    grouped.done(two)
    assert lines.lines == []


def test_comm_messages_name_nobody(lines: Lines) -> None:
    (one,) = kernels(1)
    Grouped(lines, named(one)).show(message("comm_msg"), one)
    assert lines.lines == ["w1.py: comm_msg"]


def test_the_error_of_one_kernel_is_shown_with_its_outputs(lines: Lines) -> None:
    one, two = kernels(2)
    grouped = Grouped(lines, named(one, two))
    grouped.fail(message("error"), two)
    grouped.show(stream("a"), one)
    grouped.done(one)
    assert lines.lines == ["── w1.py ──", "w1.py: a", "── w2.py ──", "w2.py: error"]


def test_an_error_of_ours_comes_behind_what_its_kernel_said(lines: Lines) -> None:
    one, two = kernels(2)
    grouped = Grouped(lines, named(one, two))
    grouped.show(stream("last words"), two)
    grouped.tell(KernelDied("w2.py died: killed by SIGKILL"), two)
    grouped.done(two)
    grouped.done(one)
    assert lines.lines == ["── w2.py ──", "w2.py: last words", "w2.py died: killed by SIGKILL"]


def test_what_comes_late_is_shown_at_once(lines: Lines) -> None:
    one, two = kernels(2)
    grouped = Grouped(lines, named(one, two))
    grouped.show(stream("a"), one)
    grouped.done(one)
    grouped.show(stream("late"), one)
    assert lines.lines[-1] == "w1.py: late"


def test_answers_and_questions_go_through(lines: Lines) -> None:
    grouped = Grouped(lines, named(*kernels(2)))
    grouped.answer(Answer("x"))
    assert lines.lines == ["x"]
    assert grouped.can_ask
    assert asyncio.run(grouped.ask("? ", password=True)) == "? True"


EVENTS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=20)


@given(EVENTS)
def test_every_output_is_shown_once_and_kernel_by_kernel(events: list[tuple[int, bool]]) -> None:
    lines, order = Lines(), kernels(3)
    grouped = Grouped(lines, named(*order))
    said: dict[int, list[str]] = {0: [], 1: [], 2: []}
    done: set[int] = set()
    for number, (index, ends) in enumerate(events):
        if index in done:
            continue
        if ends:
            done.add(index)
            grouped.done(order[index])
        else:
            said[index].append(f"{order[index].name}: {number}")
            grouped.show(stream(str(number)), order[index])
    for index in {0, 1, 2} - done:
        grouped.done(order[index])
    expected: list[str] = []
    for index, kernel in enumerate(order):
        expected += [f"── {kernel.name} ──", *said[index]] if said[index] else []
    assert lines.lines == expected


# Capture


def test_a_capture_keeps_outputs_errors_and_answers() -> None:
    (one,) = kernels(1)
    kept = Capture()
    kept.show(stream("a"), one)
    kept.fail(message("error"), one)
    kept.answer(Answer("x"))
    assert [item.msg_type for item, _ in kept.messages] == ["stream", "error"]
    assert [str(answer) for answer in kept.answers] == ["x"]


def test_a_capture_lets_comms_and_questions_through(lines: Lines) -> None:
    (one,) = kernels(1)
    kept = Capture(lines)
    kept.show(message("comm_open"), one)
    assert lines.lines == ["w1.py: comm_open"]
    assert kept.messages == []
    assert kept.can_ask
    assert asyncio.run(kept.ask("? ", password=False)) == "? False"


def test_a_capture_with_nobody_beyond_can_not_ask() -> None:
    assert not Capture().can_ask
    assert asyncio.run(Capture().ask("? ", password=False)) is None


# Text


@pytest.fixture
def written() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def text(written: list[tuple[str, str]]) -> Text:
    return Text(lambda text, stream: written.append((text, stream)))


def test_text_writes_streams_where_they_belong(text: Text, written: list) -> None:
    (one,) = kernels(1)
    text.show(stream("a"), one)
    text.show(stream("b", "stderr"), one)
    assert written == [("a", "stdout"), ("b", "stderr")]


def test_text_writes_displays_as_their_text(text: Text, written: list) -> None:
    (one,) = kernels(1)
    text.show(display("<Figure>"), one)
    text.show(display("50 %", "bar", "update_display_data"), one)
    text.show(message("comm_open"), one)
    assert written == [(f"{plain({'text/plain': '<Figure>'})}\n", "stdout"), ("50 %\n", "stdout")]


def test_text_writes_the_error_of_a_part_but_not_the_one_that_ends_the_cell(
    text: Text, written: list
) -> None:
    (one,) = kernels(1)
    error = message("error", ename="E", evalue="", traceback=["line 1", "line 2"])
    text.fail(error, one)
    assert written == []
    text.show(error, one)
    assert written == [("line 1\nline 2\n", "stderr")]


def test_text_writes_answers_but_no_empty_line_for_an_empty_one(text: Text, written: list) -> None:
    text.answer(Answer(""))
    text.answer(Answer("~/"))
    assert written == [("~/\n", "stdout")]


def test_text_asks_whom_it_was_given(text: Text) -> None:
    async def answer(prompt: str, password: bool) -> str:
        return f"{prompt}{password}"

    assert not text.can_ask
    asking = Text(lambda *_: None, answer)
    assert asking.can_ask
    assert asyncio.run(asking.ask("? ", password=True)) == "? True"
