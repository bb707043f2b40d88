"""Which kernelspecs there are; remembered for a moment, for reading them takes milliseconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager

from silik_magics.errors import CommandError, did_you_mean

REMEMBER_SECONDS = 3.0


@dataclass(frozen=True)
class Spec:
    """A kernelspec that can be started."""

    name: str
    language: str
    display_name: str
    argv: tuple[str, ...]
    resource_dir: str


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
                name: Spec(
                    name,
                    found[name]["spec"].get("language", ""),
                    found[name]["spec"].get("display_name", name),
                    tuple(found[name]["spec"].get("argv", ())),
                    found[name].get("resource_dir", ""),
                )
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
            CommandError: there is none of that name.
        """
        if name not in self.all():
            self.forget()
        specs = self.all()
        if name in specs:
            return specs[name]
        languages = {spec.language.lower(): spec.name for spec in specs.values()}
        guess = did_you_mean(name, specs)
        if not guess and name.lower() in languages:
            guess = f"for {name}, did you mean {languages[name.lower()]}?"
        there = f"there is {', '.join(specs)}" if specs else "none is installed"
        raise CommandError(
            f"no kernelspec is called {name}",
            f"{guess + ' ' if guess else ''}{there}; `kernels` shows more of them.",
        )
