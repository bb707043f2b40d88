"""How Python writes a value, and prints one back."""

from __future__ import annotations

import inspect
import json
import keyword
import re
from collections.abc import Mapping
from typing import ClassVar

from silik_magics.language.literals import plain
from silik_magics.language.literals.language import Language
from silik_magics.language.literals.values import Value

LONG = 10_000  # characters: IPython takes seconds to read a longer list, but not a longer string


class Python(Language):
    """Python holds every value as it is."""

    title = "Python"
    names = re.compile(r"[^\W\d]\w*")
    reserved = frozenset(keyword.kwlist)
    null = "None"
    true = "True"
    false = "False"
    special: ClassVar[Mapping[str, str]] = {
        "nan": 'float("nan")',
        "inf": 'float("inf")',
        "-inf": 'float("-inf")',
    }

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment."""
        source = self.source(value)
        if len(source) > LONG:
            source = f"__import__('json').loads({json.dumps(value)!a})"
        return f"{name} = {source}"

    def text(self, value: str) -> str:
        """Return the source of a string."""
        return ascii(value)

    def moving(self, cwd: str, variables: Mapping[str, str | None]) -> str:
        """Return source that changes directory and environment."""
        steps = [f"__import__('os').chdir({self.text(cwd)})"] if cwd else []
        for name, value in variables.items():
            steps.append(
                f"__import__('os').environ.pop({name!r}, None)"
                if value is None
                else f"__import__('os').environ.update({name}={self.text(value)})"
            )
            if name == "TZ":
                steps.append("__import__('time').tzset()")
        return "\n".join(steps)

    def showing(self, name: str, mark: str) -> str:
        """Return source that prints a variable; it leaves no name behind."""
        source = f"{inspect.getsource(plain)}\nshow(names, {name!r}, {mark!r})\n"
        return f"exec({source!r}, {{'__name__': 'silik', 'names': globals()}})"
