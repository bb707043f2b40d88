from __future__ import annotations

import json

import pytest
from support.messages import message

from silik_magics.kernels.messages import Message


def test_a_message_knows_its_type_and_whom_it_answers() -> None:
    found = message("stream", "a", name="stdout", text="x")
    assert (found.msg_type, found.parent_id) == ("stream", "a")
    assert found.content == {"name": "stdout", "text": "x"}


def test_a_message_may_answer_nobody() -> None:
    assert message("status").parent_id == ""


def test_the_content_is_decoded_when_it_is_asked_for_and_once() -> None:
    broken = Message("iopub", {"msg_type": "stream"}, {}, {}, b"{")
    assert broken.is_shown
    with pytest.raises(json.JSONDecodeError):
        _ = broken.content
    found = message("stream", text="x")
    assert found.content is found.content


@pytest.mark.parametrize("kind", ["stream", "error", "comm_msg", "something_new"])
def test_outputs_are_shown_known_or_not(kind: str) -> None:
    assert message(kind).is_shown


@pytest.mark.parametrize("kind", ["status", "execute_input", "iopub_welcome", "debug_event"])
def test_how_a_request_goes_on_is_not_shown(kind: str) -> None:
    assert not message(kind).is_shown
