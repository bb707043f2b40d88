"""What was run on a kernel, and what it answered in words; bounded, pure.

Many kernels keep no history of their own, and none keeps its outputs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from silik_magics.kernels.messages import Message

ENTRIES = 1000
CHARACTERS = 10_000  # of each entry's output


@dataclass
class Entry:
    """One execution: its code, the kernel's count for it, and the beginning of its output."""

    code: str
    count: int | None = None
    output: str = ""

    def add(self, message: Message) -> None:
        """Add an output message, as far as there is room."""
        room = CHARACTERS - len(self.output)
        if room > 0 and len(message.packed) < 8 * CHARACTERS:
            self.output += text_of(message)[:room]


@dataclass
class Record:
    """The last executions of a kernel since it started."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=ENTRIES))

    def begin(self, code: str) -> Entry:
        """Add an execution."""
        entry = Entry(code)
        self.entries.append(entry)
        return entry


def text_of(message: Message) -> str:
    """Return what an output says in plain text, or an empty string."""
    content = message.content if message.msg_type in _TEXT else {}
    if message.msg_type == "stream":
        return content.get("text", "")
    if message.msg_type == "error":
        return f"{content.get('ename')}: {content.get('evalue')}\n"
    text = content.get("data", {}).get("text/plain", "")
    return f"{text}\n" if text else ""


_TEXT = frozenset({"stream", "error", "display_data", "execute_result"})
