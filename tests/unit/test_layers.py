"""The gate: one `pytest` says whether the house is in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(["lint-imports", "--no-cache"], id="imports go down only"),
        pytest.param(["ruff", "check", "."], id="ruff has nothing to say"),
        pytest.param(["ruff", "format", "--check", "."], id="the code is formatted"),
        pytest.param(["pyright", "--pythonpath", sys.executable], id="the types fit"),
    ],
)
def test_the_code_is_in_order(tool: list[str]) -> None:
    program = TOOLS / tool[0]
    done = subprocess.run(
        [program, *tool[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
