"""A real ipykernel, driven by a client that plays the front-end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.session import Session
from jupyter_core.paths import jupyter_runtime_dir

HIDDEN = ("status", "execute_input")
START_TRIES = 3


@dataclass
class Cell:
    """What a front-end saw of one cell."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]]
    others: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    questions: list[dict[str, Any]] = field(default_factory=list)

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


class Request:
    """Something that was sent to a kernel; collects what it causes."""

    def __init__(self, client: BlockingKernelClient, msg_id: str) -> None:
        self.msg_id = msg_id
        self.messages: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        self.started = time.monotonic()
        self._client = client
        self._idle = False

    def until_seen(self, text: str, timeout: float = 20) -> None:
        """Wait until a message whose content holds `text` has come, before the cell ends."""
        self._collect(lambda: text in str([m["content"] for m in self.messages]), timeout)

    def until_asked(self, timeout: float = 20) -> dict[str, Any]:
        """Wait until the user is asked, and return the question's content."""
        count = len(self.questions)
        self._collect(lambda: len(self.questions) > count, timeout)
        return self.questions[-1]

    def end(self, answers: Sequence[str] = (), timeout: float = 60) -> Cell:
        """Wait until the kernel is idle and has replied; the user gives these answers."""
        for answer in answers:
            self.until_asked(timeout)
            self._client.input(answer)
        self._collect(lambda: self._idle, timeout)
        seconds = time.monotonic() - self.started
        reply = reply_to(self._client, self.msg_id, timeout)
        return Cell(reply, self.messages, self.others, seconds, self.questions)

    def until_idle(self, timeout: float = 20) -> list[dict[str, Any]]:
        """Wait until the kernel is idle, for what has no reply; return the messages."""
        self._collect(lambda: self._idle, timeout)
        return self.messages

    def _collect(self, done: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            if self._idle:
                raise AssertionError(f"it ended before that: {self.messages[-3:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing within {timeout} s; so far: {self.messages[-3:]}")
            try:
                self._take(self._client.get_iopub_msg(timeout=0.02))
            except Empty:
                self._take_question()

    def _take(self, message: dict[str, Any]) -> None:
        if message["parent_header"].get("msg_id") != self.msg_id:
            self.others.append(message)
        elif message["msg_type"] not in HIDDEN:
            self.messages.append(message)
        elif message["content"].get("execution_state") == "idle":
            self._idle = True

    def _take_question(self) -> None:
        if self._client.stdin_channel.msg_ready():
            self.questions.append(self._client.get_stdin_msg(timeout=1)["content"])


def below(pid: int) -> list[psutil.Process]:
    """Return all processes below one, but the guardians, which end by themselves."""
    return [one for one in psutil.Process(pid).children(recursive=True) if not is_guardian(one)]


def is_guardian(process: psutil.Process) -> bool:
    """Say whether a process ends kernels when their host is gone."""
    try:
        return any(word.endswith("guardian.py") for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def kernel_logs() -> str:
    """Return what the sub-kernels of all hosts have written to their own stdout and stderr."""
    logs = Path(jupyter_runtime_dir()).glob("silik-*.log")
    return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1000:]}" for log in logs)


def reply_to(client: BlockingKernelClient, msg_id: str, timeout: float = 10) -> dict[str, Any]:
    """Return the content of the reply to a request."""
    while True:
        message = client.get_shell_msg(timeout=timeout)
        if message["parent_header"].get("msg_id") == msg_id:
            return message["content"]


