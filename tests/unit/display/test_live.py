from __future__ import annotations

import json
import os
from typing import Any

from silik_magics.display.answers import Answer
from silik_magics.display.live import Bottom, InPlace, Seldom
from silik_magics.display.sinks import Capture, Text
from silik_magics.kernels.messages import Message

UP, UNWRAPPED, WRAPPED = "\r\x1b[{}A\x1b[J", "\x1b[?7l", "\x1b[?7h\n"


class Screen:
    """What a terminal shows, as far as it is told in the ways that are used here."""

    def __init__(self, lines: int = 10) -> None:
        self.raw = ""
        self.size = os.terminal_size((80, lines))

    def write(self, text: str, stream: str = "stdout") -> None:
        del stream
        self.raw += text

    @property
    def lines(self) -> list[str]:
        lines: list[str] = []
        for part in self.raw.replace(UNWRAPPED, "").replace("\x1b[?7h", "").split("\r\x1b["):
            number, up, rest = part.partition("A\x1b[J")
            if up:
                del lines[-int(number) :]
                part = rest
            lines += part.splitlines()
        return lines


def drawn(screen: Screen) -> Bottom:
    return Bottom(screen.write, lambda: screen.size)


def test_a_display_is_made_once_and_then_updated() -> None:
    sent: list[Message] = []
    place = InPlace(sent.append)
    place.show(Answer("one", "<b>one</b>"))
    place.show(Answer("two"))
    place.close(Answer("three"))
    assert [message.msg_type for message in sent] == [
        "display_data",
        "update_display_data",
        "update_display_data",
    ]
    contents = [json.loads(message.packed) for message in sent]
    assert len({content["transient"]["display_id"] for content in contents}) == 1
    assert contents[0]["data"] == {"text/plain": "one", "text/html": "<b>one</b>"}
    assert contents[2]["data"] == {"text/plain": "three"}


def test_two_displays_are_told_apart() -> None:
    sent: list[Message] = []
    for _ in range(2):
        InPlace(sent.append).show(Answer("x"))
    ids = {json.loads(message.packed)["transient"]["display_id"] for message in sent}
    assert len(ids) == 2


def test_where_nothing_can_be_replaced_only_news_is_shown() -> None:
    shown: list[Any] = []
    place = Seldom(lambda answer: shown.append(str(answer)))
    for text, gist in [("1 s", "idle"), ("2 s", "idle"), ("3 s", "busy"), ("4 s", "busy")]:
        place.show(Answer(text), gist)
    place.close(Answer("5 s"), "busy")
    assert shown == ["1 s", "3 s"]
    place.close(Answer("6 s"), "dead")
    assert shown == ["1 s", "3 s", "6 s"]


def test_the_last_lines_of_a_terminal_are_drawn_anew() -> None:
    screen = Screen()
    screen.write("before\n")
    bottom = drawn(screen)
    bottom.show(Answer("a\nb"))
    bottom.show(Answer("c"))
    assert screen.lines == ["before", "c"]
    bottom.close(Answer("d\ne"))
    bottom.show(Answer("f"))
    assert screen.lines == ["before", "d", "e", "f"]


def test_what_has_no_room_on_the_terminal_is_counted_until_it_stays() -> None:
    screen = Screen(lines=4)
    bottom = drawn(screen)
    bottom.show(Answer("1\n2\n3\n4\n5"))
    assert screen.lines == ["1", "2", "... 3 more"]
    bottom.close(Answer("1\n2\n3\n4\n5"))
    assert screen.lines == ["1", "2", "3", "4", "5"]


def test_a_line_longer_than_the_terminal_is_cut_off_by_it() -> None:
    screen = Screen()
    drawn(screen).show(Answer("x" * 200))
    assert screen.raw == UNWRAPPED + "x" * 200 + WRAPPED


def test_other_text_is_written_above_the_last_lines() -> None:
    screen = Screen()
    text = Text(screen.write, size=lambda: screen.size)
    live = text.live()
    assert live is not None
    live.show(Answer("2 still running"))
    text.answer(Answer("out"))
    assert screen.lines == ["out"]
    live.show(Answer("1 still running"))
    assert screen.lines == ["out", "1 still running"]
    live.close(Answer(""))
    assert screen.lines == ["out"]


def test_nothing_is_drawn_behind_a_line_that_is_not_ended() -> None:
    screen = Screen()
    text = Text(screen.write, size=lambda: screen.size)
    live = text.live()
    assert live is not None
    text._write("50 %", "stdout")
    live.show(Answer("running"))
    assert screen.raw == "50 %"
    text._write("\n", "stdout")
    live.show(Answer("running"))
    assert screen.lines == ["50 %", "running"]


def test_nobody_watches_what_is_kept_or_written_to_a_file() -> None:
    assert Capture().live() is None
    assert Text(Screen().write).live() is None
