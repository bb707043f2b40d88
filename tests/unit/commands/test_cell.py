from __future__ import annotations

import pytest

from silik_magics.commands.cell import Header, read_header
from silik_magics.commands.execution import Limits
from silik_magics.errors import CommandError
from silik_magics.language.words import split


def header(first: str) -> Header:
    return read_header([word.expand({}) for line in split(first) for word in line.words])


@pytest.mark.parametrize("first", ["", "  ", "# note"])
def test_a_bare_magic_means_that_the_body_is_commands(first: str) -> None:
    assert header(first) == Header()


@pytest.mark.parametrize("first", ["k1.py", "run k1.py", "> k1.py", ">k1.py", "'k1.py'"])
def test_run_and_the_greater_sign_in_front_of_the_paths_change_nothing(first: str) -> None:
    assert header(first) == Header(("k1.py",))


def test_the_options_stand_anywhere() -> None:
    expected = Header(("k1.py", "models/*"), Limits(3.0, "stop"), "result")
    assert header("k1.py --timeout 3 models/* --on-timeout stop --capture result") == expected


def test_a_quoted_name_of_a_command_is_a_path() -> None:
    assert header("'tree'").paths == ("tree",)
    assert header("'run'").paths == ("run",)


@pytest.mark.parametrize(
    ("first", "message", "hint"),
    [
        ("tree", "tree is a command, and %%silik PATH... takes kernels", "`%silik tree ...`"),
        ("start python3", "start is a command", "`%silik start ...`"),
        ("run", "%%silik run names no kernel", "`%%silik PATH...`"),
        (">", "%%silik > names no kernel", "`%%silik PATH...`"),
        ("k1.py -h", "%%silik runs the body of the cell", "`help run`"),
        ("k1.py --capture 1x", "--capture 1x is no name of a Python variable", "another name"),
        ("k1.py --capture class", "--capture class is no name of a Python variable", "another"),
        ("--timeout 3", "%%silik: missing argument 'PATH...'", "%%silik [OPTIONS] PATH..."),
        ("k1.py --capure x", "%%silik has no option --capure", "did you mean --capture?"),
        ("k1.py --timeout x", "%%silik: invalid value for '--timeout'", "%%silik"),
    ],
)
def test_a_wrong_first_line_says_how_it_is_written(first: str, message: str, hint: str) -> None:
    with pytest.raises(CommandError) as caught:
        header(first)
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint
