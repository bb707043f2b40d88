"""Messages as the outputs of a notebook cell, as a front-end would have built them; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from silik_magics.kernels.messages import Message


@dataclass
class Outputs:
    """Collects messages into outputs: streams joined, displays updated, clears obeyed.

    Each output is a dict in the form of the notebook format, version 4.
    """

    _items: list[dict[str, Any]] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)  # the pieces of a stream that is still open
    _clear_first: bool = False
    _displays: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The outputs so far."""
        self._close_stream()
        return self._items

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
        self._texts.clear()
        self._items.clear()

    def _close_stream(self) -> None:
        """Join the pieces at once: joining each as it comes takes quadratic time."""
        if self._texts:
            self._items[-1]["text"] = "".join(self._texts)

    def _update(self, content: dict[str, Any]) -> None:
        for output in self._displays.get(_display_id(content), ()):
            output["data"] = content.get("data", {})
            output["metadata"] = content.get("metadata", {})

    def _append(self, kind: str, content: dict[str, Any]) -> None:
        output: dict[str, Any] = {"output_type": kind}
        output.update((name, content.get(name, empty())) for name, empty in _FIELDS[kind])
        if kind == "stream" and self._texts and output["name"] == self._items[-1]["name"]:
            self._texts.append(output["text"])
            return
        self._close_stream()
        self._items.append(output)
        self._texts = [output["text"]] if kind == "stream" else []
        if display_id := _display_id(content):
            self._displays.setdefault(display_id, []).append(output)


_BUNDLE = (("data", dict), ("metadata", dict))
# The fields of each kind of output, and what makes the value of one that was not sent.
_FIELDS: dict[str, tuple[tuple[str, Callable[[], Any]], ...]] = {
    "stream": (("name", lambda: "stdout"), ("text", str)),
    "display_data": _BUNDLE,
    "execute_result": (("execution_count", lambda: None), *_BUNDLE),
    "error": (("ename", str), ("evalue", str), ("traceback", list)),
}


def _display_id(content: dict[str, Any]) -> str:
    return str((content.get("transient") or {}).get("display_id") or "")


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
