from __future__ import annotations

import pickle

import pytest

from silik_magics.errors import (
    CommandError,
    KernelDied,
    KernelTimeout,
    MissingDependency,
    RemoteError,
    SilikError,
    UnknownCommand,
    did_you_mean,
    remote_error,
)


def shown(error: SilikError) -> list[str]:
    return error._render_traceback_()


def test_an_error_is_shown_as_its_message_and_a_hint_without_a_traceback() -> None:
    error = CommandError("k2.py is not in ~/", "did you mean k1.py?")
    assert shown(error) == ["CommandError: k2.py is not in ~/", "Hint: did you mean k1.py?"]


def test_an_error_without_a_hint_has_no_hint_line() -> None:
    assert shown(KernelTimeout("late")) == ["KernelTimeout: late"]


def test_the_detail_of_an_error_is_shown_above_it() -> None:
    error = KernelTimeout("k1.py did not finish", "wait")
    error.detail = ["Traceback", "KeyboardInterrupt"]
    assert shown(error)[:2] == ["Traceback", "KeyboardInterrupt"]
    assert shown(error)[2] == "KernelTimeout: k1.py did not finish"


@pytest.mark.parametrize("kind", [CommandError, KernelDied, KernelTimeout, RemoteError])
def test_every_error_is_a_silik_error(kind: type[SilikError]) -> None:
    assert issubclass(kind, SilikError)


def test_an_unknown_command_names_the_word_what_was_meant_and_what_there_is() -> None:
    error = UnknownCommand("strat", ["tree", "start", "stop"])
    assert isinstance(error, CommandError)
    assert error.message == "strat (did you mean start?)"
    assert error.hint.startswith("the commands are start, stop, tree.")


def test_an_unknown_command_like_no_other_is_named_alone() -> None:
    assert str(UnknownCommand("xyzzy", ["tree"])) == "xyzzy"


def test_a_missing_dependency_says_what_to_type() -> None:
    error = MissingDependency("mcp", "mcp")
    assert error.message == "mcp is not installed"
    assert error.hint == "pip install 'silik-magics[mcp]'"


def test_a_guess_names_the_closest_and_never_what_is_far() -> None:
    assert did_you_mean("modles", ["models", "modes", "zebra"]) == "did you mean modes or models?"
    assert did_you_mean("qqq", ["models"]) == ""
    assert did_you_mean("qqq", []) == ""


def test_a_remote_error_has_the_name_and_the_traceback_of_the_kernel() -> None:
    error = remote_error("ZeroDivisionError", "division by zero", ["line 1", "line 2"])
    assert type(error).__name__ == "ZeroDivisionError"
    assert isinstance(error, RemoteError)
    assert str(error) == "division by zero"
    assert shown(error) == ["line 1", "line 2"]


def test_a_remote_error_without_a_traceback_is_shown_by_name_and_value() -> None:
    assert shown(remote_error("Error", "no", [])) == ["Error: no"]


@pytest.mark.parametrize("ename", ["", "a b", "é", "a\0b", "\ud800", "x" * 300])
def test_a_kernel_may_call_its_error_anything(ename: str) -> None:
    error = remote_error(ename, "value", [])
    assert error.ename == ename
    assert type(error).__name__


@pytest.mark.parametrize(
    "error",
    [
        CommandError("message", "hint"),
        UnknownCommand("strat", ["start"]),
        MissingDependency("mcp", "mcp"),
        remote_error("ValueError", "no", ["traceback"]),
    ],
)
def test_errors_survive_pickling(error: SilikError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back).__name__ == type(error).__name__
    assert (back.message, back.hint, shown(back)) == (error.message, error.hint, shown(error))


def test_what_an_error_names_does_not_move_the_cursor_nor_turn_the_line_around() -> None:
    error = CommandError("no \x1b[2Jkernel\x07 is \u202eat a\ud800\nb", "\x1b]0;title\x07")
    assert str(error) == "no \\x1b[2Jkernel\\x07 is \\u202eat a?\nb"
    assert error.hint == "\\x1b]0;title\\x07"


def test_colours_stay_in_what_a_kernel_wrote() -> None:
    assert str(CommandError("\x1b[31mred\x1b[0m")) == "\x1b[31mred\x1b[0m"


def test_a_remote_error_is_the_kernels_own_word() -> None:
    assert str(remote_error("E", "a\x1b[2Jb\ud800", [])) == "a\x1b[2Jb?"
