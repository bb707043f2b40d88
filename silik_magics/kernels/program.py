"""Which program a kernelspec starts and where it is found; runs nothing but `python --version`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager

from silik_magics.kernels.manager import SilikKernelManager, inherited_environment

VERSION_SECONDS = 5.0
_PYTHON = re.compile(r"(python|pypy)[\d.]*")
LOCAL = "local-provisioner"


@dataclass(frozen=True)
class Program:
    """What jupyter_client would start for a kernelspec.

    Args:
        argv: as it would be started, with `{connection_file}` left in it.
        written: the program as `argv` of the kernelspec has it.
        found: its path; empty where it is not found.
        interpreter: what runs it: the first line of a script, or the version of a Python.
        problem: what is wrong with it; empty where nothing is known to be.
    """

    argv: tuple[str, ...]
    written: str
    found: str = ""
    interpreter: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Directory:
    """A directory that is searched for kernelspecs, and the names of those in it."""

    path: str
    exists: bool
    kernelspecs: tuple[str, ...] = ()


def searched(manager: SilikKernelManager) -> list[Directory]:
    """Return the directories that are searched for kernelspecs, the first first."""
    finder = manager.kernel_spec_manager
    assert isinstance(finder, KernelSpecManager)
    found = []
    for path in dict.fromkeys(finder.kernel_dirs):
        names = sorted(file.parent.name for file in Path(path).glob("*/kernel.json"))
        found.append(Directory(path, Path(path).is_dir(), tuple(names)))
    return found


def specification(manager: SilikKernelManager, name: str) -> Any:
    """Return a kernelspec that is there, with all that its `kernel.json` says."""
    finder = manager.kernel_spec_manager
    assert isinstance(finder, KernelSpecManager)
    return finder.get_kernel_spec(name)


def provisioner_of(spec: Any) -> str:
    """Return the name of the provisioner that starts a kernelspec."""
    return str(spec.metadata.get("kernel_provisioner", {}).get("provisioner_name") or LOCAL)


def program_of(manager: SilikKernelManager, name: str) -> Program:
    """Return the program of a kernelspec that is there, looked for as a start would do it."""
    spec = specification(manager, name)
    if not spec.argv:
        return Program((), "", problem="its `argv` is empty")
    argv, written = _argv(manager, name), str(spec.argv[0])
    if provisioner_of(spec) != LOCAL:  # what it starts is not on this machine
        return Program(argv, written)
    env = environment_of(spec, inherited_environment(os.environ))
    program = os.path.expanduser(argv[0])  # noqa: PTH111 - as jupyter_client does
    found = shutil.which(program, path=env.get("PATH"))
    if found is None:
        return Program(argv, written, problem=_why_not_found(program, env))
    interpreter, problem = _interpreter(found)
    return Program(argv, written, found, interpreter, problem)


def _argv(manager: SilikKernelManager, name: str) -> tuple[str, ...]:
    """Return the argv that a start makes, with `{connection_file}` for the path that it puts in."""
    process = manager.kernel_manager_factory(
        parent=manager,
        log=manager.log,
        kernel_name=name,
        kernel_spec_manager=manager.kernel_spec_manager,
        connection_file=str(Path(manager.connection_dir, "silik-doctor.json")),
    )
    extra = manager._extra_arguments(manager.specs.get(name)).get("extra_arguments", [])
    made = os.path.realpath(process.connection_file)
    words = process.format_kernel_cmd(extra)
    return tuple(word.replace(made, "{connection_file}") for word in words)


def environment_of(spec: Any, environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the variables of a kernelspec, its `${NAME}` replaced."""
    own = {name: Template(value).safe_substitute(environ) for name, value in spec.env.items()}
    return {**environ, **own}


def _why_not_found(program: str, env: Mapping[str, str]) -> str:
    if os.path.dirname(program):  # noqa: PTH120 - asks whether there is a slash
        path = Path(program)
        return f"{program} can not be executed" if path.exists() else f"{program} does not exist"
    return f"{program} is in none of the directories of PATH: {env.get('PATH', '')}"


def _interpreter(found: str) -> tuple[str, str]:
    """Return what runs a program, and what is wrong with that."""
    path = Path(found)
    with path.open("rb") as file:
        first = file.readline(1024)
    if first.startswith(b"#!"):
        line = first[2:].decode(errors="replace").strip()
        words = shlex.split(line) or [""]
        there = Path(words[0]).exists()
        return line, "" if there else f"{found} wants {words[0]}, which does not exist"
    if not _PYTHON.fullmatch(path.name):
        return "", ""
    real = path.resolve()
    told = _version(found)
    return f"{told} ({real})" if told else str(real), "" if told else f"{found} does not answer"


def _version(python: str) -> str:
    try:
        done = subprocess.run(
            [python, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else ""
