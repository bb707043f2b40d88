"""Which sub-kernels a run had: asked of the notebook's kernel, kept in the notebook's metadata.

The question is a silent execution of nothing, with an expression that the protocol has evaluated
behind it: no history, no execution count, no output, nothing in the user's namespace.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty
from typing import Any

import nbformat
from nbclient.util import ensure_async

ANSWER_SECONDS = 2.0
KEY = "silik"
RUNNING = "running at the end"
LOST = "lost with the notebook's kernel"


@dataclass(frozen=True)
class Question:
    """What tells a notebook's kernel to tell of its sub-kernels.

    Args:
        code: what is executed; it does nothing, and is never passed on to a sub-kernel.
        expression: what is evaluated behind it.
        everywhere: whether any cell may start a kernel, or only those that mention silik.
    """

    code: str
    expression: str
    everywhere: bool

    def concerns(self, source: str) -> bool:
        """Say whether a cell may have changed the answer."""
        return self.everywhere or "silik" in source


QUESTIONS = {
    # `Lives` is there when the extension is loaded; an expression that fails would leave a trace.
    "python": Question(
        "",
        "getattr(__import__('sys').modules.get('silik_magics.ipython.extension'), 'Lives', dict)()",
        everywhere=False,
    ),
    "silik": Question("%%silik", "lives", everywhere=True),
}


async def ask(client: Any, question: Question) -> list[dict[str, Any]] | None:
    """Return the rows of the kernels that were here; None where the kernel does not tell.

    Args:
        client: of the notebook's kernel, which must be idle, or about to be.
        question: in the language of that kernel.
    """
    deadline = time.monotonic() + ANSWER_SECONDS
    msg_id = _send(client, question)
    while (left := deadline - time.monotonic()) > 0:
        try:
            reply = await ensure_async(client.shell_channel.get_msg(timeout=left))
        except Empty:
            break
        if reply["parent_header"].get("msg_id") != msg_id:
            continue
        if reply["content"].get("status") != "aborted":
            return rows_of(reply["content"])
        msg_id = _send(client, question)  # a cell before it failed just now
    return None


def _send(client: Any, question: Question) -> str:
    return client.execute(
        question.code,
        silent=True,
        store_history=False,
        user_expressions={KEY: question.expression},
        allow_stdin=False,
        stop_on_error=False,
    )


def rows_of(reply: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return what an execute_reply tells; None if it tells nothing."""
    value = (reply.get("user_expressions") or {}).get(KEY, {})
    rows = value.get("data", {}).get("application/json")
    return rows if isinstance(rows, list) else None


def ended(rows: Sequence[dict[str, Any]], *, lost: bool) -> list[dict[str, Any]]:
    """Return the rows at the end of a run.

    Args:
        rows: what was told last.
        lost: whether the notebook's kernel is gone, so that they are the last that is known.
    """
    return [{**row, "end": row["end"] or (LOST if lost else RUNNING)} for row in rows]


def forget(notebook: nbformat.NotebookNode) -> None:
    """Take out what an earlier run left."""
    found = notebook.metadata.get(KEY, {})
    found.pop("kernels", None)
    if not found:
        notebook.metadata.pop(KEY, None)


def note(notebook: nbformat.NotebookNode, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows into the notebook's metadata; nothing where there never was a sub-kernel."""
    if rows:
        found = notebook.metadata.setdefault(KEY, nbformat.NotebookNode())
        found["kernels"] = nbformat.from_dict(list(rows))
