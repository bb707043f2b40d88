"""A kernel `silik` that the tests of a module share, and a watch over what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.host import Host, host
from support.misbehaving import write_misbehaving_specs
from support.pairs import Pair, Pairs


@pytest.fixture(scope="session", autouse=True)
def _misbehaving(kernels_dir: Path) -> None:
    write_misbehaving_specs(kernels_dir)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Host]:
    """A kernel `silik`, ready; a test leaves it in command mode."""
    with host("silik") as opened:
        yield opened


@pytest.fixture
def fresh() -> Iterator[Host]:
    """A kernel `silik` of the test's own."""
    with host("silik") as opened:
        yield opened


@pytest.fixture
def before(runtime_dir: Path) -> set[Path]:
    """The files of the runtime directory before the test began."""
    return set(runtime_dir.iterdir())


@pytest.fixture(scope="module")
def pairs() -> Iterator[Pairs]:
    """Kernels of each language, one asked directly and one through silik."""
    opened = Pairs()
    yield opened
    opened.close()


@pytest.fixture
def python(pairs: Pairs) -> Pair:
    """The pair of python3."""
    return pairs.usable("python3")
