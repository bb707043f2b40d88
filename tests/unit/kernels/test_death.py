from __future__ import annotations

import signal
from pathlib import Path

import pytest

from silik_magics.errors import KernelDied
from silik_magics.kernels.death import (
    LAST_BYTES,
    LAST_LINES,
    Death,
    last_lines,
    shorten,
    signal_name,
)


@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (7, "exited with code 7"),
        (0, "exited with code 0"),
        (-signal.SIGKILL, "killed by SIGKILL"),
        (-signal.SIGSEGV, "killed by SIGSEGV"),
        (-200, "killed by signal 200"),
        (None, "gone"),
    ],
)
def test_a_death_says_how_it_came(returncode: int | None, text: str) -> None:
    assert str(Death(returncode)) == text


def test_the_error_names_the_kernel_its_end_and_what_to_type() -> None:
    error = Death(-signal.SIGKILL).error("k1.py")
    assert isinstance(error, KernelDied)
    assert error.message == "k1.py died: killed by SIGKILL"
    assert error.hint == "`restart k1.py` brings it back, empty; `rm k1.py` removes it."


def test_the_error_says_what_was_running_and_the_last_words() -> None:
    error = Death(7, ("Traceback", "MemoryError"), "x = 1\nboom()").error("k1.py")
    assert error.message.splitlines() == [
        "k1.py died: exited with code 7 while it was running `x = 1 boom()`",
        "The last lines of its stderr:",
        "    Traceback",
        "    MemoryError",
    ]


def test_the_error_of_a_kernel_that_never_became_ready_says_so() -> None:
    error = Death(1, ("no such module",), starting=True).error("k1.py")
    assert error.message.startswith("k1.py died: exited with code 1 while it was starting")
    assert error.hint == "mend what its stderr says, and start it again."


def test_long_code_is_cut_and_shown_on_one_line() -> None:
    assert shorten("a =  1\n\tb = 2") == "a = 1 b = 2"
    assert shorten("x" * 60) == "x" * 60
    assert shorten("x" * 61) == "x" * 59 + "…"


def test_signals_have_their_names() -> None:
    assert signal_name(15) == "SIGTERM"
    assert signal_name(250) == "signal 250"


def test_the_last_lines_of_a_log_are_few_and_not_blank(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}  \n\n" for number in range(100)))
    assert last_lines(log) == tuple(f"line {number}" for number in range(100 - LAST_LINES, 100))


def test_only_the_end_of_a_large_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x" * 10 * LAST_BYTES + "\nlast")
    lines = last_lines(log)
    assert lines[-1] == "last"
    assert len(lines[0]) < LAST_BYTES


def test_a_log_may_hold_any_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"caf\xe9\n\xff")
    assert last_lines(log) == ("caf�", "�")


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none") == ()
