from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import DELIM, Session

from silik_magics.kernels.frames import read

KEY = b"of these tests"
HEADER: dict[str, Any] = {"msg_id": "1", "msg_type": "stream", "session": "s", "version": "5.3"}
CONTENT = b'{"name": "stdout", "text": "x"}'
DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
NUMBER = b'{"n": ' + b"9" * 5000 + b"}"


@pytest.fixture
def session() -> Session:
    return Session(key=KEY)


def frames(
    *, header: Any = HEADER, parent: Any = b"{}", metadata: Any = b"{}", content: bytes = CONTENT
) -> list[bytes]:
    parts = [x if isinstance(x, bytes) else json.dumps(x).encode() for x in (header, parent)]
    parts += [metadata, content]
    return [b"identity", DELIM, Session(key=KEY).sign(parts), *parts]


def test_a_message_is_read_as_it_was_sent(session: Session) -> None:
    parent = {"msg_id": "0", "date": "2026-01-01T00:00:00Z"}
    sent = [*frames(parent=parent, metadata=b'{"a": [1]}'), b"buffer"]
    found = read(session, "iopub", sent)
    assert found is not None
    identities, message = found
    assert identities == [b"identity"]
    assert (message.channel, message.header, message.parent_header) == ("iopub", HEADER, parent)
    assert (message.metadata, message.packed) == ({"a": [1]}, CONTENT)
    assert [bytes(buffer) for buffer in message.buffers] == [b"buffer"]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ([], "no delimiter"),
        ([b""], "no delimiter"),
        ([b"junk", b"\xff\xfe"], "no delimiter"),
        ([DELIM], "0 parts of 5"),
        ([DELIM, b"", b"", b""], "3 parts of 5"),
        ([DELIM, b"", *frames()[3:]], "not signed"),
        ([DELIM, b"0" * 64, *frames()[3:]], "another key"),
        ([DELIM, b"\xff", *frames()[3:]], "another key"),
        (frames(header=b"not json"), "no msg_id"),
        (frames(header=b"[1, 2]"), "no msg_id"),
        (frames(header=b"\xff\xff"), "no msg_id"),
        (frames(header=DEEP), "no msg_id"),
        (frames(header=NUMBER), "no msg_id"),
        (frames(header={"msg_type": "stream"}), "no msg_id"),
        (frames(header={"msg_id": 5, "msg_type": "stream"}), "no msg_id"),
        (frames(header={"msg_id": "1"}), "no msg_type"),
        (frames(header={"msg_id": "1", "msg_type": ["stream"]}), "no msg_type"),
        (frames(content=b""), "no object"),
        (frames(content=b"[]"), "no object"),
        (frames(content=b'"text"'), "no object"),
        (frames(content=b"null"), "no object"),
    ],
)
def test_what_is_no_message_is_dropped_with_a_log_line(
    session: Session, sent: list[bytes], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read(session, "shell", sent) is None
    assert why in caplog.text
    assert "dropped a message on shell" in caplog.text


def test_a_message_that_comes_again_is_dropped(session: Session) -> None:
    again = frames()
    assert read(session, "shell", again) is not None
    assert read(session, "shell", again) is None
    assert read(session, "shell", frames(content=b"{}")) is not None


def test_a_message_that_is_wrongly_signed_does_not_keep_the_right_one_out(
    session: Session,
) -> None:
    right = frames()
    wrong = [*right[:-1], b'{"text": "another"}']
    assert read(session, "shell", wrong) is None
    assert read(session, "shell", right) is not None


def test_without_a_key_nothing_is_verified() -> None:
    assert read(Session(key=b""), "shell", [DELIM, b"", *frames()[3:]]) is not None


@pytest.mark.parametrize(
    "part", [b"null", b"5", b"[]", b'"x"', b"not json", DEEP, NUMBER, b'{"msg_id": [1]}', b"\xff"]
)
def test_a_parent_that_nobody_can_read_is_none(session: Session, part: bytes) -> None:
    found = read(session, "iopub", frames(parent=part))
    assert found is not None
    assert found[1].parent_header == {}
    assert found[1].parent_id == ""


@pytest.mark.parametrize("part", [b"null", b"[]", b"not json", DEEP, NUMBER, b"\xff"])
def test_metadata_that_nobody_can_read_costs_no_reply(session: Session, part: bytes) -> None:
    found = read(session, "shell", frames(metadata=part))
    assert found is not None
    assert found[1].metadata == {}


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        (b'{"a": NaN, "b": [-Infinity]}', {"a": None, "b": [None]}),
        (b'{"a": "\\ud800"}', {"a": "?"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": 1e999}', {"a": None}),
    ],
)
def test_metadata_can_be_sent_on(session: Session, sent: bytes, read_as: dict[str, Any]) -> None:
    found = read(session, "shell", frames(metadata=sent))
    assert found is not None
    assert found[1].metadata == read_as
    session.serialize(session.msg("stream", metadata=found[1].metadata))


def test_large_metadata_is_read(session: Session) -> None:
    found = read(session, "shell", frames(metadata=b'{"a": "' + b"x" * 10_000_000 + b'"}'))
    assert found is not None
    assert len(found[1].metadata["a"]) == 10_000_000


@given(st.lists(st.binary(max_size=40) | st.just(DELIM), max_size=8))
def test_no_frames_raise_anything(sent: list[bytes]) -> None:
    read(Session(key=b""), "shell", sent)
    read(Session(key=KEY), "shell", sent)


@given(st.integers(0, 3), st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_no_part_that_is_signed_raises_anything(index: int, part: bytes) -> None:
    parts = frames()[3:]
    parts[index] = part
    found = read(Session(key=KEY), "shell", [DELIM, Session(key=KEY).sign(parts), *parts])
    if found is not None:
        assert isinstance(found[1].content, dict)
