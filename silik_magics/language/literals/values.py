"""How the text of a value is read, and how a value is told; pure.

A variable of the language is text. What it means as a value is said here, once: JSON where it is
JSON, else a string; a :class:`Text` is a string whatever it looks like.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any, TypeAlias, cast

from silik_magics.errors import CommandError
from silik_magics.language.literals.plain import Unfit, finite, plain
from silik_magics.language.words import quote

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

WIDTH = 60  # of a value, where it is told
# How languages write what JSON writes otherwise or not at all; too near to a value to be text.
_WORDS = {"true": "true", "false": "false"} | dict.fromkeys(
    ("null", "none", "nil", "undefined", "na"), "null"
)


class Text(str):
    """The text of a variable that means a string, even where it looks like JSON."""

    __slots__ = ()


def read_json(text: str, largest: float = math.inf) -> Value:
    """Return the value that JSON text writes.

    Args:
        text: the JSON.
        largest: a whole number beyond this is a float: the one who wrote it has no others.

    Raises:
        ValueError: it is no JSON, or names a key twice, or holds what no kernel could take.
    """

    def whole(digits: str) -> int | float:
        number = int(digits)
        return number if abs(number) <= largest else float(digits)

    try:
        value = json.loads(
            text, parse_int=whole, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
        return finite(plain(value))  # 1e999 is infinite, and "\\ud800" no character
    except RecursionError:
        raise ValueError("too deeply nested") from None


def _refuse_constant(name: str) -> Value:
    raise ValueError(f"JSON has no {name}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def value_of(text: str) -> Value:
    """Return what the text of a variable means: JSON where it is JSON, else a string."""
    if isinstance(text, Text):
        return str(text)
    try:
        return read_json(text)
    except ValueError:
        return text


def text_of(value: Value) -> str:
    """Return the text of a variable that means this value; the inverse of :func:`value_of`."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        read_json(value)
    except ValueError:
        return value
    return Text(value)


def read_given(name: str, text: str) -> Value:
    """Return the value of `NAME=VALUE`: JSON, or text that can not be meant for anything else.

    Raises:
        CommandError: it is no JSON, and too near to it (or to a number) to be taken as text.
    """
    try:
        return read_json(text)
    except Unfit as error:
        raise CommandError(f"{name}{error}", f"choose another value for {name}.") from None
    except ValueError as error:
        why = str(error)
    if _is_clearly_text(text):
        return text
    meant = _WORDS.get(text.strip().lower(), "")
    as_text = quote(f"{name}={json.dumps(text, ensure_ascii=False)}")
    hint = f"as text it is {as_text}" + (f"; in JSON it is {name}={meant}" if meant else "")
    raise CommandError(f"{quote(f'{name}={text}')} is no JSON: {why}", f"{hint}.")


def _is_clearly_text(text: str) -> bool:
    stripped = text.strip()
    if not stripped or stripped[0] in '[{"' or stripped.lower() in _WORDS:
        return False
    return not _is_like_a_number(stripped)


def _is_like_a_number(text: str) -> bool:
    digits = text.replace(",", ".")
    with suppress(ValueError):
        float(digits)
        return True
    with suppress(ValueError):
        int(digits, 0)  # 0x1f
        return True
    return False


def told(value: Value) -> str:
    """Return a value as JSON, a long one shortened and with its size."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= WIDTH:
        return text
    return f"{text[: WIDTH - 2].rstrip()} … ({described(value)})"


def described(value: Value) -> str:
    """Return the type of a value and its size, such as `float` and `list of 3`."""
    if value is None:
        return "None"
    kind = type(value).__name__
    sized = isinstance(value, str | list | dict)
    return f"{kind} of {len(cast('list[Any]', value))}" if sized else kind
