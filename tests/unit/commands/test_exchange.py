from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from silik_magics.commands.completion import complete
from silik_magics.commands.context import State
from silik_magics.commands.exchange import _names_and_paths
from silik_magics.errors import CommandError
from silik_magics.language.literals import Text

Say = Callable[..., str]


@pytest.fixture
def known(state: State) -> State:
    """A state with variables: of the language, and of a notebook around it."""
    state.variables = {"alpha": "0.6", "name": "titanic", "version": Text("1.0"), "both": "1"}
    state.host = {"rows": [1, (2, 3)], "both": 2, "models": 3, "part": {4}, "_hidden": 5}
    return state


@pytest.mark.parametrize(
    ("words", "values", "paths"),
    [
        ("alpha k1", {"alpha": 0.6}, "k1"),
        ("alpha name version k1", {"alpha": 0.6, "name": "titanic", "version": "1.0"}, "k1"),
        ("x=[1,2] y= models/", {}, ""),
        ("x=1 k1 models/*", {"x": 1}, "k1 models/*"),
        ("rows k1", {"rows": [1, [2, 3]]}, "k1"),
        ("both k1", {"both": 1}, "k1"),
        ("models k1", {"models": 3}, "k1"),
        ("x=a=b k1", {"x": "a=b"}, "k1"),
        ("x=1 alpha", {"x": 1}, "alpha"),
        ("alpha alpha", {"alpha": 0.6}, "alpha"),
    ],
)
def test_words_are_names_as_long_as_they_are_known_and_the_last_is_a_path(
    known: State, words: str, values: dict[str, Any], paths: str
) -> None:
    if not values:
        with pytest.raises(CommandError, match="y= is no JSON"):
            _names_and_paths(known, words.split())
        return
    assert _names_and_paths(known, words.split()) == (values, tuple(paths.split()))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("k1", "put k1 names no variable"),
        ("x=1", "put x=1 names no kernel"),
        ("beta k1", "no variable is called beta"),
        ("x=1 models k1", "models is a variable and a path too"),
        ("x=1 k1 y=2 k1", "y=2 stands where a path is expected"),
        ("x=1 y=2", "y=2 stands where a path is expected"),
        ("x=1 x=2 k1", "x stands twice in front of the paths"),
        ("part k1", "part is a set; only None, bool, int, float, str, list and dict travel"),
    ],
)
def test_words_that_make_no_sense_are_an_error(known: State, words: str, told: str) -> None:
    with pytest.raises(CommandError) as caught:
        _names_and_paths(known, words.split())
    assert caught.value.message == told


def test_a_name_that_is_nearly_known_is_guessed(known: State) -> None:
    with pytest.raises(CommandError) as caught:
        _names_and_paths(known, ["row", "k1"])
    assert caught.value.hint == "did you mean rows?"


def test_variables_and_paths_are_offered(known: State) -> None:
    def offered(cell: str) -> set[str]:
        return {item.text for item in complete(known, cell, len(cell)).items}

    found = offered("put ")
    assert {"alpha", "rows", "both", "k1.py", "models/"} <= found
    assert "_hidden" not in found
    assert offered("put alpha models/k") == {"models/k1.py"}
    assert "models/" in offered("get alpha m")


def test_without_a_host_there_are_only_variables_of_the_language(state: State) -> None:
    with pytest.raises(CommandError, match="no variable is called rows"):
        _names_and_paths(state, ["rows", "k1"])


def test_set_keeps_text_apart_and_shows_it_as_it_is(say: Say) -> None:
    assert say("set --text zip 007\nset zip2 --text '-1'", "set") == (
        "name  value\nzip   007\nzip2  -1\n"
    )
    assert say("set --text a 1\nset b '${a}'\nset c ${a}", "set") == (
        "name  value\na     1\nb     ${a}\nc     1\n"
    )
