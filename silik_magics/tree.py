"""Folders and kernels by path: what is where, how it is named, found and drawn; pure.

The tree holds no kernel objects of its own: a leaf carries whatever its owner put there. Paths are
written as in a shell: `~` or a leading `/` is the root, `.` and `..` are as usual, `..` of the root
is the root, a trailing slash is allowed. Shown paths look like `~/models/`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from silik_magics.errors import CommandError, did_you_mean

T = TypeVar("T")

_GLOB = re.compile(r"[*?\[]")
_LONGEST = 200  # characters of a label
# Besides what paths and globs are made of: what moves the cursor, turns the line around, can not
# be seen, or is half of a character.
_FORBIDDEN = re.compile(
    r"[/*?\[\]\\\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ud800-\udfff]"
)


@dataclass(eq=False)
class Node(Generic[T]):
    """Something with a name in a folder."""

    label: str
    parent: Folder[T] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name among its siblings."""
        return self.label

    @property
    def parts(self) -> tuple[str, ...]:
        """The names from the root down; empty for the root."""
        return () if self.parent is None else (*self.parent.parts, self.name)

    @property
    def path(self) -> str:
        """The absolute path as people read it: `~/models/k1.py`."""
        return "/".join(("~", *self.parts))

    def above(self) -> Iterator[Folder[T]]:
        """Every folder that it lies in, the nearest first."""
        folder = self.parent
        while folder is not None:
            yield folder
            folder = folder.parent


@dataclass(eq=False)
class Leaf(Node[T]):
    """A kernel's place in the tree: its label plus the file extension of its language."""

    extension: str = ".txt"
    kernel: T | None = None

    @property
    def name(self) -> str:
        """The label with the extension of the kernel's language, as in `k1.py`."""
        return self.label + self.extension


@dataclass(eq=False)
class Folder(Node[T]):
    """A folder: its children in the order they came, names unique among them."""

    children: dict[str, Node[T]] = field(default_factory=dict[str, "Node[T]"], repr=False)

    @property
    def path(self) -> str:
        """The absolute path as people read it, with a trailing slash: `~/models/`."""
        return "/".join(("~", *self.parts, ""))

    def leaves(self) -> Iterator[Leaf[T]]:
        """Every kernel below this folder, depth first, in the order of the drawing."""
        for child in self.children.values():
            if isinstance(child, Leaf):
                yield child
            elif isinstance(child, Folder):
                yield from child.leaves()

    def add(self, node: Node[T]) -> None:
        """Put a node here.

        Raises:
            CommandError: the name is taken, or no name for something here.
        """
        check_label(node.label)
        if node.name in self.children:
            raise in_use(node.name, self)
        node.parent = self
        self.children[node.name] = node

    def remove(self, node: Node[T]) -> None:
        """Take a child out; it is no longer anywhere."""
        del self.children[node.name]
        node.parent = None


def in_use(name: str, folder: Folder[T]) -> CommandError:
    """Return the error that says a name is taken in a folder."""
    return CommandError(
        f"{name} is in use in {folder.path}",
        "choose another label; `tree` shows what there is.",
    )


def check_label(label: str) -> None:
    """Raise CommandError for a label that could not be told from a path, a glob or an option."""
    if len(label) > _LONGEST:
        raise CommandError(
            f"{label[:20]!r}... is too long for a label: {len(label)} characters",
            f"a label has at most {_LONGEST}.",
        )
    odd = label in ("", ".", "..", "~") or label.startswith("-") or label != label.strip()
    if odd or _FORBIDDEN.search(label):
        raise CommandError(
            f"{label!r} is no label",
            "a label is not empty, is none of `.`, `..`, `~`, does not begin with `-`, neither "
            "begins nor ends with a blank, and holds no `/`, `\\`, `*`, `?`, `[`, `]` or control "
            "character.",
        )


def has_glob(path: str) -> bool:
    """Say whether a path holds a glob character."""
    return _GLOB.search(path) is not None


