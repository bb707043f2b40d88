"""Runs code through the bare connection of a handle, and compares what kernels said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import Message

T = TypeVar("T")


class Said(NamedTuple):
    """What of a message must be the same, whoever listens."""

    msg_type: str
    content: dict[str, Any]
    metadata: dict[str, Any]
    buffers: list[bytes]


def live(handle: KernelHandle) -> Kernel:
    """Return the kernel behind a handle."""
    return handle._handle._kernel


def connection_run(
    silik: Silik,
    handle: KernelHandle,
    code: str,
    on_output: Callable[[Message], None] = lambda _: None,
    flags: Flags | None = None,
) -> tuple[Message, list[Message]]:
    """Execute through the handle's Connection; return the reply and a list of what was shown.

    The list still grows when late outputs come. `on_output` is called in the loop.
    """
    shown: list[Message] = []

    def keep(message: Message) -> None:
        on_output(message)
        if message.is_shown:
            shown.append(message)

    async def no_answer(_: Message) -> None:
        return None

    async def run() -> Message:
        return await live(handle).connection.execute(code, keep, no_answer, flags)

    return silik._portal.call(run), shown


def said(messages: Iterable[Message | dict[str, Any]]) -> list[Said]:
    """Return what messages of ours or of jupyter_client say; stream chunks are joined.

    Where a stream is cut into messages is a matter of a kernel's timer, not of its client.
    """
    found: list[Said] = []
    for message in messages:
        one = _said(message)
        last = found[-1] if found else None
        if (
            one.msg_type == "stream"
            and last is not None
            and (last.msg_type, last.content.get("name")) == ("stream", one.content["name"])
        ):
            last.content["text"] += one.content["text"]
        else:
            found.append(one)
    return found


def _said(message: Message | dict[str, Any]) -> Said:
    if isinstance(message, Message):
        parts = (message.msg_type, message.content, message.metadata, message.buffers)
    else:
        parts = tuple(message[key] for key in ("msg_type", "content", "metadata", "buffers"))
    msg_type, content, metadata, buffers = parts
    return Said(msg_type, dict(content), dict(metadata), [bytes(buffer) for buffer in buffers])


def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
    """Call a function in a daemon thread, so that a test that hangs can still end."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future


def wait_until(condition: Callable[[], object], seconds: float = 5.0) -> float:
    """Wait until something is true and return how long that took; fail when it never is."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not true within {seconds} s"
        time.sleep(0.002)
    return time.monotonic() - started


def run_until_busy(handle: KernelHandle, code: str, **options: Any) -> Future[Any]:
    """Begin to run code in a thread; return when the kernel has begun with it."""
    future = in_thread(handle.run, code, **options)
    wait_until(lambda: live(handle).connection.state == "busy" or future.done())
    time.sleep(0.3)  # from `busy` to the first line of the code
    return future
