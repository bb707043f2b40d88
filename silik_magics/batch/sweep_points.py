"""The points of a sweep: which combinations of parameters, and what each is called; pure.

Values are read as papermill's command line reads them: `True`, `False`, `None`, numbers, else text.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from silik_magics.errors import CommandError
from silik_magics.kernels.files import UnfitFileError, read_bytes

Parameters = dict[str, Any]

LARGEST = 100_000_000  # bytes of a grid file
NAME_LENGTH = 100  # characters of a point's name; file systems take 255 bytes
_UNSAFE = re.compile(r"[^\w.+=,-]+")
_WORDS = {"True": True, "False": False, "None": None}


@dataclass(frozen=True)
class Point:
    """One run of the notebook: its parameters, and the name of its output, without the suffix."""

    name: str
    parameters: Parameters

    @property
    def key(self) -> str:
        """What tells it from the other points, whatever it is called."""
        return key_of(self.parameters)


def key_of(parameters: Mapping[str, Any]) -> str:
    """Return parameters as one text, the same for the same values."""
    return json.dumps(parameters, sort_keys=True, ensure_ascii=False)


def read_value(text: str) -> Any:
    """Return the value that a word of a command line means, as papermill reads it."""
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_values(option: str) -> tuple[str, list[Any]]:
    """Read `NAME=V1,V2,...`; a value that holds a comma stands in double quotes.

    Raises:
        CommandError: it is not written so.
    """
    name, equals, values = option.partition("=")
    if not name or not equals or not values:
        raise CommandError(f"-p {option} gives no values", "write `-p NAME=VALUE,VALUE,...`.")
    rows = list(csv.reader([values], skipinitialspace=True))
    return name, [read_value(value) for row in rows for value in row]


def read_grid_file(file: Path) -> list[Parameters]:
    """Return the rows of a grid file.

    Raises:
        CommandError: it can not be read.
    """
    if file.suffix.lower() not in (".csv", ".yaml", ".yml"):
        raise CommandError(f"{file} is no grid", "give a .yaml or a .csv file.")
    try:
        return read_grid(read_bytes(file, LARGEST).decode("utf-8-sig"), str(file))
    except OSError as error:
        raise CommandError(
            f"{file}: {error.strerror}", f"paths are relative to {Path.cwd()}"
        ) from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is no UTF-8 text", "save it as UTF-8.") from None
    except UnfitFileError as error:
        raise CommandError(f"{file} can not be read: {error}", "name another file.") from None


def read_grid(text: str, file: str) -> list[Parameters]:
    """Return the rows of a grid file.

    A CSV file has the names in its first line and a row for each point. A YAML file is a list of
    points, or gives for each name its values, of which all combinations are taken.

    Args:
        text: what it holds.
        file: its name, which says what it is.

    Raises:
        CommandError: it can not be read, and where.
    """
    rows = _csv_rows(text, file) if file.lower().endswith(".csv") else _yaml_rows(text, file)
    if not rows:
        raise CommandError(f"{file} holds no point", "give it at least one.")
    return rows


def points(options: Iterable[str], grid: Sequence[Parameters] = ()) -> list[Point]:
    """Return the points of a sweep: each row of the grid with each combination of the options.

    Raises:
        CommandError: an option is not `NAME=VALUES`, a name is given twice, or a point is.
    """
    given: dict[str, list[Any]] = {}
    options = list(options)
    if not options and not grid:
        raise CommandError("there is nothing to sweep over", "give `-p NAME=V1,V2` or `--grid`.")
    for option in options:
        name, values = read_values(option)
        if name in given or any(name in row for row in grid):
            raise CommandError(f"{name} is given twice", "give its values in one place.")
        given[name] = values
    all_parameters = [
        {**row, **dict(zip(given, values, strict=True))}
        for row in (grid or [{}])
        for values in itertools.product(*given.values())
    ]
    count = Counter(map(key_of, all_parameters))
    twice = next((x for x in all_parameters if count[key_of(x)] > 1), None)
    if twice is not None:
        raise CommandError(f"the point {_plain_name(twice)} is there twice", "give it once.")
    return _named(all_parameters)


def _named(all_parameters: Sequence[Parameters]) -> list[Point]:
    names = [name_of(parameters) for parameters in all_parameters]
    count = Counter(name.casefold() for name in names)  # file systems may not tell `A` from `a`
    return [
        Point(name if count[name.casefold()] == 1 else _marked(name, parameters), parameters)
        for name, parameters in zip(names, all_parameters, strict=True)
    ]


def name_of(parameters: Parameters) -> str:
    """Return a readable name, which is that of no other point; marked where it does not tell all.

    The mark is a few letters made from the values: what could not be written into a file's name,
    or does not read back as the same value, differs there.
    """
    name = _plain_name(parameters)
    safe = _UNSAFE.sub("-", name).strip(".") or "point"
    tells = safe == name and len(name) <= NAME_LENGTH
    if tells and all(_reads_back(value) for value in parameters.values()):
        return name
    return _marked(safe, parameters)


def _plain_name(parameters: Parameters) -> str:
    return ",".join(f"{name}={_written(value)}" for name, value in parameters.items())


def _written(value: Any) -> str:
    return (
        value if isinstance(value, str) else json.dumps(value) if _is_nested(value) else f"{value}"
    )


def _is_nested(value: Any) -> bool:
    return isinstance(value, list | dict)


def _reads_back(value: Any) -> bool:
    text = _written(value)
    again = read_value(text)
    return type(again) is type(value) and again == value and not set(text) & set(",=")


def _marked(name: str, parameters: Parameters) -> str:
    mark = hashlib.sha256(key_of(parameters).encode()).hexdigest()[:6]
    return f"{name[: NAME_LENGTH - 7]}~{mark}"


def _csv_rows(text: str, file: str) -> list[Parameters]:
    reader = csv.reader(io.StringIO(text), skipinitialspace=True, strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise CommandError(f"{file}, line {reader.line_num}: {error}", "mend the file.") from None
    if not lines:
        return []
    (_, names), *rows = lines
    if "" in names or len(set(names)) < len(names):
        raise CommandError(
            f"the first line of {file} must name the parameters, each once: {', '.join(names)}",
            "below it stands a row for each point.",
        )
    for number, row in rows:
        if len(row) != len(names):
            raise CommandError(
                f"{file}, line {number}: {len(row)} values for {len(names)} parameters",
                f"the first line names {', '.join(names)}.",
            )
    return [dict(zip(names, map(read_value, row), strict=True)) for _, row in rows]


def _yaml_rows(text: str, file: str) -> list[Parameters]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        told = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise CommandError(f"{file}{where}: {told}", "mend the file.") from None
    if isinstance(found, dict):
        columns = [value if isinstance(value, list) else [value] for value in found.values()]
        found = [dict(zip(found, row, strict=True)) for row in itertools.product(*columns)]
    rows = found if isinstance(found, list) else []
    wrong = [row for row in rows if not (isinstance(row, dict) and _is_plain(row))]
    if (found is not None and not isinstance(found, list)) or wrong:
        what = f": {wrong[0]!r}" if wrong else ""
        raise CommandError(
            f"{file} is no list of points, nor lists of values by name{what}",
            "write `- {name: value}` for each point, or `name: [value, value]` for each name.",
        )
    return rows


def _is_plain(value: Any) -> bool:
    """Say whether a value is one of JSON, which has no dates and whose names are texts."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
