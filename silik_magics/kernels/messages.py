"""What a kernel said: a message with its content still packed; no I/O.

A relay must not decode what it only passes on (a 10 MB string, 200 images), so the content of a
message stays the bytes that came over the wire until somebody asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

OUTPUT_TYPES = frozenset(
    {
        "stream",
        "display_data",
        "update_display_data",
        "clear_output",
        "execute_result",
        "error",
    }
)
COMM_TYPES = frozenset({"comm_open", "comm_msg", "comm_close"})

# They tell how the request itself goes on. A host says the same of its own cell, and a forwarded
# `idle` would end that cell, so they are never shown.
PROGRESS_TYPES = frozenset({"status", "execute_input", "iopub_welcome", "debug_event"})


@dataclass(frozen=True)
class Message:
    """One message of the Jupyter protocol, as a kernel sent it.

    Args:
        channel: `shell`, `iopub`, `stdin` or `control`.
        header: with `msg_id` and `msg_type`.
        parent_header: the header of the request that caused it; may be empty.
        metadata: as sent.
        packed: the content as JSON bytes.
        buffers: the raw buffers behind the message, as sent.
    """

    channel: str
    header: dict[str, Any]
    parent_header: dict[str, Any]
    metadata: dict[str, Any]
    packed: bytes
    buffers: Sequence[Any] = ()

    @property
    def msg_type(self) -> str:
        """The type of the message, such as `stream`."""
        return self.header["msg_type"]

    @property
    def parent_id(self) -> str:
        """The id of the request that caused the message; empty when it names none."""
        return self.parent_header.get("msg_id", "")

    @cached_property
    def content(self) -> dict[str, Any]:
        """The content, decoded when first asked for."""
        return json.loads(self.packed)

    @property
    def is_shown(self) -> bool:
        """Whether it is something to show, known type or not, and no progress of the request."""
        return self.msg_type not in PROGRESS_TYPES
