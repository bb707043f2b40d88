"""Moves messages between one zmq socket and an event loop; knows nothing of requests.

A zmq file descriptor is edge-triggered: it wakes the loop once for any number of messages, and a
send may swallow the edge. So every wake-up, and every send, drains the socket until it is empty.

A zmq socket connects again by itself where a connection ends, but never again where the other side
spoke the protocol and was not the right one: somebody else had the port before the kernel did.
Nothing is sent by it from then on, and nothing comes. Such a socket is replaced.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import zmq
from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session

from silik_magics.kernels.frames import read
from silik_magics.kernels.messages import Message

BATCH = 100  # messages read before other tasks of the loop get their turn
RECONNECT_MS = 5  # a kernel that is starting binds its ports any moment

_SOCKETS = {"iopub": zmq.SUB}


class Channel:
    """One connected socket: reads whole messages, verifies their signature, sends requests.

    Args:
        name: `shell`, `iopub`, `stdin` or `control`.
        opened: returns a connected socket, which is owned by this object from then on.
        session: signs what is sent; of this connection alone.
        reader: verifies what comes.
        on_message: called in the loop with each message, in order.
    """

    def __init__(
        self,
        name: str,
        opened: Callable[[], zmq.Socket],
        session: Session,
        reader: Session,
        on_message: Callable[[Message], None],
    ) -> None:
        self.name = name
        self._opened = opened
        self._session = session
        self._reader = reader
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._draining = False
        self._open()

    def _open(self) -> None:
        self._socket = self._opened()
        self._socket.sndtimeo = 0  # to wait here would stop the loop, and so everybody
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._loop.add_reader(self._fd, self._drain)
        self._soon()

    def renew(self) -> None:
        """Connect anew; what was sent and has not left yet is lost."""
        self.close()
        self._open()

    def send(
        self,
        msg_type: str,
        content: dict[str, Any] | bytes,
        *,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        buffers: Sequence[Any] = (),
    ) -> None:
        """Sign and send a message, without waiting; content may be packed already.

        On `stdin` it is dropped when the connection does not stand: nobody is there who asked.
        """
        session = self._session
        message = session.msg(msg_type, parent=parent, header=header, metadata=metadata)
        message["content"] = content if isinstance(content, bytes) else _packed(content)
        try:
            session.send(self._socket, message, buffers=list(buffers))
        except zmq.Again:
            if self._socket.immediate:
                return
            self.renew()
            session.send(self._socket, message, buffers=list(buffers))
        self._soon()

    @property
    def can_send(self) -> bool:
        """Whether a message could leave; for `stdin`, whether the kernel knows our address."""
        self._soon()  # looking may swallow the edge too
        return bool(self._socket.poll(0, zmq.POLLOUT))

    def limit(self, messages: int) -> None:
        """Let no more messages wait here; the others wait where they come from."""
        self._socket.rcvhwm = messages

    def close(self) -> None:
        """Stop reading and close the socket."""
        if self._socket.closed:
            return
        self._loop.remove_reader(self._fd)
        # Nothing lingers: a kernel that is started again on the same ports would get what was
        # meant for the one before, and execute it.
        self._socket.close(linger=0)

    def _soon(self) -> None:
        if not self._draining:
            self._draining = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._draining = False
        emptied = False
        try:
            for _ in range(BATCH):
                emptied = self._socket.closed  # it may be, by whoever got the last message
                if emptied:
                    return
                try:
                    frames = self._socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    emptied = True
                    return
                found = read(self._reader, self.name, frames)
                if found is not None:
                    self._on_message(found[1])
        finally:
            if not emptied:  # also when a message was too much for us: others are behind it
                self._soon()


def _packed(content: dict[str, Any]) -> bytes:
    # Text may hold half of a surrogate pair, which Session could not encode.
    return json.dumps(content, default=json_default).encode()


def connect(
    context: zmq.Context, name: str, info: dict[str, Any], subscribe: Sequence[bytes] = (b"",)
) -> zmq.Socket:
    """Return a socket connected to a channel of the kernel that a connection file describes."""
    socket = context.socket(_SOCKETS.get(name, zmq.DEALER))
    socket.linger = 0
    socket.reconnect_ivl = RECONNECT_MS
    socket.rcvhwm = 0  # the default drops outputs of a kernel that is faster than we are
    socket.sndhwm = 0  # the default makes us wait for a kernel that does not read
    if name == "iopub":
        for topic in subscribe:
            socket.subscribe(topic)
    else:
        socket.identity = info["identity"]
        # The kernel speaks first on stdin, and what it asks before the connection stands is
        # dropped. With this option the socket is writable only when it stands.
        socket.immediate = name in ("stdin", "hb")
    if info.get("curve_publickey"):
        public, secret = (_ascii(info[f"curve_{kind}key"]) for kind in ("public", "secret"))
        socket.curve_publickey = socket.curve_serverkey = public
        socket.curve_secretkey = secret
    socket.connect(url(info, name))
    return socket


def url(info: dict[str, Any], name: str) -> str:
    """Return the address of a channel, as a connection file describes it."""
    separator = ":" if info["transport"] == "tcp" else "-"
    return f"{info['transport']}://{info['ip']}{separator}{info[f'{name}_port']}"


def _ascii(key: str | bytes) -> bytes:
    return key.encode() if isinstance(key, str) else key
