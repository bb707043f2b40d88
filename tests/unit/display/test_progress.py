from __future__ import annotations

import os
from typing import Any

from silik_magics.display.answers import Answer
from silik_magics.display.live import Bottom, InPlace, Live
from silik_magics.display.outputs import collect
from silik_magics.display.progress import Progress, shortened
from silik_magics.kernels.messages import Message

NAMES = {"1": "w1.py", "2": "w2.py", "3": "w3.py"}


class Notebook:
    """A sink whose displays can be updated."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def live(self) -> Live:
        return InPlace(self.messages.append)

    @property
    def shown(self) -> list[str]:
        return [output["data"]["text/plain"] for output in collect(self.messages)]


class Plain:
    """A sink where nothing can be replaced."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    def live(self) -> None:
        return None

    def answer(self, answer: Answer) -> None:
        self.answers.append(str(answer))


def progress(sink: Any) -> Progress:
    return Progress(sink, NAMES)


def test_a_run_that_is_over_soon_shows_the_names_alone() -> None:
    for sink in (Notebook(), Plain()):
        shown = progress(sink)
        for id_, name in NAMES.items():
            shown.head(name)
            shown.done(id_, failed=False)
        shown.end()
        found = sink.shown if isinstance(sink, Notebook) else sink.answers
        assert found == ["── w1.py ──", "── w2.py ──", "── w3.py ──"]


def test_a_run_that_is_over_soon_and_says_nothing_shows_nothing() -> None:
    sink = Notebook()
    shown = progress(sink)
    shown.done("1", failed=True)
    shown.end()
    assert sink.messages == []


def test_who_still_runs_stands_behind_the_last_name_and_is_gone_at_the_end() -> None:
    sink = Notebook()
    shown = progress(sink)
    shown.head("w1.py")
    shown.tick()
    assert sink.shown == ["── w1.py ── 3 of 3 still running: w1.py, w2.py, w3.py (0 s)"]
    shown.done("2", failed=False)
    assert sink.shown == ["── w1.py ── 2 of 3 still running: w1.py, w3.py (0 s)"]
    shown.done("1", failed=False)
    shown.head("w2.py")
    assert sink.shown == ["── w1.py ──", "── w2.py ── 1 of 3 still running: w3.py (0 s)"]
    shown.done("3", failed=False)
    shown.end()
    assert sink.shown == ["── w1.py ──", "── w2.py ──"]


def test_what_was_shown_before_any_output_becomes_the_first_name() -> None:
    sink = Notebook()
    shown = progress(sink)
    shown.tick()
    assert sink.shown == ["3 of 3 still running: w1.py, w2.py, w3.py (0 s)"]
    shown.done("1", failed=False)
    shown.head("w2.py")
    shown.end()
    assert sink.shown == ["── w2.py ──"]


def test_a_long_run_that_says_nothing_is_summed_up() -> None:
    for failed, told in [(False, "3 kernels: 3 ok, 0 s"), (True, "3 kernels: 2 ok, 1 failed, 0 s")]:
        sink = Notebook()
        shown = progress(sink)
        shown.tick()
        for id_ in NAMES:
            shown.done(id_, failed=failed and id_ == "2")
        shown.end()
        assert sink.shown == [told]


def test_on_a_terminal_it_is_the_last_line_and_leaves_nothing() -> None:
    written: list[str] = []

    class Terminal(Plain):
        def __init__(self) -> None:
            super().__init__()
            self.bottom = Bottom(written.append, lambda: os.terminal_size((80, 24)))

        def live(self) -> Any:
            return self.bottom

    sink = Terminal()
    shown = progress(sink)
    shown.head("w1.py")
    shown.tick()
    shown.end()
    assert sink.answers == ["── w1.py ──"]
    assert "3 of 3 still running" in written[0]
    assert written[1:] == ["\r\x1b[1A\x1b[J"]


def test_where_nothing_can_be_replaced_it_is_not_seen() -> None:
    sink = Plain()
    shown = progress(sink)
    assert not shown.is_seen
    assert progress(Notebook()).is_seen
    shown.tick()
    shown.end()
    assert sink.answers == []


def test_of_many_names_the_first_are_told() -> None:
    assert shortened("abc", 3) == "a, b, c"
    assert shortened("abcde", 3) == "a, b, c and 2 more"
