from __future__ import annotations

import signal
from pathlib import Path

import pytest

from silik_magics.errors import KernelDied
from silik_magics.kernels.death import (
    LAST_BYTES,
    LAST_LINES,
    Death,
    duration,
    last_lines,
    not_ready,
    shorten,
    signal_name,
    size,
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


def test_what_was_only_attached_is_not_ours_to_restart() -> None:
    hint = "start it where it was started, and `attach` it again; `rm k1.py` removes it."
    death = Death(None, attached=True)
    assert death.error("k1.py").hint == hint
    assert death.note("k1.py") == f"k1.py died. {hint}"


def test_the_error_says_what_was_running_and_the_last_words() -> None:
    error = Death(7, ("Traceback", "MemoryError"), "x = 1\nboom()").error("k1.py")
    assert error.message.splitlines() == [
        "k1.py died: exited with code 7 while it was running `x = 1 boom()`",
        "The last lines of its stderr:",
        "    Traceback",
        "    MemoryError",
    ]


CERTIFICATE = Death(
    -signal.SIGKILL,
    ("loading",),
    "x = load()",
    seconds=12.3,
    out_of_memory=True,
    peak=7_900_000_000,
    lost=14,
)


def test_the_error_says_all_that_is_known() -> None:
    assert CERTIFICATE.error("k1.py").message.splitlines() == [
        "k1.py died: killed by SIGKILL (out of memory) while it was running `x = load()` for 12 s",
        "Its memory peaked at 7.9 GB; what its 14 executions left there is lost.",
        "The last lines of its stderr:",
        "    loading",
    ]


def test_a_note_says_on_one_line_what_a_state_does_not() -> None:
    assert str(CERTIFICATE) == "killed by SIGKILL (out of memory)"
    assert CERTIFICATE.note("k1.py") == (
        "k1.py died while it was running `x = load()` for 12 s. "
        "Its memory peaked at 7.9 GB; what its 14 executions left there is lost. "
        "`restart k1.py` brings it back, empty; `rm k1.py` removes it."
    )
    assert Death(7).note("k1.py").startswith("k1.py died. `restart k1.py`")


@pytest.mark.parametrize(
    ("peak", "lost", "text"),
    [
        (None, 0, []),
        (66_000_000, 0, ["Its memory peaked at 66 MB."]),
        (None, 1, ["What its one execution left in memory is lost."]),
        (None, 2, ["What its 2 executions left in memory is lost."]),
        (1_000, 1, ["Its memory peaked at 0 MB; what its one execution left there is lost."]),
    ],
)
def test_the_error_says_what_was_used_and_lost(
    peak: int | None, lost: int, text: list[str]
) -> None:
    lines = Death(7, peak=peak, lost=lost).error("k1.py").message.splitlines()
    assert lines == ["k1.py died: exited with code 7", *text]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, ""), (0.99, ""), (1.0, " for 1 s"), (7300, " for 2 h 1 min")]
)
def test_a_moment_is_not_worth_telling(seconds: float, text: str) -> None:
    message = Death(7, (), "x", seconds=seconds).error("k1.py").message
    assert message == f"k1.py died: exited with code 7 while it was running `x`{text}"


def test_a_row_holds_what_the_error_says() -> None:
    assert CERTIFICATE.row() == {
        "how": "killed by SIGKILL (out of memory)",
        "returncode": -9,
        "out_of_memory": True,
        "peak_memory": 7_900_000_000,
        "running": "x = load()",
        "running_seconds": 12.3,
        "executions_lost": 14,
        "last_lines": ["loading"],
    }


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MB"), (65_600_000, "66 MB"), (999_000_000, "999 MB"), (1_250_000_000, "1.2 GB")],
)
def test_sizes_are_said_as_people_say_them(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (100_000, "27 h 46 min"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_the_error_of_a_kernel_that_never_became_ready_says_so() -> None:
    error = Death(1, ("no such module",), starting=True).error("k1.py")
    assert error.message.startswith("k1.py died: exited with code 1 while it was starting")
    assert error.hint == "mend what its stderr says, and start it again."


def test_the_error_of_a_kernel_that_was_given_up_says_what_it_wrote() -> None:
    error = not_ready("k1.py", 0.5, ("waiting for a licence",))
    assert error.message == (
        "k1.py did not become ready within 0.5 s\n"
        "The last lines of its stderr:\n    waiting for a licence"
    )
    assert not_ready("k1.py", 60, ()).message == "k1.py did not become ready within 60 s"


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
