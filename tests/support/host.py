"""A real ipykernel, driven by a client that plays the front-end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

HIDDEN = ("status", "execute_input")


@dataclass
class Cell:
    """What a front-end saw of one cell."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]]
    others: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def status(self) -> str:
        return self.reply["status"]

    @property
    def types(self) -> list[str]:
        return [message["msg_type"] for message in self.messages]

    def stream(self, name: str = "stdout") -> str:
        contents = (m["content"] for m in self.messages if m["msg_type"] == "stream")
        return "".join(content["text"] for content in contents if content["name"] == name)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] == "error"]

    @property
    def plain(self) -> list[str]:
        """The text/plain of everything displayed or returned, in order."""
        bundles = [m["content"].get("data", {}) for m in self.messages]
        return [bundle["text/plain"] for bundle in bundles if "text/plain" in bundle]


class Host:
    """A kernel and its one client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(
        self, code: str, *, answers: list[str] | None = None, timeout: float = 60, **options: Any
    ) -> Cell:
        """Execute a cell and return all it caused, when it is idle and replied to."""
        started = time.monotonic()
        msg_id = self.client.execute(code, allow_stdin=answers is not None, **options)
        return self.finish(msg_id, answers=answers, timeout=timeout, started=started)

    def finish(
        self,
        msg_id: str,
        *,
        answers: list[str] | None = None,
        timeout: float = 60,
        started: float | None = None,
    ) -> Cell:
        """Wait for a cell that was sent before."""
        started = time.monotonic() if started is None else started
        pending = list(answers or ())
        messages: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        while True:
            if time.monotonic() - started > timeout:
                raise TimeoutError(f"no idle within {timeout} s; so far: {messages}")
            if pending:
                self._answer(pending)
            try:
                message = self.client.get_iopub_msg(timeout=0.05 if pending else 1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != msg_id:
                others.append(message)
            elif message["msg_type"] not in HIDDEN:
                messages.append(message)
            elif message["content"].get("execution_state") == "idle":
                break
        reply = self.reply(msg_id, timeout)
        return Cell(reply, messages, others, time.monotonic() - started)

    def reply(self, msg_id: str, timeout: float = 10) -> dict[str, Any]:
        """Return the content of the reply to a request."""
        while True:
            message = self.client.get_shell_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") == msg_id:
                return message["content"]

    def complete(self, code: str, cursor: int | None = None) -> dict[str, Any]:
        """Return the content of a complete_reply."""
        return self.reply(self.client.complete(code, cursor))

    def inspect(self, code: str, cursor: int | None = None) -> dict[str, Any]:
        """Return the content of an inspect_reply."""
        return self.reply(self.client.inspect(code, cursor))

    def _answer(self, pending: list[str]) -> None:
        try:
            self.client.get_stdin_msg(timeout=0.05)
        except Empty:
            return
        self.client.input(pending.pop(0))


@contextmanager
def host(spec: str = "python3") -> Iterator[Host]:
    """Start a kernel, ready, and end it."""
    manager = KernelManager(kernel_name=spec)
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    try:
        yield Host(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.context.destroy(linger=0)
