"""Messages as a kernel would have sent them, for tests that need no kernel."""

from __future__ import annotations

import json
from typing import Any

from silik_magics.kernels.messages import Message


def message(msg_type: str, parent: str = "", channel: str = "iopub", **content: Any) -> Message:
    """Return a message of this type and content that answers the request `parent`."""
    return Message(
        channel,
        {"msg_id": f"{parent}-{msg_type}", "msg_type": msg_type},
        {"msg_id": parent} if parent else {},
        {},
        json.dumps(content).encode(),
    )


def stream(text: str, name: str = "stdout", parent: str = "") -> Message:
    """Return a piece of a stream."""
    return message("stream", parent, name=name, text=text)


def display(text: str, display_id: str = "", kind: str = "display_data") -> Message:
    """Return something displayed, or its update."""
    transient = {"display_id": display_id} if display_id else {}
    return message(kind, data={"text/plain": text}, metadata={}, transient=transient)
