from __future__ import annotations

from typing import Any

import nbformat
import pytest

from silik_magics.batch.subkernels import QUESTIONS, ended, forget, note, rows_of

ROW = {"path": "k1.py", "executions": 1, "end": None}
GONE = {"path": "k2.py", "executions": 0, "end": "killed by SIGKILL"}


def reply(data: dict[str, Any]) -> dict[str, Any]:
    value = {"status": "ok", "data": data, "metadata": {}}
    return {"status": "ok", "user_expressions": {"silik": value}}


def test_the_rows_are_the_json_of_the_expression() -> None:
    assert rows_of(reply({"application/json": [ROW], "text/plain": "..."})) == [ROW]


@pytest.mark.parametrize(
    "content",
    [
        {"status": "error"},
        {"status": "aborted", "user_expressions": {}},
        {"status": "ok", "user_expressions": None},
        {"status": "ok", "user_expressions": {"silik": {"status": "error", "ename": "X"}}},
        reply({"text/plain": "{}"}),
    ],
)
def test_a_kernel_that_does_not_tell_tells_nothing(content: dict[str, Any]) -> None:
    assert rows_of(content) is None


def test_what_runs_at_the_end_is_said_so() -> None:
    ends = [row["end"] for row in ended([ROW, GONE], lost=False)]
    assert ends == ["running at the end", "killed by SIGKILL"]


def test_what_the_notebooks_kernel_took_along_is_lost() -> None:
    ends = [row["end"] for row in ended([ROW, GONE], lost=True)]
    assert ends == ["lost with the notebook's kernel", "killed by SIGKILL"]


def test_a_notebook_without_sub_kernels_is_left_as_it_is() -> None:
    notebook = nbformat.v4.new_notebook()
    forget(notebook)
    note(notebook, [])
    assert notebook.metadata == {}


def test_rows_take_the_place_of_those_of_an_earlier_run() -> None:
    notebook = nbformat.v4.new_notebook(metadata={"silik": {"mine": 1, "kernels": [GONE]}})
    forget(notebook)
    assert notebook.metadata == {"silik": {"mine": 1}}
    note(notebook, [ROW])
    note(notebook, [ROW, GONE])
    assert notebook.metadata == {"silik": {"mine": 1, "kernels": [ROW, GONE]}}
    notebook.metadata.silik.pop("mine")
    forget(notebook)
    assert notebook.metadata == {}


def test_a_python_notebook_is_asked_only_after_cells_that_mention_silik() -> None:
    assert QUESTIONS["python"].concerns("%silik start python3")
    assert not QUESTIONS["python"].concerns("1 + 1")
    assert QUESTIONS["silik"].concerns("start python3")
