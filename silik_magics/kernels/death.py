"""How a kernel ended: its exit code or signal, its memory, its last words, what was lost; pure."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from silik_magics.errors import KernelDied, KernelTimeout

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
        seconds: for how long it had been running that.
        starting: it never became ready.
        out_of_memory: the system ended it because there was no memory left.
        peak: the most memory that it used at once, in bytes; None when nobody knows.
        lost: how many executions had ended there: what they left in its memory is lost.
        attached: somebody else had started it, so it is not ours to restart.
    """

    returncode: int | None
    last_lines: tuple[str, ...] = ()
    running: str = ""
    seconds: float = 0.0
    starting: bool = False
    out_of_memory: bool = False
    peak: int | None = None
    lost: int = 0
    attached: bool = False

    def __str__(self) -> str:
        if self.returncode is None:
            return "gone"
        if self.returncode < 0:
            why = " (out of memory)" if self.out_of_memory else ""
            return f"killed by {signal_name(-self.returncode)}{why}"
        return f"exited with code {self.returncode}"

    def error(self, name: str) -> KernelDied:
        """Return the error that tells the user, for a kernel called `name`."""
        message = f"{name} died: {self}{self._while}"
        if self._cost:
            message += f"\n{self._cost}"
        message += _quoted(self.last_lines)
        hint = (
            self._healing(name)
            if not self.starting
            else "mend what its stderr says, and start it again."
        )
        return KernelDied(message, hint)

    def note(self, name: str) -> str:
        """Return on one line what the state of a kernel called `name` does not tell."""
        parts = (f"{name} died{self._while}.", self._cost, self._healing(name))
        return " ".join(part for part in parts if part)

    def _healing(self, name: str) -> str:
        if self.attached:
            return f"start it where it was started, and `attach` it again; `rm {name}` removes it."
        return f"`restart {name}` brings it back, empty; `rm {name}` removes it."

    @property
    def _while(self) -> str:
        if self.running:
            for_ = f" for {duration(self.seconds)}" if self.seconds >= 1 else ""
            return f" while it was running `{shorten(self.running)}`{for_}"
        return " while it was starting" if self.starting else ""

    @property
    def _cost(self) -> str:
        """What it used, and what is gone with it; empty where that is nothing."""
        memory = f"Its memory peaked at {size(self.peak)}" if self.peak is not None else ""
        if not self.lost:
            return f"{memory}." if memory else ""
        there = "there" if memory else "in memory"
        count = f"{self.lost} executions" if self.lost > 1 else "one execution"
        lost = f"hat its {count} left {there} is lost."
        return f"{memory}; w{lost}" if memory else f"W{lost}"

    def row(self) -> dict[str, Any]:
        """Return it as it is written to JSON."""
        return {
            "how": str(self),
            "returncode": self.returncode,
            "out_of_memory": self.out_of_memory,
            "peak_memory": self.peak,
            "running": self.running,
            "running_seconds": round(self.seconds, 3),
            "executions_lost": self.lost,
            "last_lines": list(self.last_lines),
        }


def not_ready(name: str, seconds: float, lines: Sequence[str]) -> KernelTimeout:
    """Return the error that tells the user that a kernel did not become ready in time.

    Args:
        name: the kernel.
        seconds: that it was given.
        lines: the last of its stderr.
    """
    message = f"{name} did not become ready within {seconds:g} s{_quoted(lines)}"
    return KernelTimeout(message, "give it more with `--timeout S`.")


def _quoted(lines: Sequence[str]) -> str:
    shown = "".join(f"\n    {line}" for line in lines)
    return f"\nThe last lines of its stderr:{shown}" if shown else ""


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
    if error.filename and Path(error.filename).name != Path(program).name:
        return KernelDied(f"{name} could not be started: {error.filename}: {error.strerror}")
    return KernelDied(
        f"{name} could not be started: {program}: {error.strerror or error}",
        f"mend `argv` in {directory}/kernel.json, or install {program}.",
    )


def duration(seconds: float | None) -> str:
    """Return a duration as people say it: `12 s`, `3 min`, `2 h 5 min`."""
    whole = int(seconds or 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: int) -> str:
    """Return a number of bytes as people say it: `66 MB`, `7.9 GB`."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


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
