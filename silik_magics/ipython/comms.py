"""Comms between a sub-kernel and the front-end of the host: widgets work in both directions.

A comm that a sub-kernel opens must be known to the host's comm manager, or the front-end's
messages for it are refused. So each has a stand-in there that passes on what comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import comm

from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import Message

logger = logging.getLogger(__name__)

Forward = Callable[[Kernel, dict[str, Any]], None]


class Comms:
    """The stand-ins in the host's comm manager.

    Args:
        forward: sends a message of the front-end to a sub-kernel, and waits for what it causes.
    """

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._open: dict[str, dict[str, Any]] = {}

    def seen(self, message: Message, kernel: Kernel) -> None:
        """Take note of a comm message that is about to be relayed to the front-end."""
        comm_id = message.content.get("comm_id", "")
        if message.msg_type == "comm_open":
            self._stand_in(kernel, comm_id, str(message.content.get("target_name", "")))
        elif message.msg_type == "comm_close":
            self._drop(kernel, comm_id)

    def close(self, kernel: Kernel) -> None:
        """Close every comm of a kernel that is gone, and tell the front-end."""
        for stand_in in self._open.pop(kernel.id, {}).values():
            stand_in.close()

    def _stand_in(self, kernel: Kernel, comm_id: str, target_name: str) -> None:
        if kernel.id not in self._open:
            self._open[kernel.id] = {}
            kernel.on_change.append(self._changed)
        made = comm.create_comm(comm_id=comm_id, target_name=target_name, primary=False)
        made.on_msg(lambda message: self._forward(kernel, message))
        made.on_close(lambda message: self._closed_by_front_end(kernel, comm_id, message))
        comm.get_comm_manager().register_comm(made)
        self._open[kernel.id][comm_id] = made

    def _changed(self, kernel: Kernel) -> None:
        if kernel.state in ("dead", "starting"):
            kernel.on_change.remove(self._changed)
            self.close(kernel)

    def _drop(self, kernel: Kernel, comm_id: str) -> None:
        stand_in = self._open.get(kernel.id, {}).pop(comm_id, None)
        if stand_in is not None:
            stand_in._closed = True  # the sub-kernel's own comm_close is on its way
            comm.get_comm_manager().unregister_comm(stand_in)

    def _closed_by_front_end(self, kernel: Kernel, comm_id: str, message: dict[str, Any]) -> None:
        self._open.get(kernel.id, {}).pop(comm_id, None)
        self._forward(kernel, message)
