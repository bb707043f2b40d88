"""What is on its way to the front-ends of a kernel, and not read yet.

Until then it is kept in memory: by the iopub thread, by zmq, and by the system in the send buffer
of a connection. Nobody tells of what is in zmq's hands; but the system tells how many bytes a
front-end has taken in all, and we know how many we sent.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any

import psutil

CACHE_SECONDS = 0.5  # for which the connections of the socket are remembered
QUIET_SECONDS = 1.0  # without progress and with nothing to send: nothing is on its way
BYTES_ACKED = 120  # where it is in the struct tcp_info of linux/tcp.h, with 64 bits


class Backlog:
    """The way to the front-ends of a kernel: sends, and tells what they have not read.

    Args:
        thread: the kernel's iopub thread.
        port: its iopub port.

    Attributes:
        is_sent: whether what was given before the last mark has left the iopub thread.
    """

    def __init__(self, thread: Any, port: int) -> None:
        self._thread = thread
        self._port = port
        self.is_sent = True
        self._sent = 0
        self._readers: dict[int, _Reader] = {}
        self._looked = 0.0

    def send_multipart(self, frames: Sequence[Any], *args: Any, **named: Any) -> None:
        """Send a message, from any thread, as by the iopub socket itself."""
        self._sent += sum(_wire_size(frame) for frame in frames)
        self._thread.send_multipart(frames, *args, **named)

    def mark(self) -> None:
        """Begin to wait until what was given so far has left the iopub thread."""
        self.is_sent = False
        self._thread.schedule(self._mark_sent)

    def _mark_sent(self) -> None:
        self.is_sent = True

    def measure(self) -> int:
        """Return how many bytes the slowest front-end has not taken; 0 where that is not known."""
        if time.monotonic() - self._looked > CACHE_SECONDS:
            self._looked = time.monotonic()
            known, self._readers = self._readers, {}
            for descriptor in self._connections():
                self._readers[descriptor] = known.get(descriptor) or _Reader(descriptor)
        return max((reader.look(self._sent) for reader in self._readers.values()), default=0)

    def _connections(self) -> list[int]:
        try:
            found = psutil.Process().net_connections("tcp")
        except (psutil.Error, OSError):  # the system does not tell
            return []
        ours = [one for one in found if one.laddr and one.laddr.port == self._port]
        return [one.fd for one in ours if one.status == psutil.CONN_ESTABLISHED and one.fd >= 0]


class _Reader:
    """A connection to a front-end: what was sent on it, and how much of that was taken."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._sent = self._left = 0
        self._taken: int | None = None
        self._moved = 0.0

    def look(self, sent: int) -> int:
        """Return how many bytes the front-end has not taken.

        Args:
            sent: bytes that were sent to all front-ends until now.
        """
        buffered, taken = _buffered(self._descriptor), _taken(self._descriptor)
        left = buffered
        if taken is not None and self._taken is not None and taken >= self._taken:
            left = max(left, self._left + (sent - self._sent) - (taken - self._taken))
        if buffered or (sent, taken) != (self._sent, self._taken):
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > QUIET_SECONDS:
            left = 0  # it does not subscribe to all that was sent
        self._sent, self._taken, self._left = sent, taken, left
        return left


def _buffered(descriptor: int) -> int:
    """Return how many bytes wait in the send buffer of a TCP connection (Linux: tcp(7))."""
    try:
        import fcntl
        import termios
    except ImportError:  # Windows
        return 0
    try:
        packed = fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:  # it was closed, or the system can not tell
        return 0
    return struct.unpack("i", packed)[0]


def _taken(descriptor: int) -> int | None:
    """Return how many bytes the other end of a TCP connection has taken in all, if it is known."""
    if sys.platform != "linux":
        return None
    size = BYTES_ACKED + 8
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):  # it was closed, and used again
            return None
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
    except OSError:  # it was closed
        return None
    # None has taken nothing: the handshake of zmq comes first.
    return (len(info) == size and struct.unpack_from("Q", info, BYTES_ACKED)[0]) or None


def _wire_size(frame: Any) -> int:
    """Return how many bytes a frame takes where it is sent (ZMTP 3.1, 3.2)."""
    size = memoryview(frame).nbytes
    return size + (2 if size < 256 else 9)
