"""Kinds of argument: how each is named in help, and what could be typed for it.

Reading is done by the commands, for a path means something only in a user's tree; completion is
done here, from the state that stands in `ctx.obj`.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from silik_magics.commands.context import State
from silik_magics.errors import CommandError
from silik_magics.kernels.manager import connection_files
from silik_magics.tree import Folder, Leaf, Node


class Kind(click.ParamType):
    """A kind of word: `name` is its placeholder in help."""

    def __init__(self, name: str) -> None:
        self.name = name

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return what could be typed; those that do not begin as typed are left out later."""
        del state, incomplete
        return ()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return what could be typed here (called by click)."""
        del param
        found = self.candidates(ctx.find_root().obj, incomplete)
        items = [x if isinstance(x, CompletionItem) else CompletionItem(x) for x in found]
        return [item for item in items if item.value.startswith(incomplete)]


class Code(Kind):
    """Code in the language of a kernel."""


class TreePath(Kind):
    """A path in the tree.

    Args:
        name: its placeholder.
        kernels: whether kernels are offered; folders always are, for they lead on.
    """

    def __init__(self, name: str, *, kernels: bool = True) -> None:
        super().__init__(name)
        self.kernels = kernels

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the children of the folder that is typed so far."""
        head, slash, _ = incomplete.rpartition("/")
        try:
            folder = state.tree.folder(head or ("/" if slash else "."))
        except CommandError:
            return
        for child in folder.children.values():
            yield from self._offer(child, head + slash)

    def _offer(self, child: Node[Any], before: str) -> Iterable[CompletionItem]:
        if isinstance(child, Folder):
            yield CompletionItem(f"{before}{child.name}/", type="folder", help="folder")
        elif self.kernels and isinstance(child, Leaf):
            yield CompletionItem(f"{before}{child.name}", type="kernel", help="kernel")


class SpecName(Kind):
    """A kernelspec, or the connection file of a living kernel."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return kernelspecs; once a path or `kernel-` is typed, connection files too."""
        for spec in state.manager.specs.all().values():
            yield CompletionItem(spec.name, type="kernelspec", help=spec.display_name)
        if incomplete.startswith("kernel-"):
            for path in connection_files():
                yield CompletionItem(path.name, type="connection file", help="living kernel")
        elif "/" in incomplete or incomplete.startswith("."):
            yield from files(incomplete, ".json")


class FilePath(Kind):
    """A file of the host's working directory."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the files and directories of the directory that is typed so far."""
        del state
        return files(incomplete)


class DirectoryPath(Kind):
    """A directory of the host."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the directories of the directory that is typed so far."""
        del state
        return files(incomplete, "/")


class SignalName(Kind):
    """A signal by name, with or without `SIG`, or by number."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the names of the signals."""
        del state, incomplete
        return [item.name for item in signal.Signals]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of the signal."""
        if isinstance(value, int):
            return value
        name = value.upper()
        known = signal.Signals.__members__
        if name.isdecimal() and int(name) in set(signal.Signals):
            return int(name)
        for candidate in (name, f"SIG{name}"):
            if candidate in known:
                return int(known[candidate])
        return self.fail(f"{value!r} is no signal; SIGINT, INT and 2 are the same one", param, ctx)


class Seconds(click.FloatRange):
    """A duration: more than nothing, and an end to it."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number of seconds."""
        seconds: float = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


class SecondsOrPath(TreePath):
    """A duration, or, where that was left out, a path that comes next."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return the number of seconds, infinite for `inf`, or the path."""
        try:
            seconds = float(value)
        except ValueError:
            return str(value)
        if not seconds > 0:
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds


class Variable(Kind):
    """A variable given with `set`."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the variables there are."""
        del incomplete
        return sorted(state.variables)


class CommandName(Kind):
    """The name of a command."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the commands' names."""
        del state, incomplete
        from silik_magics.commands.table import names

        return [CompletionItem(name, type="command") for name in names()]


def files(incomplete: str, ending: str = "") -> Iterable[CompletionItem]:
    """Yield the files beside what is typed, directories with a `/`; files only with this ending."""
    head, slash, _ = incomplete.rpartition("/")
    for name, is_directory in _entries(head or ("/" if slash else ".")):
        if is_directory or name.endswith(ending):
            value = f"{head}{slash}{name}{'/' if is_directory else ''}"
            yield CompletionItem(value, type="path", help="directory" if is_directory else "file")


def _entries(directory: str) -> list[tuple[str, bool]]:
    """Return what is in a directory, and whether each is one; nothing where it can not be read."""
    try:
        entries = sorted(Path(directory).expanduser().iterdir())
        return [(entry.name, entry.is_dir()) for entry in entries]
    except (OSError, ValueError, RuntimeError):  # RuntimeError: `~` of a user who is not there
        return []


CODE = Code("CODE")
PATHS = TreePath("PATH...")
KERNEL = TreePath("PATH")
PATH = TreePath("PATH")
FOLDER = TreePath("PATH", kernels=False)
SPEC = SpecName("SPEC")
FILE = FilePath("FILE")
DIRECTORY = DirectoryPath("DIR")
SIGNAL = SignalName("SIG")
VARIABLE = Variable("NAME")
COMMAND = CommandName("COMMAND")
SECONDS = Seconds(min=0, min_open=True)
SECONDS_OR_PATH = SecondsOrPath("S")
