"""What a kernel said: a message with its content still packed; no I/O.

A relay must not decode what it only passes on (a 10 MB string, 200 images), so the content of a
message stays the bytes that came over the wire until somebody asks for it. Kernels send anything:
what is asked for here has the fields and types that the protocol promises, whatever was sent, and
what is passed on is what was sent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from silik_magics.errors import well_formed

logger = logging.getLogger(__name__)

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

LOOKED_THROUGH = 50_000  # bytes: an image or a long text is not decoded to see what it is

# What a message has, and the value where a kernel left it out or sent something else.
_BUNDLE: dict[str, Any] = {"data": {}, "metadata": {}}
_REQUIRED: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout", "text": ""},
    "display_data": _BUNDLE,
    "update_display_data": _BUNDLE,
    "execute_result": _BUNDLE,
    "error": {"ename": "", "evalue": "", "traceback": []},
    "status": {"execution_state": ""},
    "input_request": {"prompt": ""},
    "comm_open": {"comm_id": "", "target_name": ""},
    "comm_msg": {"comm_id": ""},
    "comm_close": {"comm_id": ""},
}
# What a message may have, and only so; left out where a kernel sent something else.
_TYPES: dict[str, type | tuple[type, ...]] = {
    "transient": dict,
    "execution_count": (int, type(None)),
    "status": str,
    "ename": str,
    "evalue": str,
    "traceback": list,
    "language_info": dict,
    "supported_features": list,
    "matches": list,
    "metadata": dict,
    "data": dict,
    "cursor_start": int,
    "cursor_end": int,
    "history": list,
    "subshell_id": str,
}


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
        """The content, decoded when first asked for; empty when nobody can read it."""
        try:
            found = self._decoded()
        except (ValueError, RecursionError) as error:  # ValueError: or a number of 5,000 digits
            logger.warning("the content of a %s can not be read: %s", self.msg_type, error)
            found = {}
        return _shaped(self.msg_type, found if isinstance(found, dict) else {})

    @property
    def is_sound(self) -> bool:
        """Whether its content is JSON, as far as that is known in a moment.

        What is JSON, but more than Python reads (a number of 5,000 digits), is sound.
        """
        if len(self.packed) > LOOKED_THROUGH or "content" in self.__dict__:
            return True
        try:
            found = self._decoded()
        except (json.JSONDecodeError, UnicodeDecodeError):
            return False
        except (ValueError, RecursionError):
            return True
        self.__dict__["content"] = _shaped(self.msg_type, found)  # as cached_property keeps it
        return True

    def _decoded(self) -> Any:
        found = json.loads(self.packed)
        if may_hold_surrogates(self.packed):  # they could be neither printed nor sent on
            found = json.loads(well_formed(json.dumps(found, ensure_ascii=False)))
        return found

    @property
    def is_idle(self) -> bool:
        """Whether the kernel says that a request is over."""
        return self.msg_type == "status" and self.content["execution_state"] == "idle"

    @property
    def is_shown(self) -> bool:
        """Whether it is something to show, known type or not, and no progress of the request."""
        return self.msg_type not in PROGRESS_TYPES


def may_hold_surrogates(packed: bytes) -> bool:
    """Say whether JSON may hold half of a surrogate pair; colours are escaped far more often."""
    return b"\\ud" in packed or b"\\uD" in packed


def _shaped(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a kernel's message with the fields and types of its kind."""
    required = _REQUIRED.get(kind)
    if required is None and not kind.endswith("_reply"):
        return content
    odd = [
        name
        for name, value in content.items()
        if name in _TYPES and not isinstance(value, _TYPES[name])
    ]
    for name in odd:
        del content[name]
    for name, default in (required or {}).items():
        if not isinstance(content.get(name), type(default)):
            content[name] = default.copy() if isinstance(default, dict | list) else default
    if "traceback" in content:
        content["traceback"] = [str(line) for line in content["traceback"]]
    return content
