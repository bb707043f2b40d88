from __future__ import annotations

import os
from pathlib import Path

import pytest

from silik_magics.batch.processes import VARIABLE, connection_file, end_kernels, environment

NAME = "kernel-c0ffee00-1234-5678-9abc-def012345678.json"


@pytest.mark.parametrize(
    "argv",
    [
        ["python", "-m", "ipykernel_launcher", "-f", f"/run/{NAME}"],
        ["R", "--slave", "-e", "IRkernel::main()", "--args", f"/run/{NAME}"],
        ["deno", "jupyter", "--kernel", "--conn", f"/run/{NAME}"],
    ],
)
def test_a_kernel_is_known_by_its_connection_file(argv: list[str]) -> None:
    assert connection_file(argv) == Path("/run", NAME)


@pytest.mark.parametrize(
    "argv", [[], ["sleep", "100"], ["server", "/etc/kernel-1.json"], ["cat", f"{NAME}.bak"]]
)
def test_what_a_notebook_leaves_running_is_no_kernel(argv: list[str]) -> None:
    assert connection_file(argv) is None


def test_the_kernels_environment_is_ours_and_the_mark_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert environment("run1") == {**os.environ, VARIABLE: "run1"}


def test_a_run_inside_of_another_is_part_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "outer")
    assert environment("inner")[VARIABLE] == "outer inner"


def test_a_run_without_kernels_has_nothing_to_end() -> None:
    assert end_kernels("no such run") == 0
