"""What a run leaves behind: its row, in its notebook too."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from silik_magics.batch.sweep_row import (
    DIED,
    ERROR,
    METADATA,
    OK,
    Row,
    Task,
    commit,
    committed,
    recorded,
)


def scrap(name: str, data: Any, encoder: str = "json") -> dict[str, Any]:
    """An output as scrapbook's `glue` makes it."""
    kind = f"application/scrapbook.scrap.{encoder}+json"
    payload = {"name": name, "data": data, "encoder": encoder, "version": 1}
    return {"output_type": "display_data", "data": {kind: payload}, "metadata": {}}


def notebook_with(*outputs: dict[str, Any]) -> dict[str, Any]:
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": list(outputs)}]
    return {"cells": cells, "metadata": {"papermill": {}}, "nbformat": 4, "nbformat_minor": 5}


def test_values_are_those_of_scrapbook_and_of_old_papermill() -> None:
    record = {
        "output_type": "display_data",
        "data": {"application/papermill.record+json": {"b": 2}},
    }
    stream = {"output_type": "stream", "text": "hello"}
    found = notebook_with(
        scrap("a", 1),
        stream,
        record,
        scrap("a", [1, 2]),
        scrap("t", "text", "text"),
        scrap("table", "UEFSMQ==", "pandas"),
        {"output_type": "display_data", "data": {"application/scrapbook.scrap.json+json": "odd"}},
    )
    assert recorded(found) == {"a": [1, 2], "b": 2, "t": "text"}


def task_in(folder: Path, **changes: Any) -> Task:
    made = Task("sweep", "session", "a=1", {"a": 1}, str(folder / "n.ipynb"), str(folder), ".")
    return replace(made, **changes)


def test_a_notebook_that_was_committed_tells_its_row(tmp_path: Path) -> None:
    task = task_in(tmp_path)
    task.part.write_text(json.dumps(notebook_with(scrap("b", 2))))
    row = commit(task, task.row(OK, 1.5))
    assert row.values == {"b": 2}
    assert not task.part.exists()
    assert committed(task) == row
    assert json.loads(task.output.read_text())["metadata"]["papermill"]["output_path"] == str(
        task.output
    )
    assert committed(replace(task, attempt=2)) is None
    assert committed(replace(task, sweep="another")) is None
    assert committed(replace(task, name="a=2")) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"metadata": {}}', f'{{"metadata": {{"{METADATA}": 1}}}}']
)
def test_a_file_of_somebody_else_is_no_row(tmp_path: Path, text: str) -> None:
    task = task_in(tmp_path)
    task.output.write_text(text)
    assert committed(task) is None


def test_half_a_notebook_is_removed_and_the_row_alone_tells(tmp_path: Path) -> None:
    task = task_in(tmp_path)
    task.part.write_text('{"cells": [')
    row = commit(task, task.row(DIED, 1, "x"))
    assert row.error == "x"
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_line_and_not_long(tmp_path: Path) -> None:
    error = task_in(tmp_path).row(ERROR, 0, "one\n  two\n" + "x" * 1000).error
    assert error.startswith("one two xxx")
    assert len(error) == 300


def test_a_row_survives_the_way_through_json() -> None:
    found = Row("x", {"a": math.inf}, OK, 1.0, "e", 2, {"b": None})
    assert Row(**json.loads(json.dumps(asdict(found)))) == found
