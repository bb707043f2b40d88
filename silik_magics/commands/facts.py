"""Commands that tell facts: about kernels, variables, and the commands themselves."""

from __future__ import annotations

import json
import math

import click

from silik_magics.commands.context import Context, kernel_of
from silik_magics.commands.kinds import COMMAND, KERNEL, PATHS, SECONDS_OR_PATH, VARIABLE
from silik_magics.commands.reference import help_of, overview
from silik_magics.commands.survey import Survey
from silik_magics.commands.table import command, lookup
from silik_magics.commands.watching import watched
from silik_magics.display.answers import Answer, Table, table
from silik_magics.errors import CommandError, did_you_mean
from silik_magics.language.literals import Text
from silik_magics.language.words import quote


@command("ps")
@click.option(
    "--watch",
    type=SECONDS_OR_PATH,
    is_flag=False,
    flag_value="inf",
    metavar="[S]",
    help="Show it anew every second: for S seconds, or until you interrupt that.",
)
@click.argument("paths", type=PATHS, nargs=-1, metavar="[PATH...]")
async def ps(context: Context, paths: tuple[str, ...], watch: float | str | None) -> Table | None:
    """Show the state of kernels, all of them by default.

    The memory is that of the kernel's process and all it started; `cpu` is the share of one
    processor since the last `ps`. A kernel that a signal has stopped is `stopped`; one that
    listens to its heartbeat port, but does not answer there, is `silent`. Kernels that `warm`
    keeps ready are in the state `ahead`. As data, times are seconds and memory is bytes, and
    `death` holds all that is known of a kernel's end.

    With `--watch` the table is shown anew every second, in its place where the front-end can do
    that, until the time is over or you press the stop button (Ctrl-C on a terminal): that ends the
    cell, and is no error. Where nobody watches, as in a batch run, only the last state is shown,
    and without a number of seconds the present one.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> ps
        kernel  state  kernelspec  pid ...
        k1.py   idle   python3 ...
        silik> ps --watch 1 k1.py
        kernel  state  kernelspec  pid ...
        k1.py   idle   python3 ...
    """
    seconds, paths = _time_and_paths(watch, paths)
    survey = Survey(context.state, paths)
    return await survey.look() if seconds is None else await watched(context, survey, seconds)


def _time_and_paths(
    watch: float | str | None, paths: tuple[str, ...]
) -> tuple[float | None, tuple[str, ...]]:
    """Return for how long to watch, and what: the word behind `--watch` may be a path."""
    return (math.inf, (watch, *paths)) if isinstance(watch, str) else (watch, paths)


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
