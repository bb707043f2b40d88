"""Messages as the outputs of a notebook cell, as a front-end would have built them; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from silik_magics.kernels.messages import Message


@dataclass
class Outputs:
    """Collects messages into outputs: streams joined, displays updated, clears obeyed.

    Each output is a dict in the form of the notebook format, version 4.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    _clear_first: bool = False
    _displays: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """Take one message; those that are no outputs of a cell change nothing."""
        kind = message.msg_type
        if kind == "clear_output":
            if message.content.get("wait"):
                self._clear_first = True
            else:
                self._clear()
        elif kind == "update_display_data":
            self._update(message.content)
        elif kind in _FIELDS:
            if self._clear_first:
                self._clear()
            self._append(kind, message.content)

    def _clear(self) -> None:
        self._clear_first = False
        self.items.clear()

    def _update(self, content: dict[str, Any]) -> None:
        for output in self._displays.get(_display_id(content), ()):
            output["data"] = content.get("data", {})
            output["metadata"] = content.get("metadata", {})

    def _append(self, kind: str, content: dict[str, Any]) -> None:
        last = self.items[-1] if self.items else {}
        if kind == "stream" and (last.get("output_type"), last.get("name")) == (
            "stream",
            content["name"],
        ):
            last["text"] += content["text"]
            return
        output = {"output_type": kind}
        output.update((field, content.get(field, default)) for field, default in _FIELDS[kind])
        self.items.append(output)
        if display_id := _display_id(content):
            self._displays.setdefault(display_id, []).append(output)


_BUNDLE = (("data", {}), ("metadata", {}))
_FIELDS: dict[str, tuple[tuple[str, Any], ...]] = {
    "stream": (("name", "stdout"), ("text", "")),
    "display_data": _BUNDLE,
    "execute_result": (("execution_count", None), *_BUNDLE),
    "error": (("ename", ""), ("evalue", ""), ("traceback", ())),
}


def _display_id(content: dict[str, Any]) -> str:
    return (content.get("transient") or {}).get("display_id", "")


def collect(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return the outputs that messages make."""
    outputs = Outputs()
    for message in messages:
        outputs.add(message)
    return outputs.items


def text_of(outputs: Iterable[dict[str, Any]]) -> str:
    """Return what outputs say in plain text, without the newline at the end."""
    return "".join(_texts(outputs)).removesuffix("\n")


def _texts(outputs: Iterable[dict[str, Any]]) -> Iterator[str]:
    for output in outputs:
        if output["output_type"] == "stream":
            yield output["text"]
        elif output["output_type"] == "error":
            yield f"{output['ename']}: {output['evalue']}\n"
        else:
            yield plain(output["data"]) + "\n"


def plain(data: dict[str, Any]) -> str:
    """Return the text of a mime bundle, or the name of its best form where it has none."""
    if "text/plain" in data:
        return str(data["text/plain"])
    if "text/markdown" in data:
        return str(data["text/markdown"])
    if not data:
        return ""
    kind, value = next(iter(data.items()))
    return json.dumps(value) if kind.endswith("json") else f"<{kind}>"
