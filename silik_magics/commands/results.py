"""What a piece of code did on a kernel, as a value for Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from silik_magics.commands.execution import Outcome
from silik_magics.display.outputs import collect, text_of
from silik_magics.display.sinks import Capture
from silik_magics.errors import RemoteError


@dataclass(frozen=True)
class RunResult:
    """What a piece of code did on one kernel.

    Args:
        kernel: the name of the kernel, such as `k1.py`.
        status: `ok`, or `error` when the code raised.
        outputs: as in a notebook cell: dicts of the notebook format, version 4.
        error: the error with the kernel's own traceback, when the code raised.
        execution_count: the kernel's own count.
        seconds: how long it took.
    """

    kernel: str
    status: str
    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: RemoteError | None = None
    execution_count: int | None = None
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """Everything that was shown, as plain text, without the newline at the end."""
        return text_of(self.outputs)

    @property
    def data(self) -> dict[str, Any]:
        """The mime bundle of the result, or of the last thing displayed; empty without any."""
        rich = [output for output in self.outputs if "data" in output]
        results = [output for output in rich if output["output_type"] == "execute_result"]
        last = (results or rich)[-1:]
        return dict(last[0]["data"]) if last else {}

    def raise_for_status(self) -> None:
        """Raise the error of the code, if it raised one."""
        if self.error is not None:
            raise self.error

    def __repr__(self) -> str:
        return f"<RunResult of {self.kernel}: {self.status}>"


def result_of(outcome: Outcome, kept: Capture) -> RunResult:
    """Return one kernel's result.

    Raises:
        KernelDied, KernelTimeout, CommandError: what failed was not the code itself.
    """
    error = outcome.failure
    if error is not None and not isinstance(error, RemoteError):
        raise error
    reply = outcome.reply or {}
    return RunResult(
        outcome.kernel.name,
        "ok" if error is None else "error",
        collect(message for message, kernel in kept.messages if kernel is outcome.kernel),
        error,
        reply.get("execution_count"),
        outcome.seconds,
    )
