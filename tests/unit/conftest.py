"""What the unit tests share; no process is started here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from support.session import Session

from silik_magics.commands import declared  # noqa: F401 - fills the table
from silik_magics.commands.context import State
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.tree import Folder, Leaf

Say = Callable[..., str]


@pytest.fixture
def say() -> Say:
    """Type cells into a new shell, and return what the last one shows."""

    async def type_all(cells: tuple[str, ...]) -> str:
        async with Session() as session:
            shown = ""
            for cell in cells:
                shown = await session.type(cell)
            return shown

    return lambda *cells: asyncio.run(type_all(cells))


@pytest.fixture(scope="session")
def _manager() -> Iterator[SilikKernelManager]:
    manager = SilikKernelManager()
    yield manager
    manager.close()


@pytest.fixture
def state(_manager: SilikKernelManager) -> State:
    """A user's state with places for kernels, in which no kernel is."""
    found = State(_manager)
    models = found.tree.mkdir("models")
    old = found.tree.mkdir("models/old")
    _place(found.tree.root, "k1", ".py")
    _place(models, "k1", ".py")
    _place(models, "b1", ".sh")
    _place(old, "my kernel", ".r")
    return found


def _place(folder: Folder[Kernel], label: str, extension: str) -> None:
    folder.add(Leaf(label, extension=extension))
