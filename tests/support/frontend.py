"""A front-end that keeps every message of every channel, to compare what two kernels sent."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import zmq
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session

from support.host import host

QUIET_SECONDS = 0.15  # after all is over: silence for so long means that nothing more comes
LARGEST_COUNT = 10**9  # what is more is the address of something
WITHOUT_REPLY = ("comm_open", "comm_msg", "comm_close")

# What no two runs have in common: ids, times, places, and the tip of the day in IPython's banner.
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
VARYING = frozenset({"port", "seq", "systemProcessId"})
_PATTERNS = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"(/tmp/ipykernel_)\d+"), r"\1<pid>"),
    (re.compile(r"\bTip: .*"), "<tip>"),
    (re.compile(r"0x[0-9a-f]{8,}"), "<address>"),
)


class Sent(NamedTuple):
    """A message as it came over the wire, each part decoded from its own JSON."""

    channel: str
    header: dict[str, Any]
    parent_header: dict[str, Any]
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: list[bytes]

    @property
    def msg_type(self) -> str:
        return self.header["msg_type"]

    @property
    def parent_id(self) -> str:
        return self.parent_header.get("msg_id", "")

    @property
    def state(self) -> str:
        """Return the state that a status message tells; empty for others."""
        return self.content["execution_state"] if self.msg_type == "status" else ""


@dataclass
class FrontEnd:
    """A client of a kernel that is driven message by message.

    Attributes:
        sent: the headers of the requests, in order.
        seen: all that came, each channel in its order.
        answers: what the user types, in order, when a kernel asks.
    """

    session: Session
    sockets: dict[str, zmq.Socket[bytes]]
    manager: KernelManager
    sent: list[dict[str, Any]] = field(default_factory=list)
    seen: list[Sent] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    _caused: dict[str, list[Sent]] = field(default_factory=dict)

    def send(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        *,
        channel: str = "shell",
        metadata: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        **header: Any,
    ) -> str:
        """Send a request and return its id; `header` is added to its header."""
        message = self.session.msg(msg_type, content or {}, metadata=metadata)
        message["header"].update(header)
        self.session.send(self.sockets[channel], message, buffers=list(buffers))
        self.sent.append(json.loads(json.dumps(message["header"], default=str)))
        return message["header"]["msg_id"]

    def execute(self, code: str, *, subshell: str | None = None, **content: Any) -> str:
        """Send a cell, as a front-end does that can not ask the user."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **content,
        }
        if subshell is None:
            return self.send("execute_request", content)
        return self.send("execute_request", content, subshell_id=subshell)

    def run(self, code: str, **content: Any) -> list[Sent]:
        """Execute a cell and return all it caused, when it is over."""
        msg_id = self.execute(code, **content)
        self.over(msg_id)
        return self.of(msg_id)

    def ask(self, msg_type: str, content: dict[str, Any] | None = None, **options: Any) -> Sent:
        """Send a request and return its reply, when it is over."""
        msg_id = self.send(msg_type, content, **options)
        self.over(msg_id)
        return self.reply(msg_id)

    def forget(self) -> None:
        """Begin a new record."""
        self.sent.clear()
        self.seen.clear()
        self._caused.clear()
        self.answers.clear()

    # Waiting

    def over(self, *msg_ids: str, seconds: float = 30) -> None:
        """Wait until requests are replied to and idle."""
        for msg_id in msg_ids:
            self.until(partial(self._is_over, msg_id), seconds)

    def settle(self) -> None:
        """Wait until nothing more comes."""
        quiet = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < quiet:
            if self._receive():
                quiet = time.monotonic() + QUIET_SECONDS

    def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        """Take messages until something is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s; came: {self.seen}"
            self._receive()

    def until_said(self, text: str, seconds: float = 20) -> None:
        """Wait until a stream says something."""
        self.until(lambda: text in self.stream(), seconds)

    def _is_over(self, msg_id: str) -> bool:
        caused = self.of(msg_id)
        if not any(message.state == "idle" for message in caused):
            return False
        return caused[0].parent_header["msg_type"] in WITHOUT_REPLY or any(
            message.channel in ("shell", "control") for message in caused
        )

    def _receive(self) -> bool:
        poller = zmq.Poller()
        for socket in self.sockets.values():
            poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(20))
        for channel, socket in self.sockets.items():
            if socket in ready:
                self._take(channel, socket.recv_multipart())
        return bool(ready)

    def _take(self, channel: str, frames: list[bytes]) -> None:
        parts: list[Any] = self.session.feed_identities(frames)[1]
        assert self.session.sign(parts[1:5]) == parts[0], "the signature is wrong"
        header, parent, metadata, content = map(json.loads, parts[1:5])
        message = Sent(channel, header, parent, metadata, content, parts[5:])
        self.seen.append(message)
        self._caused.setdefault(message.parent_id, []).append(message)
        if message.msg_type == "input_request" and self.answers:
            answer = self.session.msg("input_reply", {"value": self.answers.pop(0)})
            answer["parent_header"] = message.header
            self.session.send(self.sockets["stdin"], answer)

    # Looking

    def of(self, msg_id: str, channel: str | None = None) -> list[Sent]:
        """Return what came for a request."""
        return [m for m in self._caused.get(msg_id, ()) if channel in (None, m.channel)]

    def reply(self, msg_id: str) -> Sent:
        """Return the one reply to a request."""
        (reply,) = (m for m in self.of(msg_id) if m.channel in ("shell", "control"))
        return reply

    def stream(self) -> str:
        """Return all that streams said."""
        return "".join(m.content["text"] for m in self.seen if m.msg_type == "stream")


@contextmanager
def front_end(spec: str, *, through: bool) -> Iterator[FrontEnd]:
    """Start a kernel: itself, or the kernel `silik` connected to it."""
    if through:
        with host("silik") as opened:
            opened.ok(f"start {spec} -l k1")
            opened.ok("> k1")
            opened.client.stop_channels()
            with client_of(opened.manager) as client:
                yield client
    else:
        # As silik starts it: what was typed in other kernels is not in its history.
        own = ["--HistoryManager.hist_file=:memory:"] if spec == "python3" else []
        with host(spec, extra_arguments=own) as opened:
            opened.client.stop_channels()
            with client_of(opened.manager) as client:
                yield client


@contextmanager
def client_of(manager: KernelManager) -> Iterator[FrontEnd]:
    """Connect to a kernel that is ready; there may be several at a time."""
    info = dict(manager.get_connection_info())
    session = Session(key=manager.session.key, signature_scheme=manager.session.signature_scheme)
    context = zmq.Context()
    channels = ("shell", "control", "iopub", "stdin")
    sockets = {name: _socket(context, name, info, session) for name in channels}
    try:
        client = FrontEnd(session, sockets, manager)
        _hear(client)
        assert sockets["stdin"].poll(5000, zmq.POLLOUT)
        yield client
    finally:
        context.destroy(linger=0)


def _socket(
    context: zmq.Context[Any], name: str, info: dict[str, Any], session: Session
) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.SUB if name == "iopub" else zmq.DEALER)
    socket.linger = 0
    socket.rcvhwm = 0
    if name == "iopub":
        socket.subscribe(b"")
    else:
        socket.identity = session.bsession
        # The kernel speaks first there: what it asks before the connection stands is dropped. With
        # this option the socket is writable only when it stands.
        socket.immediate = name == "stdin"
    if info.get("curve_publickey"):
        socket.curve_publickey = socket.curve_serverkey = info["curve_publickey"]
        socket.curve_secretkey = info["curve_secretkey"]
    socket.connect(f"{info['transport']}://{info['ip']}:{info[f'{name}_port']}")
    return socket


def _hear(opened: FrontEnd) -> None:
    """Wait until outputs arrive, and forget what came until then."""
    while not any(message.state == "idle" for message in opened.seen):
        msg_id = opened.send("kernel_info_request")
        opened.until(lambda: opened.of(msg_id, "shell"))  # noqa: B023 - called before the next
        opened._receive()
    opened.settle()
    opened.forget()


# Comparing


def transcript(opened: FrontEnd, *, by_request: bool = False) -> dict[str, list[Any]]:
    """Return what came on each channel, in order, without what no two runs have in common.

    Each message names the request it belongs to by its number: -1 is no request, and -2 one of
    another time or client. Pieces of one stream are joined: where a kernel cuts it is a matter of
    its timing. Left out is what a kernel says of its state because of another's request, as
    ipykernel's debugger is when it is attached: `silik` keeps that back, together with what the
    kernel says because of its own questions.

    Args:
        opened: whose messages to return.
        by_request: sort them by request, each with its `idle` last.
    """
    numbers = {header["msg_id"]: number for number, header in enumerate(opened.sent)}
    found: dict[str, list[Any]] = {channel: [] for channel in opened.sockets}
    for message in opened.seen:
        number = numbers.get(message.parent_id, -2) if message.parent_id else -1
        if number == -2 and message.msg_type == "status":
            continue
        if message.msg_type == "debug_event":  # its parent is whatever was asked last
            number = -1
        buffers = [buffer.decode("latin-1") for buffer in message.buffers]
        entry = [number, message.msg_type, message.content, message.metadata, buffers]
        found[message.channel].append(entry)
    for channel, messages in found.items():
        if by_request:
            messages.sort(key=lambda entry: (entry[0], entry[2].get("execution_state") == "idle"))
        found[channel] = _joined(messages)
    return _comparable(found, {})


def _joined(messages: list[Any]) -> list[Any]:
    """Join the pieces of each stream."""
    joined: list[Any] = []
    for number, msg_type, content, *rest in messages:
        piece = (number, msg_type, content.get("name"))
        if (
            msg_type == "stream"
            and joined
            and piece == (*joined[-1][:2], joined[-1][2].get("name"))
        ):
            joined[-1][2]["text"] += content["text"]
        else:
            joined.append([number, msg_type, dict(content), *rest])
    return joined


def _comparable(value: Any, ids: dict[Any, str]) -> Any:
    """Replace what varies; an id by a number, which is the same wherever the id is."""
    if isinstance(value, dict):
        return {
            _comparable(name, ids): "<one>" if name in VARYING else _comparable(value[name], ids)
            for name in value
        }
    if isinstance(value, list):
        return [_comparable(item, ids) for item in value]
    if isinstance(value, int) and value > LARGEST_COUNT:
        return ids.setdefault(value, f"<id {len(ids)}>")
    if not isinstance(value, str):
        return value
    for pattern, name in _PATTERNS:
        value = pattern.sub(name, value)
    return _UUID.sub(lambda found: ids.setdefault(found[0], f"<id {len(ids)}>"), value)


def check_protocol(opened: FrontEnd) -> None:
    """Check what holds of the messages of any kernel that keeps to the protocol.

    Raises:
        AssertionError: a message names another parent than what was sent; or a request is not
            busy first and idle last, each just once; or it has not just one reply.
    """
    for header in opened.sent:
        caused = [m for m in opened.of(header["msg_id"]) if m.msg_type != "debug_event"]
        for part in ("msg_type", "session", "username"):
            assert all(message.parent_header[part] == header[part] for message in caused)
        states = [message.state for message in caused if message.channel == "iopub"]
        assert (states[0], states[-1]) == ("busy", "idle"), (header, states)
        assert states.count("busy") == states.count("idle") == 1, (header, states)
        replies = [message for message in caused if message.channel in ("shell", "control")]
        assert len(replies) == (header["msg_type"] not in WITHOUT_REPLY), (header, replies)
