from __future__ import annotations

import asyncio
import datetime
import math
from typing import Any

import nbformat
import papermill
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from papermill.inspection import inspect_notebook
from papermill.translators import papermill_translators, translate_parameters
from support.session import Session

from silik_magics.batch.translator import register
from silik_magics.errors import CommandError
from silik_magics.language.literals import value_of

register()

NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["0.6", "true", "null", '"', "'", "\n", "${x}", "#", "--text", "-1", "[]"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def cell_of(parameters: dict[str, Any], comment: str = "Parameters") -> str:
    return translate_parameters("silik", "silik", parameters, comment)


async def variables_after(cell: str) -> dict[str, Any]:
    async with Session() as session:
        assert await session.type(cell) == ""
        return {name: value_of(x) for name, x in session.shell.state.variables.items()}


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.text())
@example({"x": "\0-1", "y": "a\r\nb\n", "z": {"'": '"'}}, "one\ntwo")
def test_parameters_that_were_translated_and_run_are_equal(
    parameters: dict[str, Any], comment: str
) -> None:
    found = asyncio.run(variables_after(cell_of(parameters, comment)))
    assert found == parameters
    assert repr(found) == repr(dict(parameters))


def test_the_cell_of_parameters_can_be_read() -> None:
    parameters = {"alpha": 0.6, "name": "titanic", "zip": "02134", "version": "1.0", "rows": [1]}
    assert cell_of(parameters) == (
        "# Parameters\n"
        "set alpha 0.6\n"
        "set name titanic\n"
        "set zip 02134\n"
        "set version --text 1.0\n"
        "set rows '[1]'\n"
    )


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"x": [math.nan]}, r"x\[0\] is NaN, and silik has no such number"),
        ({"x": datetime.date(2024, 1, 31)}, "x is a datetime date; only None, bool"),
        ({"x": {1: 2}}, "x has the key 1, and keys must be text"),
        ({"a b": 1}, "'a b' is no name of a variable in silik"),
    ],
)
def test_what_can_not_be_a_parameter_is_an_error(parameters: dict[str, Any], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        cell_of(parameters)


def test_deno_gets_its_parameters_in_javascript() -> None:
    cell = translate_parameters("deno", "typescript", {"a": [1, None]}, "first\nsecond")
    assert cell.startswith("// first\n// second\n((_silik) => ")
    assert cell.endswith("})([1, null]);\n")


def test_octave_gets_its_parameters() -> None:
    assert translate_parameters("octave", "octave", {"a": "b"}) == "% Parameters\na = 'b';\n"


def test_languages_that_papermill_knows_keep_its_translators() -> None:
    found = papermill_translators.find_translator("python3", "python")
    assert found.__module__ == "papermill.translators"


# Finding parameters

CELL = """\
# How much.
set alpha 0.6
set name 'a b'

# Which ones,
#   by number.
set rows "[1, 2]"
set --text version 1.0

# not for the next

set flag true
set none null
start python3
set
set half
set open 'never closed
"""


def notebook_of(cell: str) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    made.cells[0].metadata["tags"] = ["parameters"]
    made.metadata["kernelspec"] = {"name": "silik", "display_name": "silik", "language": "silik"}
    return made


def test_papermill_finds_the_parameters_of_a_notebook(tmp_path: Any) -> None:
    nbformat.write(notebook_of(CELL), tmp_path / "in.ipynb")
    found = inspect_notebook(tmp_path / "in.ipynb")
    told = [tuple(parameter.values()) for parameter in found.values()]
    assert told == [
        ("alpha", "float", "0.6", "How much."),
        ("name", "str", "'a b'", ""),
        ("rows", "list", '"[1, 2]"', "Which ones, by number."),
        ("version", "str", "1.0", ""),
        ("flag", "bool", "true", ""),
        ("none", "NoneType", "null", ""),
    ]


@given(st.text())
def test_looking_for_parameters_in_any_text_raises_nothing(cell: str) -> None:
    papermill_translators.find_translator("silik", "silik").inspect({"source": cell})


def test_the_cell_goes_behind_the_one_with_the_defaults() -> None:
    source = notebook_of("set alpha 0.1")
    done = papermill.execute_notebook(source, None, {"alpha": 0.6}, prepare_only=True)
    assert [cell.source for cell in done.cells] == [
        "set alpha 0.1",
        "# Parameters\nset alpha 0.6\n",
    ]
