from __future__ import annotations

from collections.abc import Callable

import pytest

from silik_magics.commands.table import commands, names

Say = Callable[..., str]


def test_set_shows_what_was_set_in_order(say: Say) -> None:
    assert say("set") == "No variable is set.\n"
    assert say("set b 2\nset a 'x y'", "set") == "name  value\na     x y\nb     2\n"


def test_the_last_value_holds_and_unset_forgets_it(say: Say) -> None:
    assert say("set a 1\nset a 2", "set") == "name  value\na     2\n"
    assert say("set a 1\nunset a", "set") == "No variable is set.\n"


def test_a_value_may_be_empty_or_negative_when_it_is_quoted(say: Say) -> None:
    assert say("set a ''\nset b '-1'", "set") == "name  value\na\nb     -1\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("set a", 'set a lacks a value\nHint: write `set a VALUE`, or "" for none'),
        ("set 1a x", "1a is no name of a variable\nHint: use letters, digits and `_`"),
        ("set é x", "é is no name of a variable\nHint: use letters"),
        ("set '' x", "'' is no name of a variable\nHint: use letters"),
        ("set a -1", "set has no option -1\nHint: Quote a word that is no option."),
        ("unset b", "no variable is called b\nHint: there is alpha"),
        ("unset alhpa", "no variable is called alhpa\nHint: did you mean alpha?"),
    ],
)
def test_mistakes_with_variables(say: Say, line: str, told: str) -> None:
    assert say("set alpha 0", line).startswith(f"CommandError: {told}")


def test_unset_without_variables_says_that_there_are_none(say: Say) -> None:
    assert say("unset a") == "CommandError: no variable is called a\nHint: none is set.\n"


def test_ps_without_kernels_says_so(say: Say) -> None:
    assert say("ps") == "No kernel is here.\n"


def test_kernels_shows_what_can_be_started(say: Say) -> None:
    head, *lines = say("kernels").splitlines()
    assert head.split("  ")[0] == "name"
    assert any(line.startswith("python3 ") for line in lines)


def test_help_names_every_command(say: Say) -> None:
    shown = [line.split()[0] for line in say("help").splitlines() if line]
    assert shown[:-1] == [str(found.name) for found in commands()]


@pytest.mark.parametrize("name", names())
def test_the_ways_to_ask_for_help_show_the_same(say: Say, name: str) -> None:
    shown = say(f"help '{name}'")
    assert shown.startswith("Usage: ")
    assert say(f"help --cmd '{name}'") == shown
    assert say(f"{name} -h") == shown


@pytest.mark.parametrize("line", ["ps --watch", "ps --watch 0.01", "ps --watch=0.01", "ps"])
def test_ps_that_nobody_watches_shows_the_last_state(say: Say, line: str) -> None:
    assert say(line) == "No kernel is here.\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ps --watch k1.py", "k1.py is not in ~/\nHint: the folder is empty"),
        ("ps --watch k1.py k2.py", "k1.py is not in ~/\nHint: the folder is empty"),
        ("ps --watch 1 k1.py", "k1.py is not in ~/\nHint: the folder is empty"),
        ("ps --watch 0", "ps: invalid value for '--watch': '0' is no number of seconds\n"),
        ("ps --watch nan", "ps: invalid value for '--watch': 'nan' is no number of seconds\n"),
    ],
)
def test_the_word_behind_watch_is_a_time_or_a_path(say: Say, line: str, told: str) -> None:
    assert say(line).startswith(f"CommandError: {told}")
