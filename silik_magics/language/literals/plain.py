"""What of a Python value is plain: None, bool, int, float, str, and lists and dicts of them.

The source of this module is also sent to Python kernels, which print a value with :func:`show`:
it must import nothing of ours and stay good for every Python 3.7 and later.
"""

# pyright: standard
# (objects of any type come in)

from __future__ import annotations

import json
import math
import sys
from typing import Any

DEEPEST = 100  # levels of lists and dicts; what holds itself has no end
LONGEST = 10_000  # bits of a whole number: some 3,000 digits, which every Python prints
SHOWN = 80  # characters of the way into a value

# What tables and their kin offer that may be plain. None of it is done unasked: it drops labels.
MAY_BE_PLAIN = ("to_dicts", "to_pylist", "tolist", "to_list", "to_dict")


class Unfit(ValueError):  # noqa: N818 - it is about the value, not about us
    """A value, or a part of it, can not travel.

    `at` is where in the value, such as `[2]["name"]`, and `why` goes on from there: `is a set`.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.at = ""
        self.why = why

    def inside(self, key: Any) -> Unfit:
        """Return the same, seen from the list or dict around it."""
        self.at = f"[{json.dumps(key)}]{self.at}"
        return self

    def __str__(self) -> str:
        return f"{self.at[:SHOWN]}{'…' if len(self.at) > SHOWN else ''} {self.why}"


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as a plain one that is equal to it.

    Subclasses of the plain types become those, a tuple becomes a list, and what offers `tolist`,
    as arrays and scalars of numpy do, becomes what that returns.

    Raises:
        Unfit: it, or a part of it, is not plain.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        if value.bit_length() > LONGEST:
            raise Unfit(f"is a whole number of more than {LONGEST} bits")
        return int(value)
    if depth > DEEPEST:
        raise Unfit(f"lies deeper than {DEEPEST} levels, or in itself")
    if isinstance(value, (list, tuple)):
        return [_part(key, item, depth) for key, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key): _part(key, item, depth) for key, item in value.items()}
    return _converted(value, depth)


def _part(key: Any, item: Any, depth: int) -> Any:
    try:
        return plain(item, depth + 1)
    except Unfit as error:
        raise error.inside(key) from None


def _text(value: str) -> str:
    text = str.__str__(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Unfit("holds half of a surrogate pair, which is no character") from None
    return text


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise Unfit(f"has the key {key!r}, and keys must be text")
    return _text(key)


def _converted(value: Any, depth: int) -> Any:
    kind = type(value)
    if hasattr(kind, "tolist") and not hasattr(kind, "to_frame"):
        return plain(value.tolist(), depth + 1)
    why = f"is a {name_of(kind)}; only None, bool, int, float, str, list and dict travel"
    for method in MAY_BE_PLAIN:
        if hasattr(kind, method):
            why += f", perhaps what its `{method}` returns"
            break
    raise Unfit(why)


def name_of(kind: type) -> str:
    """Return the name of a type, with its module where that is not Python's own."""
    module = kind.__module__.partition(".")[0]
    return kind.__name__ if module in ("builtins", "__main__") else f"{module} {kind.__name__}"


def finite(value: Any) -> Any:
    """Return a plain value as it is.

    Raises:
        Unfit: it holds a number that JSON has not: NaN, or an infinity.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit(f"is {value}, a number that JSON has not")
    if isinstance(value, (list, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            try:
                finite(item)
            except Unfit as error:
                raise error.inside(key) from None
    return value


def show(names: dict, name: str, mark: str) -> None:
    """Print a variable as JSON between two marks: behind a `=`, or `?` if there is none.

    Behind a `!` stands why it can not travel.
    """
    if name not in names:
        answer = "?"
    else:
        try:
            answer = "=" + json.dumps(finite(plain(names[name])))
        except Unfit as error:
            answer = f"!{error}"
    sys.stdout.write(f"{mark}{answer}{mark}\n")
