"""The languages that tests use: which kernelspec, which extension, and a few phrases.

Add yours here: a row, and a way to install its kernel in `.ci/run`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Language:
    """A language and how it says things."""

    spec: str
    extension: str
    say: str  # prints "hello" to stdout
    complain: str  # prints "oops" to stderr
    assign: str  # x = 19
    show: str  # prints x
    sleep: str  # for a hundred seconds
    fail: str  # raises
    die: str  # ends the process with code 7


LANGUAGES = {
    "python": Language(
        "python3",
        ".py",
        "print('hello')",
        "import sys; print('oops', file=sys.stderr)",
        "x = 19",
        "print(x)",
        "import time; time.sleep(100)",
        "1 / 0",
        "import os; os._exit(7)",
    ),
    "bash": Language(
        "bash",
        ".sh",
        "echo hello",
        "echo oops >&2",
        "x=19",
        "echo $x",
        "sleep 100",
        "false",
        "kill -9 $PPID",
    ),
    "r": Language(
        "ir",
        ".r",
        "cat('hello\\n')",
        "message('oops')",
        "x <- 19",
        "cat(x, '\\n')",
        "Sys.sleep(100)",
        "stop('no')",
        "tools::pskill(Sys.getpid(), 9)",
    ),
    "deno": Language(
        "deno",
        ".ts",
        "console.log('hello')",
        "console.error('oops')",
        "var x = 19",
        "console.log(x)",
        "await new Promise(done => setTimeout(done, 100000))",
        "throw new Error('no')",
        "Deno.exit(7)",
    ),
}


def write_spec(directory: Path, name: str, spec: dict[str, object]) -> None:
    """Write a kernelspec into a directory of kernelspecs."""
    (directory / name).mkdir(parents=True, exist_ok=True)
    (directory / name / "kernel.json").write_text(json.dumps(spec))


def write_language_specs(directory: Path) -> None:
    """Write the kernelspecs of the languages that bring none, where their program is there."""
    write_spec(
        directory,
        "bash",
        {
            "argv": [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"],
            "display_name": "Bash",
            "language": "bash",
            # Not the user's own start files: a kernel that is killed in the middle of pyenv's
            # leaves a lock, and then every bash of this user waits for it.
            "env": {"PS1": "$", "HOME": str(directory)},
        },
    )
    deno = shutil.which("deno")
    if deno:
        write_spec(
            directory,
            "deno",
            {
                "argv": [deno, "jupyter", "--kernel", "--conn", "{connection_file}"],
                "display_name": "Deno",
                "language": "typescript",
                "env": {"DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},
            },
        )


@cache
def why_absent(name: str) -> str:
    """Return why a language can not be tested here, or an empty string."""
    if name == "deno" and not shutil.which("deno"):
        return "deno is not installed (`npm install deno`, and put it on PATH)"
    if name == "r":
        r = shutil.which("R")
        if not r:
            return "R is not installed (`apt-get install r-cran-irkernel`)"
        done = subprocess.run(
            [r, "--slave", "-e", "library(IRkernel)"], capture_output=True, check=False
        )
        if done.returncode:
            return "IRkernel is not installed (`apt-get install r-cran-irkernel`)"
    return ""


def each_language(*names: str) -> pytest.MarkDecorator:
    """Parametrize a test with languages; those that are absent are skipped with the reason."""
    return pytest.mark.parametrize(
        "language",
        [pytest.param(LANGUAGES[name], id=name, marks=pytest.mark.lang(name)) for name in names],
    )
