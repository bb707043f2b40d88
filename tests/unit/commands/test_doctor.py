"""How the doctor tells what was found out; no kernel is started here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from silik_magics.commands.diagnosis import HIDDEN, Diagnosis, report, without_secrets
from silik_magics.kernels import phases
from silik_magics.kernels.program import Directory, Program

FINE = Diagnosis(
    "r",
    (
        Directory("/home/me/kernels", exists=False),
        Directory("/usr/share/kernels", exists=True, kernelspecs=("ir", "r")),
        Directory("/opt/kernels", exists=True, kernelspecs=("r",)),
        Directory("/srv/kernels", exists=True),
    ),
    "/usr/share/kernels/r/kernel.json",
    "R",
    Program(("R", "--slave", "{connection_file}"), "R", "/usr/bin/R", "/bin/sh"),
    "local-provisioner",
    {"R_HOME": "/opt/R", "TOKEN": HIDDEN},
    {"find": 0.001, "spawn": 0.02, "first reply": 0.5, "outputs up": 0, "first execute": 12},
)
TEXT = """\
r starts: ready after 12.5 s
kernelspec   /usr/share/kernels/r/kernel.json
language     R
program      R → /usr/bin/R
argv         R --slave {connection_file}
interpreter  /bin/sh
provisioner  local-provisioner
environment  R_HOME=/opt/R
             TOKEN=(hidden)
phases       find           1 ms
             spawn          20 ms
             first reply    500 ms
             outputs up     0 ms
             first execute  12.0 s
searched     /home/me/kernels  (not there)
             /usr/share/kernels  here it is
             /opt/kernels  one of that name, hidden
             /srv/kernels  (empty)"""


def test_a_report_tells_everything_in_order() -> None:
    assert report(FINE) == TEXT


def test_a_failure_stands_first_with_its_hint_and_the_phase_that_did_not_end() -> None:
    failed = replace(
        FINE,
        phases={"find": 0.001, "spawn": 0.02},
        waited=1.5,
        stderr=("first", "last"),
        error="r died",
        hint="mend it.",
    )
    lines = report(failed).splitlines()
    assert lines[:2] == ["r does not start: r died", "Hint: mend it."]
    assert "             first reply    ✗ failed after 1500 ms" in lines
    at = lines.index("stderr       first")
    assert lines[at + 1] == "             last"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (Program(("/x/r",), "/x/r", "/x/r"), "program      /x/r\nargv"),
        (
            Program(("r",), "r", problem="r is nowhere"),
            "program      r → (not found)\n             ✗ r is nowhere\nargv",
        ),
        (Program(("r",), "r"), "program      r → (elsewhere)\nargv"),
    ],
)
def test_a_program_is_told_with_where_it_is(program: Program, told: str) -> None:
    assert told in report(replace(FINE, program=program))


def test_a_kernelspec_that_is_not_there_is_told_with_the_directories(
    say: Callable[..., str],
) -> None:
    shown = say("doctor pyton3")
    assert shown.startswith("pyton3 is not there: no kernelspec is called pyton3\nHint: did you")
    assert "\nsearched     /" in shown
    assert "python3" in shown


@pytest.mark.parametrize("name", ["API_KEY", "AWS_SECRET", "Token", "DB_PASSWORD", "HTTP_AUTH"])
def test_what_is_called_a_secret_is_hidden(name: str) -> None:
    assert without_secrets({name: "hunter2", "LANG": "C"}) == {name: HIDDEN, "LANG": "C"}


def test_the_data_says_whether_it_starts() -> None:
    data = FINE.data()
    assert data["starts"] is True
    assert data["program"]["found"] == "/usr/bin/R"
    assert replace(FINE, error="no").data()["starts"] is False


def test_phases_are_noted_only_while_somebody_watches() -> None:
    phases.mark("find")
    with phases.watched() as seen:
        phases.mark("find")
        phases.mark("spawn")
        seen.fail()
    phases.mark("first reply")
    assert list(seen.seconds) == ["find", "spawn"]
    assert seen.waited >= 0
