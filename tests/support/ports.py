"""Ports for the kernels that are started in this process, by whatever starts them.

jupyter_client takes free ports from the system and lets go of them until the kernel binds them:
meanwhile the system gives them to others. The ports here are outside of what it gives.
"""

from __future__ import annotations

import os
import socket
from itertools import cycle
from typing import Any

from jupyter_client.connect import LocalPortCache

FIRST = 12_000  # the system gives those from 32,768 on, or higher ones
COUNT = 4_000  # for each process of the tests
PROCESSES = 5


class QuietPorts(LocalPortCache):
    """Gives ports that nobody else is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        first = FIRST + worker % PROCESSES * COUNT
        self._ports = cycle(range(first, first + COUNT))

    def find_available_port(self, ip: str) -> int:
        """Return a port that is free."""
        for port in self._ports:
            if port not in self.currently_used_ports and is_free(ip, port):
                self.currently_used_ports.add(port)
                return port
        raise AssertionError


def is_free(ip: str, port: int) -> bool:
    """Say whether somebody who asks for a port gets it."""
    with socket.socket() as asking:
        try:
            asking.bind((ip, port))
        except OSError:
            return False
    return True
