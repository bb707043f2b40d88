"""Clients of the kernel `silik` that break every rule of the protocol.

The long form (`SILIK_FAULTS=long`) sends 2,000 bent messages to it in each mode.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.session import DELIM, Session
from support.frontend import FrontEnd, client_of
from support.host import host

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

CHANNELS = ["shell", "control", "stdin"]
REQUESTS = ["execute_request", "complete_request", "inspect_request", "is_complete_request"]
REQUESTS += ["history_request", "comm_info_request", "kernel_info_request", "connect_request"]
REQUESTS += ["interrupt_request", "debug_request", "create_subshell_request", "usage_request"]
REQUESTS += ["list_subshell_request", "delete_subshell_request", "nonsense_request", "nonsense"]
COMMS = ["comm_open", "comm_msg", "comm_close"]
FIELDS = ["code", "cursor_pos", "silent", "store_history", "user_expressions", "allow_stdin"]
FIELDS += ["detail_level", "hist_access_type", "session", "start", "stop", "n", "pattern", "raw"]
FIELDS += ["comm_id", "target_name", "data", "value", "command", "subshell_id", "stop_on_error"]
ODD: list[Any] = [None, 5, -1, True, [], {}, [[]], {"a": {}}, "", "x", 10**400, 1e999, "\ud800"]
PARTS = [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b'{"a":' * 9999 + b"1" + b"}" * 9999]
PARTS += [b'{"n": ' + b"9" * 5000 + b"}", b'{"a": NaN}', b'{"a": "\\ud800"}', b"{x}"]


@pytest.fixture(scope="module", params=["command mode", "connect mode"])
def client(request: pytest.FixtureRequest, kernels_dir: Path) -> Iterator[FrontEnd]:
    del kernels_dir
    with host("silik") as opened:
        opened.ok("start python3 -l k1")
        if request.param == "connect mode":
            opened.ok("> k1")
        opened.client.stop_channels()
        with client_of(opened.manager) as client:
            client.session.unpack = json.loads
            yield client


def next_is_right(client: FrontEnd) -> None:
    """Run a good cell, when all that came before is over: an error aborts what waits behind it."""
    client.over(client.execute(""))
    client.settle()
    client.forget()
    said = client.run("%%silik k1\nprint(6 * 7)")
    assert "".join(m.content["text"] for m in said if m.msg_type == "stream") == "42\n"
    assert client.of(said[0].parent_id, "shell")[0].content["status"] == "ok"
    client.forget()


def packed(client: FrontEnd, msg_type: str, content: Any) -> list[bytes]:
    header = client.session.msg_header(msg_type)
    return [json.dumps(part, default=str).encode() for part in (header, {}, {}, content)]


def put(
    client: FrontEnd, channel: str, parts: list[bytes], signature: bytes | None = None
) -> list[bytes]:
    signature = client.session.sign(parts) if signature is None else signature
    frames = [DELIM, signature, *parts]
    client.sockets[channel].send_multipart(frames)
    return frames


def execution(code: str) -> dict[str, Any]:
    return {"code": code, "silent": False, "store_history": True, "allow_stdin": False}


@pytest.mark.parametrize("channel", CHANNELS)
def test_frames_that_are_no_message_are_dropped(client: FrontEnd, channel: str) -> None:
    socket = client.sockets[channel]
    for frames in ([b""], [b"junk"], [DELIM], [b"\xff", b""], [DELIM, b"", b""], [b"x"] * 50):
        socket.send_multipart(frames)
    for index in range(4):
        for part in PARTS:
            parts = packed(client, "kernel_info_request", {})
            parts[index] = part
            put(client, channel, parts)
    client.settle()
    next_is_right(client)


@pytest.mark.parametrize("signature", [b"", b"0" * 64, b"\xff", Session(key=b"a").sign([])])
def test_what_is_not_signed_with_the_key_does_nothing(client: FrontEnd, signature: bytes) -> None:
    put(client, "shell", packed(client, "execute_request", execution("/cmd")), signature)
    put(client, "control", packed(client, "shutdown_request", {"restart": False}), signature)
    client.settle()
    assert client.seen == []
    next_is_right(client)


def test_a_message_that_is_sent_again_does_nothing(client: FrontEnd) -> None:
    code = "%%silik k1\nimport sys; sys.count = getattr(sys, 'count', 0) + 1; print(sys.count)"
    frames = put(client, "shell", packed(client, "execute_request", execution(code)))
    for _ in range(5):
        client.sockets["shell"].send_multipart(frames)
    client.settle()
    client.until(lambda: client.stream())
    client.settle()
    assert client.stream() == "1\n"
    client.run("%%silik k1\ndel sys.count")
    next_is_right(client)


def test_legitimate_traffic_is_never_taken_for_a_replay(client: FrontEnd) -> None:
    for _ in range(300):
        client.send("kernel_info_request")
    client.over(*(header["msg_id"] for header in client.sent))
    next_is_right(client)


@pytest.mark.parametrize("kind", [kind for kind in REQUESTS if kind != "interrupt_request"])
def test_a_request_without_its_fields_is_answered_or_dropped(client: FrontEnd, kind: str) -> None:
    for content in ({}, {"code": 5}, {"code": None, "cursor_pos": "x"}, {"cursor_pos": 10**30}):
        client.send(kind, content)
    client.settle()
    next_is_right(client)


ASKED = ["execute_request", "complete_request", "inspect_request", "is_complete_request"]


@pytest.mark.parametrize("kind", [*ASKED, "history_request"])
def test_a_request_that_can_not_be_answered_has_an_error_for_its_reply(
    client: FrontEnd, kind: str
) -> None:
    client.run("/cmd")
    for content in ({}, {"code": 5}, {"code": None, "cursor_pos": "x"}):
        reply = client.ask(kind, content).content
        assert reply["status"] == "error"
        assert (reply["ename"], reply["evalue"][: len(kind)]) == ("CommandError", kind)
    client.run("/cmd")
    next_is_right(client)


@pytest.mark.parametrize("code", ["a\ud800", "\x00", "%%silik \ud800", "/cmd \x00"])
def test_a_cell_of_any_characters_ends(client: FrontEnd, code: str) -> None:
    parts = packed(client, "execute_request", execution(code))
    put(client, "shell", parts)
    msg_id = json.loads(parts[0])["msg_id"]
    # ipykernel itself does not reply to half of a character.
    client.until(lambda: any(message.state == "idle" for message in client.of(msg_id)))
    next_is_right(client)


def test_messages_that_are_bent_anyhow_end_nothing(client: FrontEnd, many: bool) -> None:
    chance = random.Random(6)
    for count in range(2000 if many else 300):
        kind = chance.choice(REQUESTS + COMMS + ["input_reply", "execute_request"])
        content = {name: chance.choice(ODD) for name in chance.sample(FIELDS, 6)}
        if chance.random() < 0.5:
            content["code"] = chance.choice(["1", "tree", "ls", "ps", "x", "%%silik k1\n1"])
        parts = packed(client, kind, content)
        if chance.random() < 0.3:
            parts[chance.randrange(4)] = chance.choice(PARTS)
        if chance.random() < 0.3:
            index, at = chance.randrange(4), chance.randrange(60)
            part = parts[index]
            parts[index] = part[:at] + chance.randbytes(chance.randrange(4)) + part[at + 1 :]
        signature = chance.choice([None, None, None, None, b"", b"0" * 64])
        put(client, chance.choice(CHANNELS), parts[: chance.choice([4, 4, 4, 3, 0])], signature)
        if count % 50 == 49:
            client.settle()
            next_is_right(client)
