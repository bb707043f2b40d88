"""How a piece of code is to be executed, and what of it is no code at all; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from silik_magics.errors import CommandError


@dataclass(frozen=True)
class Flags:
    """How a piece of code is to be executed; the names are those of the Jupyter protocol."""

    allow_stdin: bool = False
    silent: bool = False
    store_history: bool = True
    user_expressions: dict[str, str] | None = None
    stop_on_error: bool = False

    def content(self, code: str) -> dict[str, Any]:
        """Return the content of an execute_request.

        Raises:
            CommandError: the code is no text that a kernel could take.
        """
        check_code(code)
        return {
            "code": code,
            "silent": self.silent,
            "store_history": self.store_history and not self.silent,
            "user_expressions": self.user_expressions or {},
            "allow_stdin": self.allow_stdin,
            "stop_on_error": self.stop_on_error,
        }


def check_code(code: str) -> None:
    """Raise CommandError for code with half of a surrogate pair: ipykernel never answers that."""
    try:
        code.encode()
    except UnicodeEncodeError as error:
        raise CommandError(
            f"the code holds half of a character, U+{ord(code[error.start]):04X}, "
            f"at offset {error.start}",
            "delete it: it is no text, and kernels can not take it.",
        ) from None
