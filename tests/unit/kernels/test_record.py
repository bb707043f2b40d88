from __future__ import annotations

import pytest
from support.messages import display, message, stream

from silik_magics.kernels.messages import Message
from silik_magics.kernels.record import CHARACTERS, ENTRIES, Entry, Record, text_of


def test_an_entry_keeps_what_was_said_as_text() -> None:
    entry = Record().begin("print(19); 42")
    entry.add(stream("19\n"))
    entry.add(message("execute_result", data={"text/plain": "42"}))
    assert (entry.code, entry.output) == ("print(19); 42", "19\n42\n")


def test_the_last_executions_are_kept_in_order() -> None:
    record = Record()
    for number in range(ENTRIES + 5):
        record.begin(str(number))
    assert len(record.entries) == ENTRIES
    assert (record.entries[0].code, record.entries[-1].code) == ("5", str(ENTRIES + 4))


def test_no_more_of_an_output_is_kept_than_there_is_room_for() -> None:
    entry = Entry("x")
    for _ in range(3):
        entry.add(stream("x" * (CHARACTERS // 2 + 1)))
    assert len(entry.output) == CHARACTERS


def test_a_message_too_large_to_be_read_is_left_out() -> None:
    class Unread(Message):
        @property
        def content(self) -> dict[str, object]:
            raise AssertionError("a large message must not be decoded")

    entry = Entry("x")
    entry.add(Unread("iopub", {"msg_type": "stream"}, {}, {}, b"x" * 9 * CHARACTERS))
    assert entry.output == ""


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (stream("a\n"), "a\n"),
        (display("<Figure>"), "<Figure>\n"),
        (message("error", ename="ValueError", evalue="no", traceback=[]), "ValueError: no\n"),
        (message("display_data", data={"image/png": "x"}), ""),
        (message("update_display_data", data={"text/plain": "x"}), ""),
        (message("clear_output", wait=True), ""),
        (message("something_new", text="x"), ""),
    ],
)
def test_the_text_of_a_message(item: Message, text: str) -> None:
    assert text_of(item) == text
