"""Commands that tell facts: about kernels, variables, and the commands themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from silik_magics.commands.context import Context, kernel_of
from silik_magics.commands.kinds import COMMAND, KERNEL, PATHS, VARIABLE
from silik_magics.commands.reference import help_of, overview
from silik_magics.commands.table import command, lookup
from silik_magics.display.answers import Answer, Table, table
from silik_magics.errors import CommandError, did_you_mean
from silik_magics.kernels.condition import condition
from silik_magics.kernels.death import duration, size
from silik_magics.kernels.kernel import Kernel
from silik_magics.language.literals import Text
from silik_magics.language.words import quote

PS_COLUMNS = (
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


@command("ps")
@click.argument("paths", type=PATHS, nargs=-1, metavar="[PATH...]")
async def ps(context: Context, paths: tuple[str, ...]) -> Table:
    """Show the state of kernels, all of them by default.

    The memory is that of the kernel's process and all it started; `cpu` is the share of one
    processor since the last `ps`. A kernel that a signal has stopped is `stopped`; one that
    listens to its heartbeat port, but does not answer there, is `silent`. Kernels that `warm`
    keeps ready are in the state `ahead`. As data, times are seconds and memory is bytes, and
    `death` holds all that is known of a kernel's end.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> ps
        kernel  state  kernelspec  pid ...
        k1.py   idle   python3 ...
    """
    tree = context.state.tree
    leaves = tree.leaves(paths) if paths else list(tree.root.leaves())
    kernels = [kernel_of(leaf) for leaf in leaves]
    states = await asyncio.gather(*(condition(kernel) for kernel in kernels))
    rows = [
        _row(kernel, leaf.path.removeprefix("~/"), state)
        for kernel, leaf, state in zip(kernels, leaves, states, strict=True)
    ]
    notes = [
        note for kernel, row in zip(kernels, rows, strict=True) for note in _notes(kernel, row)
    ]
    if not paths:
        rows += [_row(kernel, "-", "ahead") for kernel in context.state.manager.ahead.kernels]
    shown = [_shown(row) for row in rows]
    return table(PS_COLUMNS, rows, shown, empty="No kernel is here.", notes=notes)


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


def _row(kernel: Kernel, path: str, state: str) -> dict[str, Any]:
    alive = kernel.death is None
    cpu, memory = kernel.usage.measure(kernel.process.pid if alive else None)
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


@command("lives", hidden=True)
async def lives(context: Context) -> Table:
    """Show every kernel that was here, also those that are gone (asked by batch runs)."""
    rows = context.state.lives.rows()
    return table(("path", "end"), rows, empty="No kernel was here.")


@command("info", "connect_info")
@click.argument("path", type=KERNEL)
@click.option("--json", "as_json", is_flag=True, help="Show its kernel_info instead.")
async def info(context: Context, path: str, as_json: bool) -> Answer:
    """Show the path of a kernel's connection file.

    Other clients can connect to the kernel with it, such as `jupyter console --existing FILE`.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> info k1.py
        /...kernel-....json
    """
    kernel = kernel_of(context.state.tree.leaf(path))
    if not as_json:
        return Answer(kernel.connection_file)
    return Answer(json.dumps(kernel.info, indent=2, ensure_ascii=False), data=kernel.info)


@command("set")
@click.argument("name", type=VARIABLE, required=False)
@click.argument("value", required=False)
@click.option("--text", "is_text", is_flag=True, help="It is text, even if it looks like JSON.")
async def set_(
    context: Context, name: str | None, value: str | None, is_text: bool
) -> Answer | None:
    """Give a variable a value, or show all of them.

    `${name}` stands for the value in commands after it, but not inside single quotes. `put NAME`
    reads the value as JSON where it is JSON; with `--text` it is text all the same.

    Example:
        silik> set alpha 0.6
        silik> start python3 -l k1
        ╰─ k1.py
        silik> run "print(${alpha} * 2)" k1.py
        1.2
        silik> set
        name   value
        alpha  0.6
    """
    variables = context.state.variables
    if name is None:
        rows = [{"name": key, "value": text} for key, text in sorted(variables.items())]
        return table(("name", "value"), rows, empty="No variable is set.")
    if not name.isidentifier() or not name.isascii():
        raise CommandError(
            f"{quote(name)} is no name of a variable",
            "use letters, digits and `_`, no digit first.",
        )
    if value is None:
        raise CommandError(f"set {name} lacks a value", f'write `set {name} VALUE`, or "" for none')
    variables[name] = Text(value) if is_text else value
    return None


@command("unset")
@click.argument("name", type=VARIABLE)
async def unset(context: Context, name: str) -> None:
    """Forget a variable.

    Example:
        silik> set alpha 0.6
        silik> unset alpha
        silik> set
        No variable is set.
    """
    variables = context.state.variables
    if name not in variables:
        there = f"there is {', '.join(sorted(variables))}" if variables else "none is set."
        raise CommandError(f"no variable is called {name}", did_you_mean(name, variables) or there)
    del variables[name]


@command("help")
@click.argument("name", type=COMMAND, required=False, metavar="[COMMAND]")
@click.option("--cmd", type=COMMAND, metavar="COMMAND", help="The same as COMMAND.")
async def help_(context: Context, name: str | None, cmd: str | None) -> Answer:
    """Show all commands, or tell about one.

    Example:
        silik> help pwd
        Usage: pwd [OPTIONS]
        ...
    """
    del context
    wanted = name or cmd
    return Answer(help_of(lookup(wanted)) if wanted else overview())
