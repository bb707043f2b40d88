"""How the command language itself writes a value: the line that sets a variable."""

from __future__ import annotations

from silik_magics.language.literals.language import Language
from silik_magics.language.literals.values import Text, Value, text_of
from silik_magics.language.words import quote


class Silik(Language):
    """A variable is text that is read as JSON where it is JSON; `--text` says that it is not."""

    title = "silik"
    null = "null"

    def assign(self, name: str, value: Value) -> str:
        """Return the line that sets a variable."""
        return f"set {name} {self.source(value)}"

    def source(self, value: Value) -> str:
        """Return the words behind the name."""
        text = text_of(value)
        return f"--text {quote(text)}" if isinstance(text, Text) else quote(text)

    def text(self, value: str) -> str:
        """Return the source of a string."""
        return self.source(value)
