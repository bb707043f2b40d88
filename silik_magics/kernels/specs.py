"""Which kernelspecs there are; remembered for a moment, for reading them takes milliseconds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from traitlets import TraitError

from silik_magics.errors import CommandError, did_you_mean

REMEMBER_SECONDS = 3.0


@dataclass(frozen=True)
class Spec:
    """A kernelspec that can be read.

    Args:
        name: the kernelspec.
        language: as it says.
        display_name: as it says.
        argv: the program and its arguments; empty where it names none.
        resource_dir: where its `kernel.json` is.
        problem: why it can not be started, as far as its `kernel.json` tells; empty if it can.
    """

    name: str
    language: str
    display_name: str
    argv: tuple[str, ...]
    resource_dir: str
    problem: str = ""


class Specs:
    """The kernelspecs that jupyter_client finds.

    Args:
        manager: finds them; its configuration (allowed kernelspecs, directories) holds.
    """

    def __init__(self, manager: KernelSpecManager) -> None:
        self._manager = manager
        self._specs: dict[str, Spec] = {}
        self._read_at = float("-inf")

    def all(self) -> dict[str, Spec]:
        """Return the kernelspecs by name, sorted by name."""
        if time.monotonic() - self._read_at > REMEMBER_SECONDS:
            found: dict[str, Any] = self._manager.get_all_specs()
            self._specs = {
                name: _spec(name, found[name]["spec"], found[name].get("resource_dir", ""))
                for name in sorted(found)
            }
            self._read_at = time.monotonic()
        return self._specs

    def forget(self) -> None:
        """Read them again at the next call."""
        self._read_at = float("-inf")

    def get(self, name: str) -> Spec:
        """Return one kernelspec.

        Raises:
            CommandError: there is none of that name, or it can not be read.
        """
        if name not in self.all():
            self.forget()
        specs = self.all()
        if name in specs:
            return specs[name]
        self._check_readable(name)
        languages = {spec.language.lower(): spec.name for spec in specs.values()}
        guess = did_you_mean(name, specs)
        if not guess and name.lower() in languages:
            guess = f"for {name}, did you mean {languages[name.lower()]}?"
        there = f"there is {', '.join(specs)}" if specs else "none is installed"
        raise CommandError(
            f"no kernelspec is called {name}",
            f"{guess + ' ' if guess else ''}{there}; `kernels` shows more of them.",
        )

    def _check_readable(self, name: str) -> None:
        """Raise CommandError for a kernelspec that is there, but is none."""
        directory = self._manager.find_kernel_specs().get(name)
        if directory is None:
            return
        why = "its provisioner is not installed"
        try:
            KernelSpec.from_resource_dir(directory)
        except (OSError, ValueError, TypeError, TraitError, RecursionError) as error:
            why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise CommandError(
            f"the kernelspec {name} can not be used: {why}", f"mend {directory}/kernel.json."
        )


def _spec(name: str, told: Mapping[str, Any], directory: str) -> Spec:
    argv, env = told.get("argv"), told.get("env") or {}
    words = argv if isinstance(argv, list | tuple) else ()
    problem = ""
    if not words or not all(isinstance(word, str) for word in words) or not words[0]:
        problem = "its `argv` is no list of a program and its arguments"
        words = ()
    elif any("\0" in word for word in words):
        problem, words = "its `argv` holds a NUL", ()
    elif not all(_is_variable(*item) for item in env.items()):
        problem = "its `env` holds what is no environment variable"
    language, shown = str(told.get("language", "")), str(told.get("display_name", name))
    return Spec(name, language, shown, tuple(words), directory, problem)


def _is_variable(name: Any, value: Any) -> bool:
    texts = isinstance(name, str) and isinstance(value, str)
    return texts and name != "" and "=" not in name and "\0" not in name + value
