"""What a command works on: the user's state, and the cell that it was typed in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from silik_magics.commands.lives import Lives
from silik_magics.display.answers import Answer, drawing
from silik_magics.display.markup import Twig
from silik_magics.display.sinks import Sink
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.tree import Folder, Leaf, Node, Tree

KernelLeaf = Leaf[Kernel]


@dataclass
class State:
    """What one user has: kernels, their places in the tree, variables, and the mode.

    The mode is `connected`: the kernel that following cells go to, or None in command mode. In a
    notebook, `host` holds the notebook's own variables.
    """

    manager: SilikKernelManager
    tree: Tree[Kernel] = field(default_factory=Tree[Kernel])
    variables: dict[str, str] = field(default_factory=dict)
    connected: KernelLeaf | None = None
    host: MutableMapping[str, Any] | None = None
    reserved: set[tuple[int, str]] = field(default_factory=set)
    lives: Lives = field(default_factory=Lives)

    def kernels(self, paths: tuple[str, ...]) -> list[Kernel]:
        """Return the kernels at paths, globs and folders; CommandError where there is none."""
        return [kernel_of(leaf) for leaf in self.tree.leaves(paths)]

    def names(self, kernels: Sequence[Kernel]) -> dict[Kernel, str]:
        """Return what to call each of some kernels: its name, or its path where names repeat."""
        paths = {leaf.kernel: leaf.path.removeprefix("~/") for leaf in self.tree.root.leaves()}
        count = Counter(kernel.name for kernel in kernels)
        return {
            kernel: kernel.name if count[kernel.name] == 1 else paths.get(kernel, kernel.name)
            for kernel in kernels
        }

    async def remove(self, node: Node[Kernel], *, now: bool = False) -> None:
        """Take a node out of the tree and stop every kernel in it."""
        leaves = [node] if isinstance(node, Leaf) else list(node.leaves())  # type: ignore[attr-defined]
        for leaf in leaves:
            self.lives.stopping(leaf)
        if self.connected in leaves:
            self.connected = None
        if node.parent is not None:
            self.tree.remove(node)
        stops = (self.manager.stop(kernel_of(leaf), now=now) for leaf in leaves)
        await asyncio.gather(*stops)

    async def remove_all(self, *, now: bool = False) -> None:
        """Empty the tree and stop every kernel."""
        self.connected = None
        for leaf in self.tree.root.leaves():
            self.lives.stopping(leaf)
        self.tree = Tree()
        await self.manager.stop_all(now=now)

    def draw(self, folder: Folder[Kernel] | None = None) -> Answer:
        """Draw what is below a folder (the root by default), dead kernels with their end."""
        text = self.tree.draw(folder, end_of)
        return drawing(text, [self._twig(*line) for line in self.tree.lines(folder)])

    def _twig(self, depth: int, node: Node[Kernel]) -> Twig:
        if isinstance(node, Leaf):
            return Twig(depth, node.name, kernel_of(node).state, end_of(node))
        return Twig(depth, node.name, is_current=node is self.tree.current)


def kernel_of(leaf: KernelLeaf) -> Kernel:
    """Return the kernel of a leaf of the tree."""
    assert leaf.kernel is not None
    return leaf.kernel


def end_of(leaf: KernelLeaf) -> str:
    """Return what stands behind a dead kernel's name in the tree, as in ` ✗ killed by SIGKILL`."""
    death = kernel_of(leaf).death
    return f" ✗ {death}" if death is not None else ""


@dataclass
class Context:
    """One cell: where its outputs go, and which kernels it is waiting for.

    Args:
        state: what the user has.
        sink: where this cell's outputs go.
        run_lines: runs text as commands in this cell, as `source` needs it.
        running: the kernels that it is waiting for.
        abandoned: those whose wait was given up by a second interrupt.
        interrupted: whether the user interrupted the cell.
        switched: whether its last command connected to a kernel.
        leaving: whether the cell asked to leave.
        depth: how many files are being read by `source`, one inside the other.
        ended_by_user: whether an interrupt ended what only waited for that; no more is run then.
    """

    state: State
    sink: Sink
    run_lines: Callable[[str], Awaitable[object]]
    running: set[Kernel] = field(default_factory=set)
    abandoned: list[Kernel] = field(default_factory=list)
    interrupted: bool = False
    switched: bool = False
    leaving: bool = False
    depth: int = 0
    ended_by_user: bool = False
    _stoppable: set[asyncio.Event] = field(default_factory=set[asyncio.Event])

    async def interrupt(self) -> bool:
        """Interrupt what this cell is waiting for; say whether there was anything."""
        self.interrupted = True
        kernels, stoppable = list(self.running), list(self._stoppable)
        for stopped in stoppable:
            stopped.set()
        await asyncio.gather(*(kernel.interrupt() for kernel in kernels), return_exceptions=True)
        return bool(kernels or stoppable)

    @contextmanager
    def stoppable(self) -> Iterator[asyncio.Event]:
        """Give an event that the first interrupt sets: the cell ends then, and without an error."""
        stopped = asyncio.Event()
        self._stoppable.add(stopped)
        try:
            yield stopped
        finally:
            self._stoppable.discard(stopped)
            self.ended_by_user = self.ended_by_user or stopped.is_set()