class Tree(Generic[T]):
    """The tree of one user: a root folder and the folder in which relative paths begin."""

    def __init__(self) -> None:
        self.root: Folder[T] = Folder("")
        self.current: Folder[T] = self.root

    # Finding

    def find(self, path: str) -> Node[T]:
        """Return the node at `path`.

        Raises:
            CommandError: there is nothing there, or the bare label fits several kernels.
        """
        start, parts = self._begin(path)
        node: Node[T] = start
        for part in parts:
            node = self._step(node, part, path)
        if path.endswith("/") and isinstance(node, Leaf):
            raise CommandError(f"{node.name} is a kernel, not a folder", f"write it as {node.name}")
        return node

    def folder(self, path: str) -> Folder[T]:
        """Return the folder at `path`; CommandError if there is none, or a kernel."""
        node = self.find(path)
        if isinstance(node, Folder):
            return node
        raise CommandError(
            f"{path} is a kernel, not a folder", f"its folder is {node.parent and node.parent.path}"
        )

    def leaf(self, path: str) -> Leaf[T]:
        """Return the kernel at `path`; CommandError if there is none, or a folder."""
        node = self.find(path)
        if isinstance(node, Leaf):
            return node
        raise CommandError(
            f"{node.path} is a folder, not a kernel",
            "name one of its kernels; `tree` shows them.",
        )

    def leaves(self, paths: Iterable[str]) -> list[Leaf[T]]:
        """Return the kernels that paths, globs and folders name, each once, in that order.

        Raises:
            CommandError: one of them names nothing, or holds no kernel.
        """
        found: dict[int, Leaf[T]] = {}
        for path in paths:
            leaves = list(self._leaves(path))
            if not leaves:
                raise CommandError(
                    f"no kernel is at {path}", "`tree` shows what there is; `start` adds one."
                )
            found.update((id(leaf), leaf) for leaf in leaves)
        return list(found.values())

    def nodes(self, paths: Iterable[str]) -> list[Node[T]]:
        """Return the nodes that paths and globs name, each once (a folder is itself)."""
        found: dict[int, Node[T]] = {}
        for path in paths:
            nodes = list(self.match(path)) if has_glob(path) else [self.find(path)]
            if not nodes:
                raise CommandError(f"nothing matches {path}", "`tree` shows what there is.")
            found.update((id(node), node) for node in nodes)
        return list(found.values())

    def match(self, pattern: str) -> Iterator[Node[T]]:
        """Yield the nodes that a glob matches: `*`, `?`, `[ab]`, and `**` for any depth."""
        start, parts = self._begin(pattern)
        yield from dict.fromkeys(self._glob(start, parts, pattern.endswith("/")))

    # Changing

    def mkdir(self, path: str, *, parents: bool = False) -> Folder[T]:
        """Make a folder, with `parents` also those above it, and then it may exist.

        Raises:
            CommandError: it exists, or its parent does not.
        """
        folder, parts = self._begin(path)
        if not parents and parts[-1:] in ([], ["."], [".."]):
            raise CommandError(f"{path} exists", "name a folder to make.")
        for part in parts:
            if part not in (".", ".."):
                check_label(part)
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            folder = self._enter_or_make(folder, part, path, last=last, parents=parents)
        return folder

    def place(self, path: str) -> tuple[Folder[T], str]:
        """Split a path into the folder it lies in, which must exist, and its last part."""
        head, _, tail = path.rstrip("/").rpartition("/")
        if not head and path.startswith("/"):
            head = "/"
        return self.folder(head or "."), tail

    def move(self, node: Node[T], target: str) -> None:
        """Move a node into the folder at `target`, or rename it to that path.

        Raises:
            CommandError: the name is taken there, or a folder would move into itself.
        """
        if node.parent is None:
            raise CommandError("the root can not be moved", "move what is in it.")
        folder, label = self._destination(node, target)
        if node in (folder, *folder.above()):
            raise CommandError(
                f"{node.path} can not be moved into itself", "choose a folder outside it."
            )
        check_label(label)
        name = label + node.extension if isinstance(node, Leaf) else label
        taken = folder.children.get(name)
        if taken is not None and taken is not node:
            raise in_use(name, folder)
        node.parent.remove(node)
        node.label = label
        folder.add(node)

    def _destination(self, node: Node[T], target: str) -> tuple[Folder[T], str]:
        try:
            there = self.find(target)
        except CommandError:
            there = None
        if isinstance(there, Folder):
            return there, node.label
        if target.endswith("/"):
            return self.folder(target), node.label
        folder, label = self.place(target)
        if there is not None and there is not node and label == there.name:
            raise in_use(label, folder)
        if isinstance(node, Leaf):
            label = label.removesuffix(node.extension)
        return folder, label

    def remove(self, node: Node[T]) -> None:
        """Take a node and all below it out; the current folder moves up if it was inside."""
        if node.parent is None:
            raise CommandError("the root can not be removed", "remove what is in it.")
        if node in (self.current, *self.current.above()):
            self.current = node.parent
        node.parent.remove(node)

    # Drawing

    def draw(
        self, folder: Folder[T] | None = None, note: Callable[[Leaf[T]], str] | None = None
    ) -> str:
        """Draw what is below `folder` (the root by default), the current folder marked ` <<`.

        Args:
            folder: where the drawing begins; it is not drawn itself.
            note: gives what is written behind a kernel's name, as in ` ✗ killed by SIGKILL`.

        Returns:
            The lines, without a newline at the end; an empty string for an empty folder.
        """
        lines: list[str] = []
        self._draw(folder or self.root, "", note, lines)
        return "\n".join(lines)

    def _draw(
        self,
        folder: Folder[T],
        indent: str,
        note: Callable[[Leaf[T]], str] | None,
        lines: list[str],
    ) -> None:
        children = list(folder.children.values())
        for index, child in enumerate(children):
            last = index == len(children) - 1
            mark = " <<" if child is self.current else ""
            if note is not None and isinstance(child, Leaf):
                mark = note(child)
            lines.append(f"{indent}{'╰─ ' if last else '├─ '}{child.name}{mark}")
            if isinstance(child, Folder):
                self._draw(child, indent + ("   " if last else "│  "), note, lines)

    def lines(self, folder: Folder[T] | None = None) -> Iterator[tuple[int, Node[T]]]:
        """Yield what is below `folder` (the root by default) in the order of the drawing.

        With each goes in how many folders it lies, counted from there.
        """
        rest = [(0, child) for child in reversed((folder or self.root).children.values())]
        while rest:
            depth, node = rest.pop()
            yield depth, node
            if isinstance(node, Folder):
                rest += [(depth + 1, child) for child in reversed(node.children.values())]

    # Walking

    def _begin(self, path: str) -> tuple[Folder[T], list[str]]:
        if not path:
            raise CommandError("an empty path names nothing", "`.` is the current folder.")
        parts = [part for part in path.split("/") if part]
        if path.startswith("/"):
            return self.root, parts
        if parts and parts[0] == "~":
            return self.root, parts[1:]
        return self.current, parts

    def _step(self, node: Node[T], part: str, path: str) -> Node[T]:
        if not isinstance(node, Folder):
            raise CommandError(
                f"{node.name} is a kernel, not a folder (in {path})", "a kernel holds nothing."
            )
        if part == ".":
            return node
        if part == "..":
            return node.parent or node
        child = node.children.get(part) or self._by_label(node, part)
        if child is None:
            raise self._missing(node, part)
        return child

    def _by_label(self, folder: Folder[T], label: str) -> Node[T] | None:
        fitting = [
            child
            for child in folder.children.values()
            if isinstance(child, Leaf) and child.label == label
        ]
        if len(fitting) > 1:
            names = ", ".join(child.name for child in fitting)
            raise CommandError(f"{label} names several kernels", f"write one of {names}")
        return fitting[0] if fitting else None

    def _missing(self, folder: Folder[T], part: str) -> CommandError:
        labels = [child.label for child in folder.children.values() if isinstance(child, Leaf)]
        guess = did_you_mean(part, [*folder.children, *labels])
        if guess:
            hint = guess
        elif folder.children:
            hint = f"there is {', '.join(folder.children)}"
        else:
            hint = "the folder is empty; `start` adds a kernel, `mkdir` a folder."
        return CommandError(f"{part} is not in {folder.path}", hint)

    def _leaves(self, path: str) -> Iterator[Leaf[T]]:
        nodes = self.match(path) if has_glob(path) else [self.find(path)]
        for node in nodes:
            if isinstance(node, Leaf):
                yield node
            elif isinstance(node, Folder):
                yield from node.leaves()

    def _glob(self, folder: Folder[T], parts: list[str], only_folders: bool) -> Iterator[Node[T]]:
        if not parts:
            yield folder
            return
        part, rest = parts[0], parts[1:]
        if part in (".", ".."):
            above = folder.parent or folder
            yield from self._glob(folder if part == "." else above, rest, only_folders)
            return
        if part == "**":
            yield from self._any_depth(folder, rest, only_folders)
            return
        for child in folder.children.values():
            if not _matches(child, part):
                continue
            if isinstance(child, Folder):
                yield from self._glob(child, rest, only_folders)
            elif not rest and not only_folders:
                yield child

    def _any_depth(
        self, folder: Folder[T], rest: list[str], only_folders: bool
    ) -> Iterator[Node[T]]:
        yield from self._glob(folder, rest or ["*"], only_folders)
        for child in folder.children.values():
            if isinstance(child, Folder):
                yield from self._any_depth(child, rest, only_folders)

    def _enter_or_make(
        self, folder: Folder[T], part: str, path: str, *, last: bool, parents: bool
    ) -> Folder[T]:
        if part == ".":
            return folder
        if part == "..":
            return folder.parent or folder
        child = folder.children.get(part)
        if isinstance(child, Folder) and (parents or not last):
            return child
        if child is not None:
            raise in_use(part, folder)
        if not last and not parents:
            raise CommandError(f"{part} is not in {folder.path}", f"`mkdir -p {path}` makes both.")
        made: Folder[T] = Folder(part)
        folder.add(made)
        return made


def _matches(node: Node[T], pattern: str) -> bool:
    if fnmatch.fnmatchcase(node.name, pattern):
        return True
    return isinstance(node, Leaf) and fnmatch.fnmatchcase(node.label, pattern)
