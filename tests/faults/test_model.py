"""Tree and lifecycle against a plain model: whatever is typed, both say the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from silik_magics import Silik
from silik_magics.errors import CommandError, KernelDied

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3000)]

FOLDERS = ["~", "~/a", "~/b", "~/a/b", "~/b/a"]
LABELS = ["a", "b", "k", "k2"]


@dataclass
class Kernel:
    """What is known of a kernel: whether it lives, and what it holds in `x`."""

    dead: bool = False
    value: int | None = None


@dataclass
class Folder:
    """What is in a folder, in order."""

    nodes: dict[str, Folder | Kernel] = field(default_factory=dict)

    def kernels(self) -> list[Kernel]:
        found: list[Kernel] = []
        for node in self.nodes.values():
            found += node.kernels() if isinstance(node, Folder) else [node]
        return found

    def draw(self, indent: str = "") -> list[str]:
        lines = []
        for number, (name, node) in enumerate(self.nodes.items(), 1):
            last = number == len(self.nodes)
            mark = " ✗ killed by SIGKILL" if isinstance(node, Kernel) and node.dead else ""
            lines.append(f"{indent}{'╰─ ' if last else '├─ '}{name}{mark}")
            if isinstance(node, Folder):
                lines += node.draw(indent + ("   " if last else "│  "))
        return lines


class Machine(RuleBasedStateMachine):
    """Types commands, and does the same to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.silik = Silik()
        self.root = Folder()

    def teardown(self) -> None:
        self.silik.close()

    # The model

    def folder(self, path: str) -> Folder | None:
        found: Folder | Kernel | None = self.root
        for part in path.split("/")[1:]:
            found = found.nodes.get(part) if isinstance(found, Folder) else None
        return found if isinstance(found, Folder) else None

    def kernel(self, path: str, label: str) -> Kernel | None:
        folder = self.folder(path)
        found = folder.nodes.get(f"{label}.py") if folder is not None else None
        return found if isinstance(found, Kernel) else None

    def type(self, line: str, *, fails: bool, error: type[Exception] = CommandError) -> str:
        if not fails:
            return self.silik.command(line).text
        with pytest.raises(error):
            self.silik.command(line)
        return ""

    # What is typed

    @rule(path=st.sampled_from(FOLDERS), label=st.sampled_from(["a", "b"]))
    def mkdir(self, path: str, label: str) -> None:
        folder = self.folder(path)
        self.type(f"mkdir {path}/{label}", fails=folder is None or label in folder.nodes)
        if folder is not None:
            folder.nodes.setdefault(label, Folder())

    @rule(path=st.sampled_from(FOLDERS), label=st.sampled_from(LABELS))
    def start(self, path: str, label: str) -> None:
        folder = self.folder(path)
        self.type(f"cd {path}", fails=folder is None)
        if folder is None:
            return
        name = f"{label}.py"
        taken = {name, label} & folder.nodes.keys()  # the bare label must name one thing only
        self.type(f"start python3 -l {label}", fails=bool(taken))
        if not taken:
            folder.nodes[name] = Kernel()
        self.type("cd", fails=False)

    @rule(
        path=st.sampled_from(FOLDERS),
        label=st.sampled_from(LABELS),
        command=st.sampled_from(["stop", "stop --now", "rm"]),
    )
    def stop(self, path: str, label: str, command: str) -> None:
        kernel = self.kernel(path, label)
        self.type(f"{command} {path}/{label}.py", fails=kernel is None)
        if kernel is not None:
            del self.folder(path).nodes[f"{label}.py"]  # type: ignore[union-attr]

    @rule(path=st.sampled_from(FOLDERS[1:]))
    def remove(self, path: str) -> None:
        folder = self.folder(path)
        above, _, name = path.rpartition("/")
        if folder is None and self.kernel(above, name) is not None:
            return  # that is its label, and another command
        if folder is not None and folder.kernels():
            self.type(f"rm {path}", fails=True)
        self.type(f"rm -r {path}", fails=folder is None)
        if folder is not None:
            del self.folder(above).nodes[name]  # type: ignore[union-attr]

    @rule(
        path=st.sampled_from(FOLDERS),
        label=st.sampled_from(LABELS),
        goal=st.sampled_from(FOLDERS),
    )
    def move(self, path: str, label: str, goal: str) -> None:
        kernel, folder = self.kernel(path, label), self.folder(goal)
        name = f"{label}.py"
        if folder is None or path == goal:
            return  # that is a new name, or nothing at all
        self.type(f"mv {path}/{name} {goal}", fails=kernel is None or name in folder.nodes)
        if kernel is not None and name not in folder.nodes:
            del self.folder(path).nodes[name]  # type: ignore[union-attr]
            folder.nodes[name] = kernel

    @rule(path=st.sampled_from(FOLDERS), label=st.sampled_from(LABELS))
    def kill(self, path: str, label: str) -> None:
        kernel = self.kernel(path, label)
        self.type(f"kill {path}/{label}.py", fails=kernel is None)
        if kernel is not None:
            kernel.dead = True

    @rule(
        path=st.sampled_from(FOLDERS),
        label=st.sampled_from(LABELS),
        now=st.sampled_from(["", "--now"]),
    )
    def restart(self, path: str, label: str, now: str) -> None:
        kernel = self.kernel(path, label)
        self.type(f"restart {now} {path}/{label}.py", fails=kernel is None)
        if kernel is not None:
            kernel.dead, kernel.value = False, None

    @rule(path=st.sampled_from(FOLDERS), label=st.sampled_from(LABELS), value=st.integers(0, 99))
    def assign(self, path: str, label: str, value: int) -> None:
        kernel = self.kernel(path, label)
        error = KernelDied if kernel is not None else CommandError
        line = f"run 'x = {value}' {path}/{label}.py"
        self.type(line, fails=kernel is None or kernel.dead, error=error)
        if kernel is not None and not kernel.dead:
            kernel.value = value

    @rule(path=st.sampled_from(FOLDERS), label=st.sampled_from(LABELS))
    def show(self, path: str, label: str) -> None:
        kernel = self.kernel(path, label)
        error = KernelDied if kernel is not None else CommandError
        line = f"""run "print(globals().get('x'))" {path}/{label}.py"""
        said = self.type(line, fails=kernel is None or kernel.dead, error=error)
        if kernel is not None and not kernel.dead:
            assert said.strip() == str(kernel.value)

    # What must be the same

    @invariant()
    def tree(self) -> None:
        assert self.silik.command("tree").text == "\n".join(self.root.draw())

    @invariant()
    def states(self) -> None:
        states = [row["state"] for row in self.silik.command("ps")]
        assert states == ["dead" if kernel.dead else "idle" for kernel in self.root.kernels()]
        living = self.silik.manager.list_kernel_ids()
        assert len(living) == len(states)


def test_tree_and_lifecycle_are_those_of_a_plain_model(many: bool) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=150 if many else 12,
            stateful_step_count=40 if many else 20,
            suppress_health_check=list(HealthCheck),
        ),
    )
