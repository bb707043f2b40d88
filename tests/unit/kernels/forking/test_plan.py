"""Which kernels can be forked, and which of them from one template."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from silik_magics.kernels.forking.plan import Plan, Unusual, planned, runs_ipykernel

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "kernel.json", "--quiet"]


def plan(argv: list[str] = ARGV, preload: tuple[str, ...] = (), **options: Any) -> Plan:
    found = planned(argv, options, preload)
    assert isinstance(found, Plan), found
    return found


def why(argv: list[str] = ARGV, **options: Any) -> str:
    found = planned(argv, options, ())
    assert isinstance(found, Unusual), found
    return found.reason


def with_(**variables: str) -> dict[str, str]:
    return {**os.environ, **variables}


def test_what_the_kernelspec_of_ipykernel_says_can_be_forked() -> None:
    found = plan()
    assert found.key.command == (sys.executable,)
    assert found.arguments == ("-f", "kernel.json", "--quiet")
    assert found.cwd == str(Path.cwd())
    assert found.environment == os.environ


@pytest.mark.parametrize("option", ["-Xfrozen_modules=off", "-O", "-Es", "-I"])
def test_options_of_the_interpreter_belong_to_the_template(option: str) -> None:
    assert plan([sys.executable, option, *ARGV[1:]]).key.command == (sys.executable, option)
    assert plan().key != plan([sys.executable, option, *ARGV[1:]]).key


@pytest.mark.parametrize(
    "argv",
    [
        ["R", "--slave", "-e", "IRkernel::main()"],
        [sys.executable, "-m", "bash_kernel", "-f", "kernel.json"],
        [sys.executable, "-c", "import ipykernel_launcher", "-m", "ipykernel_launcher"],
        [sys.executable, "-W", "error", "-m", "ipykernel_launcher"],
        ["conda", "run", "python", "-m", "ipykernel_launcher"],
        [sys.executable],
        [sys.executable, "-m"],
    ],
)
def test_other_programs_can_not(argv: list[str]) -> None:
    assert not runs_ipykernel(argv)
    assert why(argv) == "it does not run `python -m ipykernel_launcher`"


def test_no_argv_at_all_can_not() -> None:
    assert not runs_ipykernel([])


def test_an_interpreter_that_is_not_there_can_not() -> None:
    assert why(["/no/such/python", *ARGV[1:]])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"independent": True}, "without its host"),
        ({"stdin": subprocess.PIPE}, "stdin"),
        ({"stdout": subprocess.PIPE}, "pipe"),
        ({"stderr": subprocess.PIPE}, "pipe"),
        ({"preexec_fn": print}, "preexec_fn"),
        ({"cwd": "/no/such/directory"}, "/no/such/directory"),
    ],
)
def test_a_start_that_only_subprocess_can_do_is_left_to_it(
    options: dict[str, Any], reason: str
) -> None:
    assert reason in why(**options)


@pytest.mark.parametrize(
    "name", ["PYTHONPATH", "PYTHONHASHSEED", "LD_PRELOAD", "LC_ALL", "LANG", "HOME"]
)
def test_a_variable_that_is_read_at_the_start_must_be_that_of_the_host(name: str) -> None:
    assert why(env=with_(**{name: "/else"})).startswith(f"{name} is not that of its host")


def test_relative_entries_of_the_path_mean_the_directory_of_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "lib")
    assert why() == "PYTHONPATH has a relative entry"


def test_kernels_that_differ_in_what_they_read_later_share_a_template() -> None:
    assert plan(env=with_(PATH="/bin:/usr/bin", SILIK="1"), cwd="/").key == plan().key


def test_variables_that_libraries_read_matter_when_libraries_are_preloaded() -> None:
    limited = with_(OMP_NUM_THREADS="1")
    assert plan(env=limited).key == plan().key
    assert plan(env=limited, preload=("numpy",)).key != plan(preload=("numpy",)).key
    assert plan(preload=("numpy",)).key != plan().key


def test_a_link_to_an_interpreter_is_another_one(tmp_path: Path) -> None:
    link = tmp_path / "python3"
    link.symlink_to(sys.executable)
    assert plan([str(link), *ARGV[1:]]).key != plan().key
