"""What goes wrong on purpose.

CI runs a bounded form of these tests. `SILIK_FAULTS=long pytest -n0 tests/faults` runs the long
one: more examples, more rounds, some minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.misbehaving import write_misbehaving_specs


@pytest.fixture(scope="session")
def many() -> bool:
    """Whether the long form was asked for."""
    return os.environ.get("SILIK_FAULTS") == "long"


@pytest.fixture(scope="session", autouse=True)
def _misbehaving(kernels_dir: Path) -> None:
    write_misbehaving_specs(kernels_dir)
