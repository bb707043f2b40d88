"""Points of a sweep: options, grid files, names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.cli import _resolve_type

from silik_magics.batch.sweep_points import (
    NAME_LENGTH,
    key_of,
    name_of,
    points,
    read_grid,
    read_grid_file,
    read_value,
)
from silik_magics.errors import CommandError


def told(caught: pytest.ExceptionInfo[CommandError]) -> str:
    return f"{caught.value.message}\n{caught.value.hint}"


@pytest.mark.parametrize(
    "text",
    ["1", "-1", "1.5", "1e3", "True", "False", "true", "None", "null", "", "a b", "inf", "1_000"],
)
def test_values_are_read_as_papermill_reads_them(text: str) -> None:
    mine, theirs = read_value(text), _resolve_type(text)
    assert (type(mine), mine) == (type(theirs), theirs)


@given(st.text(max_size=12))
def test_any_text_is_read_as_papermill_reads_it(text: str) -> None:
    mine, theirs = read_value(text), _resolve_type(text)
    assert repr(mine) == repr(theirs)  # `nan` is not equal to itself


def test_options_make_all_combinations_in_order() -> None:
    made = points(["alpha=0.1,0.2", "mode=fast,slow"])
    assert [point.name for point in made] == [
        "alpha=0.1,mode=fast",
        "alpha=0.1,mode=slow",
        "alpha=0.2,mode=fast",
        "alpha=0.2,mode=slow",
    ]
    assert made[2].parameters == {"alpha": 0.2, "mode": "fast"}


def test_a_quoted_value_may_hold_a_comma() -> None:
    assert [x.parameters["a"] for x in points(['a="x, y",z'])] == ["x, y", "z"]


@pytest.mark.parametrize("option", ["alpha", "=1", "alpha=", ""])
def test_an_option_that_gives_no_values_is_refused(option: str) -> None:
    with pytest.raises(CommandError) as caught:
        points([option])
    assert "gives no values" in told(caught)


def test_a_name_or_a_point_that_is_given_twice_is_refused() -> None:
    for options, grid in ((["a=1", "a=2"], []), (["a=1"], [{"a": 2}])):
        with pytest.raises(CommandError, match="a is given twice"):
            points(options, grid)
    with pytest.raises(CommandError, match="the point a=1 is there twice"):
        points(["a=1,2,1"])
    with pytest.raises(CommandError, match="nothing to sweep over"):
        points([])


def test_rows_of_a_grid_are_combined_with_options() -> None:
    made = points(["seed=1,2"], [{"a": 1}, {"a": 2}])
    assert [point.name for point in made] == [
        "a=1,seed=1",
        "a=1,seed=2",
        "a=2,seed=1",
        "a=2,seed=2",
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("- {a: 1, b: x}\n- {a: 2, b: y}\n", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ("a: [1, 2]\nb: x\n", [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]),
        ("- a: [1, {b: null}]\n", [{"a": [1, {"b": None}]}]),
    ],
)
def test_a_yaml_grid_is_a_list_of_points_or_lists_of_values(
    text: str, rows: list[dict[str, Any]]
) -> None:
    assert read_grid(text, "grid.yaml") == rows


def test_a_csv_grid_has_a_point_a_row() -> None:
    text = 'alpha, mode\n0.1, fast\n\n2, "a, b"\n'
    assert read_grid(text, "g.CSV") == [
        {"alpha": 0.1, "mode": "fast"},
        {"alpha": 2, "mode": "a, b"},
    ]


@pytest.mark.parametrize(
    ("text", "file", "message"),
    [
        ("", "g.yaml", "g.yaml holds no point"),
        ("a: []\n", "g.yaml", "g.yaml holds no point"),
        ("[1, 2]", "g.yaml", "g.yaml is no list of points, nor lists of values by name: 1"),
        ("7", "g.yaml", "g.yaml is no list of points"),
        ("- {a: 2026-01-01}", "g.yaml", "no list of points"),  # papermill can not write a date
        ("- {1: 2}", "g.yaml", "no list of points"),
        ("a: [1\nb: 2\n", "g.yaml", "g.yaml, line 2: expected ',' or ']'"),
        ("", "g.csv", "g.csv holds no point"),
        ("a,b\n", "g.csv", "g.csv holds no point"),
        ("a,b\n1,2\n3\n", "g.csv", "g.csv, line 3: 1 values for 2 parameters"),
        ("a,a\n1,2\n", "g.csv", "must name the parameters, each once: a, a"),
        ('a,b\n1,"2\n', "g.csv", "g.csv, line 2: unexpected end of data"),
    ],
)
def test_a_malformed_grid_is_refused_and_says_where(text: str, file: str, message: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_grid(text, file)
    assert message in told(caught)
    assert caught.value.hint


def test_a_grid_file_that_is_not_there_or_is_no_grid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_bytes(b"\xff\xfe")
    for file, message in (
        ("none.csv", "none.csv: No such file"),
        ("g.txt", "g.txt is no grid"),
        ("g.csv", "g.csv is no UTF-8 text"),
    ):
        with pytest.raises(CommandError) as caught:
            read_grid_file(tmp_path / file)
        assert message in told(caught)


# Names


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"a": 1, "mode": "fast"}, "a=1,mode=fast"),
        ({"a": 0.1, "b": True, "c": None}, "a=0.1,b=True,c=None"),
        ({"name": "größer"}, "name=größer"),
    ],
)
def test_names_are_the_parameters_where_these_can_be_read_back(
    parameters: dict[str, Any], name: str
) -> None:
    assert name_of(parameters) == name


@pytest.mark.parametrize(
    "parameters",
    [
        {"a": "1"},  # not the number
        {"a": "x/y"},
        {"a": "../../etc"},
        {"a": "x" * 300},
        {"a": [1, 2]},
        {"a": "x,b=2"},
        {"a": "\0\n"},
        {".": "."},
    ],
)
def test_other_names_are_safe_and_carry_a_mark(parameters: dict[str, Any]) -> None:
    name = name_of(parameters)
    assert name[-7] == "~"
    assert len(name) <= NAME_LENGTH
    assert not set(name) & set("/\0\n")
    assert not name.startswith(".")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
PARAMETERS = st.dictionaries(st.text(min_size=1, max_size=5), SCALARS, max_size=3)


@given(st.lists(PARAMETERS, min_size=1, max_size=8))
def test_no_two_points_share_a_name(rows: list[dict[str, Any]]) -> None:
    unique = list({key_of(row): row for row in rows}.values())
    names = [point.name for point in points([], unique)]
    assert len({name.casefold() for name in names}) == len(unique)
