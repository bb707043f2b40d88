"""The table of a sweep's results: CSV for people and spreadsheets, JSON lines for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from silik_magics.batch.sweep_row import Row

CSV_FILE = "results.csv"
JSON_FILE = "results.jsonl"
BEFORE = ("status", "seconds", "attempt")  # the recorded values
BEHIND = ("error", "output")
FIXED = (*BEFORE, *BEHIND)


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write both tables into a folder, each replaced as a whole."""
    _replace(folder / CSV_FILE, csv_text(rows, folder))
    _replace(folder / JSON_FILE, "".join(f"{line}\n" for line in json_lines(rows, folder)))


def json_lines(rows: Iterable[Row], folder: Path) -> list[str]:
    """Return a JSON object for each row: `parameters`, `values` and the fixed columns."""
    return [
        json.dumps(
            {"parameters": row.parameters, **_fixed(row, folder), "values": row.values},
            ensure_ascii=False,
        )
        for row in rows
    ]


def csv_text(rows: Sequence[Row], folder: Path) -> str:
    """Return a line for each row: parameters, how it ended, recorded values, error and output.

    What is called as a column before it is written `parameters.NAME` or `values.NAME`.
    """
    parameters = dict.fromkeys(name for row in rows for name in row.parameters)
    values = dict.fromkeys(name for row in rows for name in row.values)
    of_parameter = {name: f"parameters.{name}" if name in FIXED else name for name in parameters}
    taken = {*FIXED, *of_parameter.values()}
    of_value = {name: f"values.{name}" if name in taken else name for name in values}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*of_parameter.values(), *BEFORE, *of_value.values(), *BEHIND])
    for row in rows:
        fixed = _fixed(row, folder)
        writer.writerow(
            [
                *(_cell(row.parameters.get(name, "")) for name in parameters),
                *(fixed[name] for name in BEFORE),
                *(_cell(row.values.get(name, "")) for name in values),
                *(fixed[name] for name in BEHIND),
            ]
        )
    return file.getvalue()


def _fixed(row: Row, folder: Path) -> dict[str, Any]:
    output = folder / f"{row.name}.ipynb"
    return {
        "status": row.status,
        "seconds": row.seconds,
        "attempt": row.attempt,
        "error": row.error,
        "output": str(output) if output.exists() else "",
    }


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
