from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from silik_magics.commands.lives import Lives
from silik_magics.kernels.death import Death
from silik_magics.tree import Leaf, Tree


def ten_seconds_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=10)


@dataclass(eq=False)
class Kernel:
    """What is asked of a kernel, without one."""

    started: datetime = field(default_factory=ten_seconds_ago)
    executions: int = 0
    spec: str = "python3"
    is_attached: bool = False
    language: str = "python"
    death: Death | None = None
    info: dict[str, Any] = field(default_factory=lambda: {"language_info": {"version": "3.11.2"}})
    on_change: list[Callable[[Any], None]] = field(default_factory=list)

    def change(self) -> None:
        for listener in self.on_change:
            listener(self)

    def die(self, code: int = -9) -> None:
        self.death = Death(code)
        self.change()

    def restart(self) -> None:
        self.change()
        self.death, self.executions = None, 0
        self.started += timedelta(seconds=1)


def begun(kernel: Kernel, lives: Lives | None = None) -> tuple[Lives, Leaf[Any]]:
    """Put a kernel into a tree, and follow it."""
    tree: Tree[Any] = Tree()
    leaf: Leaf[Any] = Leaf("k1", extension=".py", kernel=kernel)
    tree.mkdir("models").add(leaf)
    lives = lives or Lives()
    lives.begin(leaf)
    return lives, leaf


def stop(kernel: Kernel, lives: Lives, leaf: Leaf[Any]) -> None:
    lives.stopping(leaf)
    assert leaf.parent is not None
    leaf.parent.remove(leaf)
    kernel.death = kernel.death or Death(0)
    kernel.change()


def ends(lives: Lives) -> list[str | None]:
    return [row["end"] for row in lives.rows()]


def test_a_row_says_what_a_kernel_is_and_what_it_did() -> None:
    lives, _ = begun(Kernel(executions=3))
    [row] = lives.rows()
    assert 10 <= row.pop("seconds") < 20
    assert row == {
        "path": "models/k1.py",
        "kernelspec": "python3",
        "attached": False,
        "language": "python",
        "language_version": "3.11.2",
        "executions": 3,
        "end": None,
    }


def test_a_kernel_that_was_stopped_is_still_told_of_with_the_path_that_it_had() -> None:
    kernel = Kernel(executions=2)
    lives, leaf = begun(kernel)
    stop(kernel, lives, leaf)
    [row] = lives.rows()
    assert (row["path"], row["executions"], row["end"]) == ("models/k1.py", 2, "stopped")
    assert lives.rows() == [row]


def test_a_kernel_that_was_attached_is_let_go() -> None:
    kernel = Kernel(is_attached=True)
    lives, leaf = begun(kernel)
    stop(kernel, lives, leaf)
    assert ends(lives) == ["let go"]


def test_the_end_of_a_kernel_that_died_stays_when_it_is_removed() -> None:
    kernel = Kernel()
    lives, leaf = begun(kernel)
    kernel.die(7)
    assert ends(lives) == ["exited with code 7"]
    stop(kernel, lives, leaf)
    assert ends(lives) == ["exited with code 7"]


def test_the_death_of_a_kernel_is_told_in_full() -> None:
    kernel = Kernel()
    lives, _ = begun(kernel)
    kernel.death = Death(-9, running="load()", seconds=12, out_of_memory=True, peak=8, lost=3)
    kernel.change()
    [row] = lives.rows()
    assert row["end"] == row["death"]["how"] == "killed by SIGKILL (out of memory)"
    assert row["death"] == kernel.death.row()


def test_a_restart_ends_one_life_and_begins_another() -> None:
    kernel = Kernel(executions=2)
    lives, _ = begun(kernel)
    kernel.restart()
    kernel.executions = 5
    rows = lives.rows()
    assert [row["end"] for row in rows] == ["restarted", None]
    assert [row["executions"] for row in rows] == [2, 5]


def test_a_kernel_that_died_and_was_restarted_died_only_once() -> None:
    kernel = Kernel()
    lives, _ = begun(kernel)
    kernel.die()
    kernel.restart()
    kernel.die(1)  # nobody asked in between
    assert ends(lives) == ["killed by SIGKILL", "exited with code 1"]


def test_a_restart_that_fails_is_no_life() -> None:
    kernel = Kernel()
    lives, _ = begun(kernel)
    kernel.change()  # it begins to restart
    kernel.die(1)  # and does not become ready
    assert ends(lives) == ["restarted"]


def test_a_kernel_that_was_moved_is_told_of_where_it_is() -> None:
    kernel = Kernel()
    lives, leaf = begun(kernel)
    leaf.label = "best"
    assert lives.rows()[0]["path"] == "models/best.py"


def test_rows_come_in_the_order_in_which_the_kernels_came() -> None:
    first, second = Kernel(spec="python3"), Kernel(spec="ir")
    lives, leaf = begun(first)
    begun(second, lives)
    stop(first, lives, leaf)
    assert [row["kernelspec"] for row in lives.rows()] == ["python3", "ir"]


def test_a_kernel_that_is_gone_is_not_kept() -> None:
    kernel = Kernel()
    lives, leaf = begun(kernel)
    stop(kernel, lives, leaf)
    assert not lives._present
    assert not lives._stopping


def test_a_place_without_a_kernel_of_ours_is_passed_over() -> None:
    lives = Lives()
    lives.stopping(Leaf("k1", extension=".py"))
    assert lives.rows() == []
