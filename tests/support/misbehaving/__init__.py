"""Kernels that misbehave, one a file; the name of the file is the name of the kernelspec.

Each is a program of its own, about twenty lines, and bends the one kernel in `bare.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from support.languages import write_spec

HERE = Path(__file__).parent
MORE = {"messaged": {"interrupt_mode": "message"}}


def write_misbehaving_specs(directory: Path) -> None:
    """Write a kernelspec for each of them, and one (`absent`) whose program does not exist."""
    for program in HERE.glob("[!_]*.py"):
        write_spec(
            directory,
            program.stem,
            _spec(program.stem, sys.executable, str(program)) | MORE.get(program.stem, {}),
        )
    write_spec(directory, "absent", _spec("absent", "silik-test-no-such-program"))


def write_wrapped_spec(
    directory: Path, name: str, program: Path, script: str, kernel: str = "bare"
) -> None:
    """Write a kernelspec of one of them, started by a shell script that gets its argv."""
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o700)
    spec = _spec(name, str(program), sys.executable, str(HERE / f"{kernel}.py"))
    write_spec(directory, name, spec)


def _spec(name: str, *argv: str) -> dict[str, object]:
    return {
        "argv": [*argv, "{connection_file}"],
        "display_name": name.capitalize(),
        "language": name,
    }
