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
    broken = Message("iopub", {"msg_type": "something_new"}, {}, {}, b"{")
    assert broken.is_shown
    assert broken.content == {}
    found = message("stream", text="x")
    assert found.content is found.content


@pytest.mark.parametrize("kind", ["stream", "error", "comm_msg", "something_new"])
def test_outputs_are_shown_known_or_not(kind: str) -> None:
    assert message(kind).is_shown


@pytest.mark.parametrize("kind", ["status", "execute_input", "iopub_welcome", "debug_event"])
def test_how_a_request_goes_on_is_not_shown(kind: str) -> None:
    assert not message(kind).is_shown


def said(kind: str, content: object) -> Message:
    return Message("iopub", {"msg_id": "1", "msg_type": kind}, {}, {}, json.dumps(content).encode())


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", {"name": "stdout", "text": ""}),
        ("display_data", {"data": {}, "metadata": {}}),
        ("execute_result", {"data": {}, "metadata": {}}),
        ("error", {"ename": "", "evalue": "", "traceback": []}),
        ("status", {"execution_state": ""}),
        ("input_request", {"prompt": ""}),
        ("comm_open", {"comm_id": "", "target_name": ""}),
    ],
)
@pytest.mark.parametrize("odd", [None, 5, [], {}, [[]], {"a": {}}])
def test_a_message_has_what_its_kind_promises(
    kind: str, content: dict[str, object], odd: object
) -> None:
    assert said(kind, {}).content == content
    assert said(kind, odd if isinstance(odd, dict) else {}).content.items() >= content.items()
    for name, value in content.items():
        found = said(kind, {name: odd}).content
        if not isinstance(odd, type(value)):
            assert found[name] == value


@pytest.mark.parametrize(
    "packed",
    [
        b"{",
        b"[]",
        b"{nothing}",
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"n":%s}' % (b"9" * 5000),
    ],
)
def test_a_content_that_nobody_can_read_is_that_of_an_empty_message(packed: bytes) -> None:
    found = Message("iopub", {"msg_id": "1", "msg_type": "stream"}, {}, {}, packed)
    assert found.content == {"name": "stdout", "text": ""}
    assert found.packed == packed


def test_half_of_a_character_can_be_printed() -> None:
    found = said("stream", {"name": "stdout", "text": "a\ud800b\U0001f600"})
    assert found.content["text"] == "a?b😀"


def test_a_reply_holds_nothing_of_another_type_than_it_may() -> None:
    content = {"status": 5, "traceback": 7, "metadata": [], "history": "x", "matches": None, "a": 1}
    assert said("complete_reply", content).content == {"a": 1}
    assert said("execute_reply", {"traceback": [1, "x"]}).content == {"traceback": ["1", "x"]}


def test_what_is_unknown_is_as_it_was_sent() -> None:
    assert said("hologram", {"data": 5, "status": []}).content == {"data": 5, "status": []}
