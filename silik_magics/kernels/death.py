"""How a kernel ended: its exit code or signal, its last words, what it was running; pure."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from silik_magics.errors import KernelDied

LAST_LINES = 8
LAST_BYTES = 8192
SHOWN_CODE = 60
PORT_TAKEN = "Address already in use"


@dataclass(frozen=True)
class Death:
    """What is known of a kernel's end.

    Args:
        returncode: as subprocess has it (negative for a signal); None when nobody knows.
        last_lines: the end of what it wrote to its own stdout and stderr.
        running: the code that it was running, or an empty string when it was idle.
        starting: it never became ready.
    """

    returncode: int | None
    last_lines: tuple[str, ...] = ()
    running: str = ""
    starting: bool = False

    def __str__(self) -> str:
        if self.returncode is None:
            return "gone"
        if self.returncode < 0:
            return f"killed by {signal_name(-self.returncode)}"
        return f"exited with code {self.returncode}"

    def error(self, name: str) -> KernelDied:
        """Return the error that tells the user, for a kernel called `name`."""
        while_ = " while it was starting" if self.starting else ""
        if self.running:
            while_ = f" while it was running `{shorten(self.running)}`"
        message = f"{name} died: {self}{while_}"
        if self.last_lines:
            message += "\nThe last lines of its stderr:\n" + "\n".join(
                f"    {line}" for line in self.last_lines
            )
        hint = (
            f"`restart {name}` brings it back, empty; `rm {name}` removes it."
            if not self.starting
            else "mend what its stderr says, and start it again."
        )
        return KernelDied(message, hint)


def not_started(name: str, argv: Sequence[str], directory: str, error: Exception) -> KernelDied:
    """Return the error that tells the user that a kernel's program could not be started.

    Args:
        name: the kernel.
        argv: of its kernelspec.
        directory: where its kernelspec is.
        error: what the system, or its provisioner, said.
    """
    if not isinstance(error, OSError):
        return KernelDied(f"{name} could not be started: {error}", f"its kernelspec: {directory}")
    program = argv[0] if argv else "(no argv)"
    return KernelDied(
        f"{name} could not be started: {program}: {error.strerror or error}",
        f"mend `argv` in {directory}/kernel.json, or install {program}.",
    )


def unfit(name: str, problem: str, directory: str) -> KernelDied:
    """Return the error that tells the user that a kernelspec names nothing that could be run."""
    return KernelDied(
        f"{name} could not be started: {problem}", f"mend it in {directory}/kernel.json."
    )


def signal_name(number: int) -> str:
    """Return the name of a signal, such as `SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def shorten(code: str) -> str:
    """Return code on one line, cut where it is long."""
    line = " ".join(code.split())
    return line if len(line) <= SHOWN_CODE else line[: SHOWN_CODE - 1] + "…"


def last_lines(path: Path) -> tuple[str, ...]:
    """Return the last lines of a log file; none when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LAST_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ()
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return tuple(lines[-LAST_LINES:])
