"""A queue of outputs that keeps little of them in memory: what is more goes to a temporary file."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import IO, Any, Generic, TypeVar

from silik_magics.display.answers import Answer
from silik_magics.kernels.messages import Message

T = TypeVar("T", bound=Message | Answer)

MEMORY = 2**22  # bytes of each queue that stay in memory


class Spool(Generic[T]):
    """First in, first out.

    The file has no name, so it is gone with this process, and nobody else can read it.

    Args:
        memory: bytes that stay in memory.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._first: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._file: Any = None
        self._written = self._read = 0  # positions in the file
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, item: T) -> None:
        """Add an output."""
        self._count += 1
        size = size_of(item)
        if self._file is None and self._bytes + size <= self._memory:
            self._first.append((item, size))
            self._bytes += size
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="silik-")  # noqa: SIM115 - closed when read
        self._file.seek(self._written)
        _write(item, self._file)
        self._written = self._file.tell()

    def pop(self) -> T:
        """Take the oldest output; IndexError when there is none."""
        if not self._count:
            raise IndexError("the spool is empty")
        self._count -= 1
        if self._first:
            item, size = self._first.popleft()
            self._bytes -= size
            return item
        self._file.seek(self._read)
        item: Any = _read(self._file)
        self._read = self._file.tell()
        if not self._count:
            self.close()
        return item

    def drain(self) -> Iterator[T]:
        """Take all outputs, oldest first."""
        while self._count:
            yield self.pop()

    def close(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._written = self._read = self._bytes = self._count = 0
        self._first.clear()


def size_of(item: object) -> int:
    """Return how many bytes an output takes, about."""
    if not isinstance(item, Message):
        return 1000
    return 1000 + len(item.packed) + sum(memoryview(buffer).nbytes for buffer in item.buffers)


def _write(item: Message | Answer, file: IO[bytes]) -> None:
    """Write an output: a line of JSON, and what must stay as it is behind it."""
    if isinstance(item, Answer):
        head: list[Any] = [item.text, item.markup]
        parts: list[Any] = []
    else:
        head = [item.channel, item.header, item.parent_header, item.metadata]
        parts = [memoryview(part).cast("B") for part in (item.packed, *item.buffers)]
    head.append([len(part) for part in parts])
    file.write(json.dumps(head, default=str).encode() + b"\n")  # a date is text when it is sent
    for part in parts:
        file.write(part)


def _read(file: IO[bytes]) -> Message | Answer:
    *head, lengths = json.loads(file.readline())
    if not lengths:
        text, markup = head
        return Answer(text, markup)
    channel, header, parent_header, metadata = head
    packed, *buffers = [file.read(length) for length in lengths]
    return Message(channel, header, parent_header, metadata, packed, buffers)
