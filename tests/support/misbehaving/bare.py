"""A kernel made of zmq alone, which says yes to everything; the others bend it.

Not built on ipykernel or jupyter_client, so that it is a second opinion on the protocol, starts in
a moment, and can break every rule.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zmq

DELIMITER = b"<IDS|MSG>"


@dataclass
class Request:
    socket: zmq.Socket
    identities: list[bytes]
    header: dict[str, Any]
    content: dict[str, Any]


class Bare:
    """Binds the sockets of the connection file that is its argument, and serves."""

    language = "bare"
    says_much = False

    def __init__(self) -> None:
        info = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        self.key = info["key"].encode()
        self.session = uuid.uuid4().hex
        self.count = 0
        self.serving = True
        self.context = zmq.Context()
        kinds = {"shell": zmq.ROUTER, "control": zmq.ROUTER, "stdin": zmq.ROUTER, "iopub": zmq.PUB}
        sockets = {name: self.context.socket(kind) for name, kind in kinds.items()}
        if self.says_much:  # or zmq drops what is behind the first thousand
            sockets["iopub"].sndhwm = 0
        for name, socket in sockets.items():
            socket.bind(f"{info['transport']}://{info['ip']}:{info[f'{name}_port']}")
        self.shell, self.control = sockets["shell"], sockets["control"]
        self.stdin, self.iopub = sockets["stdin"], sockets["iopub"]

    # Serving

    def serve(self) -> None:
        while self.serving:
            self.take_one(None)
        self.context.destroy(linger=200)

    def take_one(self, timeout: int | None, *sockets: zmq.Socket) -> bool:
        """Handle what came on the sockets (shell and control), within so many milliseconds."""
        poller = zmq.Poller()
        for socket in sockets or (self.shell, self.control):
            poller.register(socket, zmq.POLLIN)
        ready = poller.poll(timeout)
        for socket, _ in ready:
            request = self.receive(socket)
            getattr(self, request.header["msg_type"], self.unknown)(request)
        return bool(ready)

    def receive(self, socket: zmq.Socket) -> Request:
        frames = socket.recv_multipart()
        at = frames.index(DELIMITER)
        header, _, _, content = (json.loads(frame) for frame in frames[at + 2 : at + 6])
        return Request(socket, frames[:at], header, content)

    # Saying

    def send(
        self,
        socket: zmq.Socket,
        msg_type: str,
        content: dict[str, Any],
        parent: dict[str, Any],
        identities: Sequence[bytes] = (),
        metadata: dict[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        header = {
            "msg_id": uuid.uuid4().hex,
            "session": self.session,
            "username": "bare",
            "date": datetime.now(UTC).isoformat(),
            "msg_type": msg_type,
            "version": "5.3",
        }
        parts = [json.dumps(part).encode() for part in (header, parent, metadata or {}, content)]
        socket.send_multipart([*identities, DELIMITER, self.sign(parts), *parts, *buffers])

    def sign(self, parts: Sequence[bytes]) -> bytes:
        return hmac.new(self.key, b"".join(parts), hashlib.sha256).hexdigest().encode()

    def say(self, request: Request, msg_type: str, content: dict[str, Any], **more: Any) -> None:
        """Publish something on iopub, caused by a request."""
        self.send(self.iopub, msg_type, content, request.header, **more)

    def print(self, request: Request, text: str) -> None:
        self.say(request, "stream", {"name": "stdout", "text": text})

    def status(self, request: Request, state: str) -> None:
        self.say(request, "status", {"execution_state": state})

    def reply(self, request: Request, content: dict[str, Any]) -> None:
        kind = request.header["msg_type"].replace("_request", "_reply")
        content = {"status": "ok", **content}
        self.send(request.socket, kind, content, request.header, request.identities)

    # What can be asked

    def kernel_info_request(self, request: Request) -> None:
        language = {"name": self.language, "file_extension": f".{self.language}", "version": "1"}
        self.status(request, "busy")
        self.reply(
            request,
            {
                "protocol_version": "5.3",
                "implementation": "bare",
                "implementation_version": "1",
                "language_info": language,
                "banner": "",
            },
        )
        self.status(request, "idle")

    def execute_request(self, request: Request) -> None:
        self.count += 1
        self.status(request, "busy")
        code = request.content["code"]
        self.say(request, "execute_input", {"code": code, "execution_count": self.count})
        content = self.execute(code, request) or {}
        self.finish(request, {"execution_count": self.count, "user_expressions": {}, **content})

    def execute(self, code: str, request: Request) -> dict[str, Any] | None:
        """Do what a cell says, and return more of its reply."""
        self.print(request, code)
        return None

    def finish(self, request: Request, content: dict[str, Any]) -> None:
        self.reply(request, content)
        self.status(request, "idle")

    def shutdown_request(self, request: Request) -> None:
        self.reply(request, {"restart": request.content["restart"]})
        self.serving = False

    def unknown(self, request: Request) -> None:
        """Say nothing: Jupyter kernels ignore what they do not know."""


if __name__ == "__main__":
    Bare().serve()
