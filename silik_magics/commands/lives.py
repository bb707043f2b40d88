"""Which kernels were here, also those that are gone: what a run leaves on record; data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from silik_magics.kernels.kernel import Kernel
from silik_magics.tree import Leaf

STOPPED = "stopped"
LET_GO = "let go"  # a kernel that was attached goes on without us
RESTARTED = "restarted"


@dataclass
class Life:
    """One life of a kernel, from when it was ready to its end; a restart begins another.

    Args:
        path: where it was seen last in the tree.
        started: when it was ready.
        kernelspec: of which it was started.
        attached: whether somebody else started it.
        language: the name of its language, lower case.
        version: the version of its language.
        executions: how many times it was asked to run something.
        ended: when its end was seen.
        end: how it ended; empty while it lives.
        death: all that is known of that, when it died.
    """

    path: str
    started: datetime
    kernelspec: str = ""
    attached: bool = False
    language: str = ""
    version: str = ""
    executions: int = 0
    ended: datetime | None = None
    end: str = ""
    death: dict[str, Any] | None = None

    def row(self, now: datetime) -> dict[str, Any]:
        """Return it as it is written to JSON; `end` is None while it lives.

        `death` is there only if it died.
        """
        row: dict[str, Any] = {
            "path": self.path,
            "kernelspec": self.kernelspec,
            "attached": self.attached,
            "language": self.language,
            "language_version": self.version,
            "executions": self.executions,
            "seconds": round(((self.ended or now) - self.started).total_seconds(), 3),
            "end": self.end or None,
        }
        return row if self.death is None else {**row, "death": self.death}


class Lives:
    """The lives of all kernels of one user, in the order in which they began.

    A kernel tells of its changes, but not what they mean: one that is dead was stopped if that
    was announced by :meth:`stopping`, and one that is not dead has begun to restart.
    """

    def __init__(self) -> None:
        self._lives: list[Life] = []
        self._present: dict[Kernel, tuple[Leaf[Kernel], Life]] = {}
        self._stopping: set[Kernel] = set()

    def begin(self, leaf: Leaf[Kernel]) -> None:
        """Follow a kernel that was put into the tree."""
        kernel = leaf.kernel
        assert kernel is not None
        self._born(leaf, kernel)
        kernel.on_change.append(self._changed)

    def stopping(self, leaf: Leaf[Kernel]) -> None:
        """Take note, while it has its path, that a kernel is about to be stopped."""
        kernel = leaf.kernel
        if kernel in self._present:
            self._look(kernel)
            self._stopping.add(kernel)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each life, as it is written to JSON."""
        for kernel in list(self._present):
            self._look(kernel)
        now = datetime.now(UTC)
        return [life.row(now) for life in list(self._lives)]

    def _born(self, leaf: Leaf[Kernel], kernel: Kernel) -> Life:
        life = Life(_path(leaf), kernel.started, kernel.spec, kernel.is_attached, kernel.language)
        life.version = str(kernel.info.get("language_info", {}).get("version", ""))
        self._lives.append(life)
        self._present[kernel] = leaf, life
        return life

    def _changed(self, kernel: Kernel) -> None:
        if kernel not in self._present:
            return
        life = self._look(kernel)
        stopped = kernel in self._stopping
        if not life.end:
            life.ended = datetime.now(UTC)
            if stopped:
                life.end = LET_GO if life.attached else STOPPED
            elif kernel.death is not None:
                life.end, life.death = str(kernel.death), kernel.death.row()
            else:
                life.end = RESTARTED
        if stopped:  # it does not come back, and is not to be kept alive by us
            self._stopping.discard(kernel)
            del self._present[kernel]

    def _look(self, kernel: Kernel) -> Life:
        """Return a kernel's present life, or its last, after taking note of what is known."""
        leaf, life = self._present[kernel]
        if kernel.started != life.started:  # it was restarted, and is ready
            life = self._born(leaf, kernel)
        if kernel not in self._stopping:
            life.path = _path(leaf)
        if not life.end:
            life.executions = kernel.executions
        return life


def _path(leaf: Leaf[Kernel]) -> str:
    return leaf.path.removeprefix("~/")
