"""Languages whose values papermill's translators write, mended where those are wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from silik_magics.errors import CommandError
from silik_magics.language.literals.language import Language
from silik_magics.language.literals.values import Value


class Borrowed(Language):
    """A language that papermill knows.

    Args:
        title: as people write it.
        translator: the name of its class in `translators.py`, or the class itself.
        largest: it counts whole numbers exactly from minus this to this.
    """

    null = "null"  # whether it has one, and NaN, is the translator's business
    special: ClassVar[Mapping[str, str]] = dict.fromkeys(("nan", "inf", "-inf"), "")

    def __init__(self, title: str, translator: Any, largest: float = math.inf) -> None:
        self.title = title
        self.largest = largest
        self._given = translator

    @property
    def _translator(self) -> Any:
        if not isinstance(self._given, str):
            return self._given
        from silik_magics.language.literals import translators

        return getattr(translators, self._given)

    def assign(self, name: str, value: Value) -> str:
        """Return the source of an assignment.

        Raises:
            CommandError: the translator has no way to write it.
        """
        return self._translator.assign(name, self.source(value))

    def source(self, value: Value) -> str:
        """Return the source of a value."""
        try:
            return self._translator.translate(value)
        except NotImplementedError as error:
            raise CommandError(
                f"papermill can not write that value in {self.title}: {error}",
                "give it something else, or make it there with `run`.",
            ) from None

    def text(self, value: str) -> str:
        """Return the source of a string."""
        return self.source(value)
