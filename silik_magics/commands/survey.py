"""Looks at kernels, once or again and again: the rows of `ps`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from silik_magics.commands.context import KernelLeaf, State, kernel_of
from silik_magics.display.answers import Table, table
from silik_magics.kernels.condition import condition
from silik_magics.kernels.death import duration, size
from silik_magics.kernels.kernel import Kernel
from silik_magics.language.words import quote

COLUMNS = (
    "kernel",
    "state",
    "kernelspec",
    "pid",
    "uptime",
    "last activity",
    "executions",
    "cpu",
    "memory",
)
FAMILY_SECONDS = 5.0  # for which the processes of a kernel are remembered at a glance


class Survey:
    """The kernels that somebody looks at.

    Args:
        state: what the user has.
        paths: which of them; all without any.
    """

    def __init__(self, state: State, paths: tuple[str, ...]) -> None:
        self._state = state
        self._paths = paths
        self._silent: set[Kernel] = set()
        self._turn = 0

    async def look(self) -> Table:
        """Look at all of them, closely."""
        leaves = self._leaves()
        states = await asyncio.gather(*(condition(kernel_of(leaf)) for leaf in leaves))
        return self._table(leaves, list(states), 0.0)

    async def glance(self) -> Table:
        """Look at what costs nearly nothing; whether they answer is asked one after the other."""
        leaves = self._leaves()
        self._turn += 1
        states = [
            await self._seen(kernel_of(leaf), index == self._turn % len(leaves))
            for index, leaf in enumerate(leaves)
        ]
        return self._table(leaves, states, FAMILY_SECONDS)

    async def _seen(self, kernel: Kernel, is_asked: bool) -> str:
        state = await condition(kernel, asks=is_asked)
        if is_asked:
            self._silent.discard(kernel)
            self._silent |= {kernel} if state == "silent" else set()
        elif kernel in self._silent and state in ("idle", "busy"):
            return "silent"
        return state

    def _leaves(self) -> list[KernelLeaf]:
        tree = self._state.tree
        return tree.leaves(self._paths) if self._paths else list(tree.root.leaves())

    def _table(self, leaves: list[KernelLeaf], states: list[str], age: float) -> Table:
        kernels = [kernel_of(leaf) for leaf in leaves]
        rows = [
            _row(kernel, leaf.path.removeprefix("~/"), state, age)
            for kernel, leaf, state in zip(kernels, leaves, states, strict=True)
        ]
        notes = [
            note for kernel, row in zip(kernels, rows, strict=True) for note in _notes(kernel, row)
        ]
        if not self._paths:
            ahead = self._state.manager.ahead.kernels
            rows += [_row(kernel, "-", "ahead", age) for kernel in ahead]
        shown = [_shown(row) for row in rows]
        return table(COLUMNS, rows, shown, "No kernel is here.", notes, state="state")


def _notes(kernel: Kernel, row: dict[str, Any]) -> Iterator[str]:
    """Say of a kernel that does not go on what there is to know, and what to type."""
    path, state = row["kernel"], row["state"]
    if kernel.death is not None:
        yield kernel.death.note(path)
    elif state == "stopped":
        yield f"{path} was stopped by a signal: `signal SIGCONT {quote(path)}` lets it go on."
    elif state == "silent":
        what = "`stop {}` lets it go" if kernel.is_attached else "`restart --now {}` heals that"
        yield f"{path} does not answer its heartbeat: {what.format(quote(path))}."


def _row(kernel: Kernel, path: str, state: str, age: float) -> dict[str, Any]:
    alive = kernel.death is None
    cpu, memory = kernel.usage.measure(kernel.process.pid if alive else None, age)
    now = datetime.now(UTC)
    return {
        "kernel": path,
        "state": "dead" if kernel.death is not None else state,
        "kernelspec": kernel.spec or "(attached)",
        "pid": kernel.process.pid if alive else None,
        "uptime": (now - kernel.started).total_seconds() if alive else None,
        "last activity": (now - kernel.last_activity).total_seconds(),
        "executions": kernel.executions,
        "cpu": cpu,
        "memory": memory,
        "end": str(kernel.death) if kernel.death is not None else "",
        "death": kernel.death.row() if kernel.death is not None else None,
    }


def _shown(row: dict[str, Any]) -> list[str]:
    def or_dash(value: Any, text: str) -> str:
        return "-" if value is None else text

    return [
        row["kernel"],
        f"{row['state']}{': ' + row['end'] if row['end'] else ''}",
        row["kernelspec"],
        or_dash(row["pid"], str(row["pid"])),
        or_dash(row["uptime"], duration(row["uptime"])),
        f"{duration(row['last activity'])} ago",
        str(row["executions"]),
        or_dash(row["cpu"], f"{row['cpu'] or 0:.0f} %"),
        or_dash(row["memory"], size(row["memory"] or 0)),
    ]