class Host:
    """A kernel and its one client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def begin(self, code: str, *, ask: bool = False, **options: Any) -> Request:
        """Send a cell; `ask` says whether the front-end can ask the user."""
        return Request(self.client, self.client.execute(code, allow_stdin=ask, **options))

    def begin_named(self, code: str) -> Request:
        """Send a cell as a notebook does: it names the cell, and can ask the user."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": "a1"})
        self.client.shell_channel.send(message)
        return Request(self.client, message["header"]["msg_id"])

    def run(
        self, code: str, *, answers: list[str] | None = None, timeout: float = 60, **options: Any
    ) -> Cell:
        """Execute a cell and return all it caused, when it is idle and replied to."""
        request = self.begin(code, ask=answers is not None, **options)
        try:
            return request.end(answers or (), timeout)
        except TimeoutError as error:
            error.add_note(f"{self.processes()}\n{kernel_logs()}")
            raise

    def ok(self, code: str, **options: Any) -> Cell:
        """Execute a cell that must succeed."""
        cell = self.run(code, **options)
        assert cell.status == "ok", cell.errors
        return cell

    def value(self, expression: str) -> str:
        """Return the repr of a Python expression in the host."""
        reply = self.ok("", user_expressions={"value": expression}).reply
        return reply["user_expressions"]["value"]["data"]["text/plain"]

    def interrupt(self) -> None:
        """Press the stop button."""
        self.manager.interrupt_kernel()

    def comm(
        self,
        msg_type: str,
        content: dict[str, Any],
        buffers: Sequence[bytes] = (),
        **header: Any,
    ) -> Request:
        """Send a comm message as the front-end does; its header may name a subshell."""
        channel = self.client.shell_channel
        message = self.client.session.msg(msg_type, content)
        message["header"].update(header)
        self.client.session.send(channel.socket, message, buffers=list(buffers))
        return Request(self.client, message["header"]["msg_id"])

    def control(self, msg_type: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request on the control channel and return the content of its reply."""
        message = self.client.session.msg(msg_type, content or {})
        self.client.control_channel.send(message)
        while True:
            reply = self.client.get_control_msg(timeout=10)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return reply["content"]

    def kernel_info(self) -> dict[str, Any]:
        """Return what the host says of itself."""
        return self.reply(self.client.kernel_info())

    def comms(self) -> dict[str, Any]:
        """Return the comms that the host knows of."""
        return self.reply(self.client.comm_info())["comms"]

    def pids(self) -> list[int]:
        """Return the pids of all processes below the host, but its guardian."""
        return [process.pid for process in below(self.manager.provisioner.pid)]  # type: ignore[union-attr]

    def processes(self) -> str:
        """Return a line for each process below the host: what it is, and what it does."""
        lines = []
        for pid in self.pids():
            with suppress(psutil.NoSuchProcess):
                one = psutil.Process(pid)
                threads, cpu = one.num_threads(), sum(one.cpu_times()[:2])
                lines.append(f"{pid} {one.status()} {threads} threads {cpu} s {one.cmdline()}")
        return "\n".join(lines)

    def reply(self, msg_id: str, timeout: float = 10) -> dict[str, Any]:
        """Return the content of the reply to a request."""
        return reply_to(self.client, msg_id, timeout)

    def complete(self, code: str, cursor: int | None = None) -> dict[str, Any]:
        """Return the content of a complete_reply."""
        return self.reply(self.client.complete(code, cursor))

    def inspect(self, code: str, cursor: int | None = None) -> dict[str, Any]:
        """Return the content of an inspect_reply."""
        return self.reply(self.client.inspect(code, cursor))


@contextmanager
def host(spec: str = "python3", **options: Any) -> Iterator[Host]:
    """Start a kernel, ready, and end it.

    Args:
        spec: its kernelspec.
        options: of `start_kernel`, such as `extra_arguments` and `env`.
    """
    manager, client = _started(spec, options)
    try:
        yield Host(manager, client)
    finally:
        client.stop_channels()
        if manager.has_kernel:  # else the test has ended it
            manager.shutdown_kernel()
        manager.context.destroy(linger=0)


def _started(spec: str, options: dict[str, Any]) -> tuple[KernelManager, BlockingKernelClient]:
    """Start a kernel; again, when another process of the tests was faster to bind its ports.

    jupyter_client chooses them before the kernel binds them.
    """
    for left in reversed(range(START_TRIES)):
        manager = KernelManager(kernel_name=spec)
        manager.start_kernel(**options)
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60 if not left else 20)
        except RuntimeError:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.context.destroy(linger=0)
            if not left:
                raise
        else:
            return manager, client
    raise AssertionError


@contextmanager
def another_client(notebook: Host, path: str) -> Iterator[BlockingKernelClient]:
    """Connect a client of its own to a sub-kernel, by what `info` says."""
    client = BlockingKernelClient(connection_file=notebook.ok(f"%silik info {path}").plain[0])
    client.load_connection_file()
    client.session = Session(key=client.session.key)  # ids of its own
    client.start_channels()
    client.wait_for_ready(timeout=20)
    try:
        yield client
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)
