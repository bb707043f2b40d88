"""When a jupyter_client client may begin: as soon as its kernel answers, and all of it reaches us.

jupyter_client looks for the same but for questions to the user, and then waits until there was
silence for a fifth of a second.

Its asynchronous channels lose a reply that comes just before something else is sent: the sending
takes zmq's only signal that there is something to read, and nobody looks again. nbclient tells
Output widgets what they took while it waits for the reply of their cell, and waited for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty
from typing import Any

import zmq
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_core.utils import ensure_async

TRY_SECONDS = 1.0  # until a kernel that is silent is asked again; jupyter_client's too
IDLE_SECONDS = 0.1  # and one that replied, but whose outputs are not heard yet
DIED = "Kernel died before replying to kernel_info"  # its words, which are known to people
PROTOCOL = "5."


async def connect(client: Any, seconds: float, *, allow_stdin: bool = False) -> None:
    """Open the channels of a client, and wait until its kernel is ready.

    The end of a question on iopub proves that the subscription is there: nothing is lost then.

    Args:
        client: of the kernel.
        seconds: how long it may take.
        allow_stdin: whether the kernel may ask the user.

    Raises:
        RuntimeError: it died before, or did not answer in time.
    """
    if client.shell_channel_class is AsyncZMQSocketChannel:
        client.shell_channel_class = _ShellChannel
    stdin = _stdin_socket(client) if allow_stdin else None
    await ensure_async(client.start_channels())
    client.allow_stdin = allow_stdin
    deadline = time.monotonic() + seconds
    await _answers(client, deadline, seconds)
    while stdin is not None and not await ensure_async(stdin.poll(TRY_SECONDS * 1000, zmq.POLLOUT)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Kernel didn't listen on its stdin channel in {seconds:g} seconds")


class _ShellChannel(AsyncZMQSocketChannel):
    """Loses no reply that somebody waits for while something else is sent."""

    def send(self, msg: dict[str, Any]) -> None:
        super().send(msg)
        self.socket.get(zmq.EVENTS)  # pyzmq wakes who waits, if there is something to read


def _stdin_socket(client: Any) -> Any:
    """Open a client's stdin channel so that its socket is writable only when it is connected.

    The kernel speaks first there: what it asks before that is dropped.
    """
    client.context.immediate = True  # a default for the sockets to come
    try:
        return client.stdin_channel.socket
    finally:
        del client.context.immediate


async def _answers(client: Any, deadline: float, seconds: float) -> None:
    asked: set[str] = set()
    while True:
        asked.add(client.kernel_info())
        reply = await _first(client.shell_channel, asked, _is_info, TRY_SECONDS)
        if reply and await _first(client.iopub_channel, asked, _is_idle, IDLE_SECONDS):
            break
        if not await ensure_async(client.is_alive()):
            raise RuntimeError(DIED)
        if time.monotonic() > deadline:
            raise RuntimeError(f"Kernel didn't respond in {seconds:g} seconds")
    if not str(reply["content"].get("protocol_version")).startswith(PROTOCOL):
        await ensure_async(client.wait_for_ready(timeout=seconds))  # it knows how to talk to it


def _is_info(message: dict[str, Any]) -> bool:
    return message["msg_type"] == "kernel_info_reply"


def _is_idle(message: dict[str, Any]) -> bool:
    return message["content"].get("execution_state") == "idle"


async def _first(
    channel: Any, asked: set[str], fits: Callable[[dict[str, Any]], bool], seconds: float
) -> dict[str, Any] | None:
    """Return the first message on a channel that answers us and fits; None if none comes."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            message = await ensure_async(channel.get_msg(timeout=left))
        except Empty:
            break
        if message["parent_header"].get("msg_id") in asked and fits(message):
            return message
    return None
