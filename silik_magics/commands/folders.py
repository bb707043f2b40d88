"""Commands that move about in the tree and organise it."""

from __future__ import annotations

import click

from silik_magics.commands.context import Context, kernel_of
from silik_magics.commands.kinds import FOLDER, PATH, PATHS
from silik_magics.commands.table import command
from silik_magics.display.answers import Answer
from silik_magics.errors import CommandError
from silik_magics.tree import Folder, Leaf


@command("tree")
async def tree(context: Context) -> Answer:
    """Show the whole tree; the current folder is marked with `<<`.

    Example:
        silik> mkdir chatbots
        ╰─ chatbots
        silik> mkdir python
        ├─ chatbots
        ╰─ python
        silik> cd python
        ~/python/
        silik> start python3 -l k1
        ├─ chatbots
        ╰─ python <<
           ╰─ k1.py
        silik> tree
        ├─ chatbots
        ╰─ python <<
           ╰─ k1.py
    """
    return context.state.draw()


@command("ls")
@click.argument("path", type=FOLDER, default=".")
async def ls(context: Context, path: str) -> Answer:
    """Show what is below a folder, the current one by default.

    Example:
        silik> mkdir -p models/old
        ╰─ models
           ╰─ old
        silik> ls models
        ╰─ old
    """
    state = context.state
    return state.draw(state.tree.folder(path))


@command("pwd")
async def pwd(context: Context) -> Answer:
    """Show the path of the current folder.

    Example:
        silik> pwd
        ~/
    """
    return Answer(context.state.tree.current.path)


@command("cd")
@click.argument("path", type=FOLDER, default="~")
async def cd(context: Context, path: str) -> Answer:
    """Go to another folder, the root by default.

    Example:
        silik> mkdir models
        ╰─ models
        silik> cd models
        ~/models/
        silik> cd ..
        ~/
    """
    tree = context.state.tree
    tree.current = tree.folder(path)
    return Answer(tree.current.path)


@command("mkdir")
@click.option("-p", "--parents", is_flag=True, help="Make the folders above it too; it may exist.")
@click.argument("label", type=FOLDER)
async def mkdir(context: Context, label: str, parents: bool) -> Answer:
    """Make a folder. Folders hold kernels; they have no link with the file system.

    Example:
        silik> mkdir models
        ╰─ models
        silik> mkdir -p models/small/old
        ╰─ models
           ╰─ small
              ╰─ old
    """
    context.state.tree.mkdir(label, parents=parents)
    return context.state.draw()


@command("mv")
@click.argument("path", type=PATH)
@click.argument("target", type=PATH)
async def mv(context: Context, path: str, target: str) -> Answer:
    """Move a kernel or folder into another folder, or give it another name.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> mkdir models
        ├─ k1.py
        ╰─ models
        silik> mv k1.py models
        ╰─ models
           ╰─ k1.py
        silik> mv models/k1.py models/best
        ╰─ models
           ╰─ best.py
    """
    tree = context.state.tree
    node = tree.find(path)
    tree.move(node, target)
    if isinstance(node, Leaf):
        kernel_of(node).name = node.name
    return context.state.draw()


@command("rm")
@click.option("-r", "--recursive", is_flag=True, help="Also folders that hold something.")
@click.argument("paths", type=PATHS, nargs=-1, required=True, metavar="PATH...")
async def rm(context: Context, paths: tuple[str, ...], recursive: bool) -> Answer:
    """Remove kernels, which stops them, and folders; with `-r` also what is in them.

    Example:
        silik> mkdir models
        ╰─ models
        silik> rm models
        silik> tree
    """
    nodes = context.state.tree.nodes(paths)
    for node in nodes:
        if node.parent is None:
            raise CommandError(
                "the root can not be removed", "`rm -r ~/*` removes all that is in it."
            )
        if isinstance(node, Folder) and node.children and not recursive:
            raise CommandError(f"{node.path} is not empty", "`rm -r` removes what is in it too.")
    for node in nodes:
        if not any(folder in nodes for folder in node.above()):  # else it goes with that folder
            await context.state.remove(node)
    return context.state.draw()
