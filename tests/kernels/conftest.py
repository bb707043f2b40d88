"""Kernels that misbehave, and a Silik for tests that do not mind sharing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.misbehaving import write_misbehaving_specs

from silik_magics import Silik
from silik_magics.api import KernelHandle


@pytest.fixture(scope="session", autouse=True)
def _misbehaving(kernels_dir: Path) -> None:
    write_misbehaving_specs(kernels_dir)


@pytest.fixture(scope="module")
def shared() -> Iterator[Silik]:
    """A Silik that the tests of a module share."""
    with Silik() as opened:
        yield opened


@pytest.fixture(scope="module")
def python(shared: Silik) -> KernelHandle:
    """A python3 kernel that the tests of a module share; they leave it idle."""
    return shared.start("python3", "shared")
