"""Can this kernel be forked, from which template, and what does the template have to know; pure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAUNCHER = "ipykernel_launcher"
_INTERPRETER = re.compile(r"python[\d.]*t?")
_OPTION = re.compile(r"-(X.+|[BEIOPqsu]+)")
_POPEN = {"env", "cwd", "stdin", "stdout", "stderr", "independent", "kernel_id", "extra_arguments"}

# These are read while an interpreter starts: a fork of one that has started comes too late.
_AT_START = re.compile(r"PYTHON|LD_|DYLD_|MALLOC_|GLIBC_|LC_|LANG$|HOME$")
# And these while libraries are imported.
_AT_IMPORT = re.compile(r"OMP_|KMP_|MKL_|OPENBLAS_|GOTO_|BLIS_|VECLIB_|NUMEXPR_|JUPYTER_PLATFORM")


@dataclass(frozen=True)
class Key:
    """What a template is started with: kernels that agree in it can share one.

    Args:
        command: the interpreter and its options.
        environment: variables that can not be changed after the start.
        preload: modules to import.
    """

    command: tuple[str, ...]
    environment: frozenset[tuple[str, str]]
    preload: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A kernel to fork.

    Args:
        key: of its template.
        arguments: what comes after the module's name.
        environment: all of it.
        cwd: an absolute path.
        outputs: for its stdout and stderr, as subprocess has it; STDOUT for a stderr.
    """

    key: Key
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str
    outputs: tuple[Any, Any]


@dataclass(frozen=True)
class Unusual:
    """Why a kernel can not be forked."""

    reason: str


def runs_ipykernel(argv: Sequence[str]) -> bool:
    """Say whether a kernelspec's argv starts ipykernel as its own kernelspec does."""
    return _launcher_at(argv) is not None and bool(_INTERPRETER.fullmatch(Path(argv[0]).name))


def planned(
    argv: Sequence[str], options: Mapping[str, Any], preload: Sequence[str]
) -> Plan | Unusual:
    """Return how to fork a kernel that should be started so.

    Args:
        argv: the command, complete.
        options: those of `jupyter_client.launcher.launch_kernel`, without `env` the host's own.
        preload: modules that its template has to import.
    """
    if sys.platform not in ("linux", "darwin"):
        return Unusual(f"{sys.platform} can not fork")
    environment = dict(os.environ if options.get("env") is None else options["env"])
    program = shutil.which(os.path.expanduser(argv[0]), path=environment.get("PATH"))  # noqa: PTH111 - as jupyter_client does
    at = _launcher_at(argv)
    if at is None or program is None or not runs_ipykernel(argv):
        return Unusual(f"it does not run `python -m {LAUNCHER}`")
    reason = _unusual_options(options) or _unusual_environment(environment)
    if reason:
        return Unusual(reason)
    fixed = {
        (name, value)
        for name, value in environment.items()
        if _AT_START.match(name) or (preload and _AT_IMPORT.match(name))
    }
    return Plan(
        Key((os.path.abspath(program), *argv[1:at]), frozenset(fixed), tuple(preload)),  # noqa: PTH100 - links stay: a venv is one
        tuple(argv[at + 2 :]),
        environment,
        os.path.abspath(options.get("cwd") or Path.cwd()),  # noqa: PTH100 - as a shell says it
        (options.get("stdout"), options.get("stderr")),
    )


def _launcher_at(argv: Sequence[str]) -> int | None:
    """Return where `-m ipykernel_launcher` begins, behind options of the interpreter alone."""
    for index, word in enumerate(argv[1:], 1):
        if word == "-m":
            return index if list(argv[index + 1 : index + 2]) == [LAUNCHER] else None
        if not _OPTION.fullmatch(word):
            return None
    return None


def _unusual_options(options: Mapping[str, Any]) -> str:
    others = sorted(options.keys() - _POPEN)
    if others:
        return f"it is started with {', '.join(others)}"
    if options.get("independent"):
        return "it is to live on without its host"
    if options.get("stdin") not in (None, subprocess.DEVNULL):
        return "it reads from a stdin of its own"
    if subprocess.PIPE in (options.get("stdout"), options.get("stderr")):
        return "its output goes to a pipe"
    cwd = options.get("cwd")
    return "" if cwd is None or Path(cwd).is_dir() else f"{cwd} is not a directory"


def _unusual_environment(environment: Mapping[str, str]) -> str:
    for name in sorted(environment.keys() | os.environ.keys()):
        if _AT_START.match(name) and environment.get(name) != os.environ.get(name):
            if name == "PYTHONEXECUTABLE":  # jupyter_client never passes it on
                continue
            return f"{name} is not that of its host, and Python reads it when it starts"
    entries = environment.get("PYTHONPATH", "").split(os.pathsep)
    if any(entry and not os.path.isabs(entry) for entry in entries):  # noqa: PTH117 - of a string
        return "PYTHONPATH has a relative entry"
    return ""
