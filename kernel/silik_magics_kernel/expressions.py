"""What the `user_expressions` of an execute_request are worth: each is a line of commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from silik_magics.display.answers import Answer
from silik_magics.display.sinks import Capture
from silik_magics.errors import SilikError
from silik_magics.shell import Shell


async def evaluate(shell: Shell, expressions: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the `user_expressions` of an execute_reply.

    An answer is given by its mime bundle, with its data as `application/json`; what a line shows
    besides its answer is dropped.
    """
    return {name: await _value(shell, line) for name, line in (expressions or {}).items()}


async def _value(shell: Shell, line: str) -> dict[str, Any]:
    sink = Capture()
    try:
        await shell.run_commands(line, shell.context(sink))
    except SilikError as error:
        return {"status": "error", **error.content()}
    data = _bundle(sink.answers[-1]) if sink.answers else {}
    return {"status": "ok", "data": data, "metadata": {}}


def _bundle(answer: Answer) -> dict[str, Any]:
    data = {} if answer.data is None else {"application/json": answer.data}
    return {**answer.bundle(), **data}
