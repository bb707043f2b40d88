from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import display, stream

from silik_magics.display.answers import Answer
from silik_magics.display.spool import Spool, size_of
from silik_magics.kernels.messages import Message


@given(st.lists(st.one_of(st.integers(0, 3000), st.none())), st.integers(0, 6000))
def test_what_comes_first_leaves_first_wherever_it_was_kept(
    steps: list[int | None], memory: int
) -> None:
    spool: Spool[Message] = Spool(memory)
    expected: list[str] = []
    for number, step in enumerate(steps):
        if step is not None:
            text = f"{number}" + "x" * step
            spool.append(stream(text))
            expected.append(text)
        elif expected:
            assert spool.pop().content["text"] == expected.pop(0)
        assert len(spool) == len(expected)
    assert [message.content["text"] for message in spool.drain()] == expected


def test_a_message_comes_back_whole_from_the_file() -> None:
    sent = Message(
        "iopub",
        {"msg_id": "1", "msg_type": "comm_msg"},
        {"msg_id": "0"},
        {"key": ["value"]},
        b'{"data": {}}',
        [memoryview(b"one"), bytearray(b"two")],
    )
    spool: Spool[Message | Answer] = Spool(memory=0)
    spool.append(sent)
    spool.append(Answer("text", "<b>markup</b>"))
    came, answer = spool.drain()
    assert isinstance(came, Message)
    assert came.header == sent.header
    assert came.parent_header == sent.parent_header
    assert came.metadata == sent.metadata
    assert came.packed == sent.packed
    assert list(came.buffers) == [b"one", b"two"]
    assert answer.bundle() == {"text/plain": "text", "text/html": "<b>markup</b>"}


def test_an_empty_spool_has_nothing_to_take() -> None:
    with pytest.raises(IndexError):
        Spool().pop()


def test_the_size_of_an_output_counts_its_buffers() -> None:
    assert size_of(stream("x" * 5000)) > 5000
    small = display("x")
    large = Message(small.channel, small.header, {}, {}, small.packed, [memoryview(b"x" * 9999)])
    assert size_of(large) - size_of(small) == 9999


def test_a_closed_spool_is_empty_and_can_be_used_on() -> None:
    spool: Spool[Message] = Spool(memory=0)
    spool.append(stream("gone"))
    spool.close()
    assert len(spool) == 0
    spool.append(stream("new"))
    assert spool.pop().content["text"] == "new"
