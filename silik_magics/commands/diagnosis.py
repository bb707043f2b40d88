"""What was found out about a kernelspec, and how that is told; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from silik_magics.kernels.phases import PHASES
from silik_magics.kernels.program import Directory, Program

HIDDEN = "(hidden)"
# A value that opens something must not be shown: a report is made to be passed on.
_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)


@dataclass(frozen=True)
class Diagnosis:
    """What was found out about a kernelspec.

    Args:
        kernelspec: its name.
        directories: those that were searched for it.
        file: its `kernel.json`; empty where there is none of that name.
        language: as it says.
        program: what it starts.
        provisioner: what starts it.
        environment: the variables that it sets, secrets hidden.
        phases: the seconds of each phase of a start that ended.
        waited: the seconds of the phase that did not end.
        stderr: the last lines that it wrote.
        error: why it did not start; empty where it did.
        hint: what to do about that.
    """

    kernelspec: str
    directories: Sequence[Directory] = ()
    file: str = ""
    language: str = ""
    program: Program | None = None
    provisioner: str = ""
    environment: Mapping[str, str] | None = None
    phases: Mapping[str, float] | None = None
    waited: float = 0.0
    stderr: Sequence[str] = ()
    error: str = ""
    hint: str = ""

    def data(self) -> dict[str, Any]:
        """Return it as plain data, with `starts`."""
        return {"starts": not self.error, **asdict(self)}


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which what its name calls a secret is hidden."""
    return {key: HIDDEN if _SECRET.search(key) else x for key, x in environment.items()}


def report(found: Diagnosis) -> str:
    """Return what was found out as text."""
    lines = [_headline(found), *([f"Hint: {found.hint}"] if found.hint else [])]
    if found.file:
        lines += _section("kernelspec", [found.file])
        lines += _section("language", [found.language or "(not told)"])
        lines += _program(found)
        env = found.environment or {}
        lines += _section("environment", [f"{key}={value}" for key, value in env.items()])
        lines += _section("phases", _phases(found))
        lines += _section("stderr", list(found.stderr))
    lines += _section("searched", [_directory(item, found) for item in found.directories])
    return "\n".join(lines)


def _headline(found: Diagnosis) -> str:
    name = found.kernelspec
    if not found.file:
        is_there = any(name in item.kernelspecs for item in found.directories)
        return f"{name} {'can not be used' if is_there else 'is not there'}: {found.error}"
    if found.error:
        return f"{name} does not start: {found.error}"
    ready = sum((found.phases or {}).values())
    return f"{name} starts: ready after {_duration(ready)}"


def _program(found: Diagnosis) -> list[str]:
    program = found.program
    assert program is not None
    where = program.found or ("(elsewhere)" if not program.problem else "(not found)")
    told = where if where == program.written else f"{program.written} → {where}"
    return [
        *_section("program", [told, *([f"✗ {program.problem}"] if program.problem else [])]),
        *_section("argv", [" ".join(program.argv)]),
        *_section("interpreter", [program.interpreter] if program.interpreter else []),
        *_section("provisioner", [found.provisioner]),
    ]


def _phases(found: Diagnosis) -> list[str]:
    """Return a line for each phase up to the one that did not end."""
    seconds = found.phases or {}
    lines = [f"{name.ljust(13)}  {_duration(seconds[name])}" for name in PHASES if name in seconds]
    missing = [name for name in PHASES if name not in seconds]
    return lines + (
        [f"{missing[0].ljust(13)}  ✗ failed after {_duration(found.waited)}"] if missing else []
    )


def _directory(item: Directory, found: Diagnosis) -> str:
    if not item.exists:
        return f"{item.path}  (not there)"
    if found.kernelspec in item.kernelspecs:
        file = f"{item.path}/{found.kernelspec}/kernel.json"
        return f"{item.path}  {'here it is' if file == found.file else 'one of that name, hidden'}"
    return f"{item.path}  {', '.join(item.kernelspecs) or '(empty)'}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{(title if not i else '').ljust(11)}  {line}" for i, line in enumerate(lines)]


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"
