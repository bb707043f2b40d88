"""What a template says about one kernel: its process id, and later its exit status.

Its host holds this end alone: when it closes, the kernel ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any


class Closed(Exception):  # noqa: N818 - a kernel's end is no error
    """Nobody holds the other end any more: the template and the kernel have ended."""


class Channel:
    """The host's end of a kernel's channel."""

    def __init__(self) -> None:
        self._socket, self.far_end = socket.socketpair()
        self._socket.setblocking(False)
        self._data = b""

    def write(self, data: bytes) -> bool:
        """Write a request, before the far end is given away; False if it is too large."""
        try:
            return self._socket.send(data) == len(data)
        except BlockingIOError:
            return False

    async def answer(self, seconds: float) -> dict[str, Any]:
        """Wait for the template's answer.

        Raises:
            Closed: the template has ended.
            TimeoutError: it did not answer in time.
        """
        loop = asyncio.get_running_loop()
        while b"\n" not in self._data:
            data = await asyncio.wait_for(loop.sock_recv(self._socket, 4096), seconds)
            if not data:
                raise Closed
            self._data += data
        return self._line()

    def said(self) -> dict[str, Any] | None:
        """Return what was said next; None while nothing was.

        Raises:
            Closed: and nothing will be.
        """
        if b"\n" not in self._data:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                return None
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed
            self._data += data
        return self._line()

    def close(self) -> None:
        """Close it; the kernel ends, if it has not yet."""
        self._socket.close()
        self.far_end.close()

    def _line(self) -> dict[str, Any]:
        line, _, self._data = self._data.partition(b"\n")
        return json.loads(line)
