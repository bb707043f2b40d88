"""Holds the ports of a kernel that starts, so that nobody else is given them meanwhile.

jupyter_client asks the system for free ports and lets go of them; the kernel binds them when it has
been started, half a second later. In between the system gives them to whoever asks: with four
programs that start kernels all the time, one start in two hundred found a port taken.

Linux lets two sockets have a port when both say SO_REUSEADDR and none listens yet, which is what
servers do, libzmq among them. So a port that is bound here, and not listened on, is nobody's but
the kernel's.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from typing import Any

IS_POSSIBLE = sys.platform == "linux"  # elsewhere the kernel could not bind it either


class Held:
    """Ports that are held, until they are let go.

    Args:
        ip: the address that the kernel is going to bind.
        ports: of the kernel. What somebody has already is left out: the kernel will say so.

    Attributes:
        are_all: whether nobody else has one of them.
    """

    def __init__(self, ip: str, ports: Iterable[int]) -> None:
        self.are_all = True
        self._sockets: list[socket.socket] = []
        for port in ports if IS_POSSIBLE else ():
            holder = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
            self._sockets.append(holder)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind((ip, port))
            except OSError:
                self.are_all = False

    @classmethod
    def of(cls, manager: Any) -> Held:
        """Hold the ports of a kernel that jupyter_client starts on this machine.

        Args:
            manager: its manager, once it has chosen them.
        """
        return cls(manager.ip, manager.ports if manager.transport == "tcp" else ())

    def let_go(self) -> None:
        """Hold them no longer: the kernel has them, or has ended."""
        while self._sockets:
            self._sockets.pop().close()
