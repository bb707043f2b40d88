"""The tables of a sweep."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from silik_magics.batch import sweep_results
from silik_magics.batch.sweep_row import ERROR, OK, Row


def test_the_tables_hold_parameters_fixed_columns_and_values(tmp_path: Path) -> None:
    (tmp_path / "a=1.ipynb").touch()
    rows = [
        Row("a=1", {"a": 1}, OK, 1.25, "", 1, {"loss": 0.5, "status": "fine", "a": {"b": "ü"}}),
        Row("a=2", {"a": 2, "seconds": 3}, ERROR, 2.0, 'ValueError: "x", y', 2),
    ]
    sweep_results.write(tmp_path, rows)
    head, first, second = csv.reader(io.StringIO((tmp_path / "results.csv").read_text()))
    assert head == [
        *["a", "parameters.seconds", "status", "seconds", "attempt"],
        *["loss", "values.status", "values.a", "error", "output"],
    ]
    output = str(tmp_path / "a=1.ipynb")
    assert first == ["1", "", "ok", "1.25", "1", "0.5", "fine", '{"b": "ü"}', "", output]
    assert second == ["2", "3", "error", "2.0", "2", "", "", "", 'ValueError: "x", y', ""]
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert lines[0]["values"]["a"] == {"b": "ü"}
    assert lines[1]["parameters"] == {"a": 2, "seconds": 3}
    assert list(lines[0]) == [
        *["parameters", "status", "seconds", "attempt", "error", "output", "values"]
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *["a=1.ipynb", "results.csv", "results.jsonl"]
    ]


def test_a_table_without_rows_has_a_head(tmp_path: Path) -> None:
    assert list(csv.reader(io.StringIO(sweep_results.csv_text([], tmp_path)))) == [
        ["status", "seconds", "attempt", "error", "output"]
    ]
