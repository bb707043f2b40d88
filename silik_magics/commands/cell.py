"""The first line of a `%%silik` cell: where its body goes."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from silik_magics.commands import options
from silik_magics.commands.context import Context
from silik_magics.commands.execution import Limits, Outcome, run_on
from silik_magics.commands.table import command, lookup, names, read_call
from silik_magics.errors import CommandError
from silik_magics.language.words import Argument

MAGIC = "%%silik"


@dataclass(frozen=True)
class Header:
    """The first line, read.

    Args:
        paths: the kernels that the body is code for; empty when the body is commands.
        limits: how long it may run.
        capture: the Python variable that takes the outputs instead of the screen; or empty.
    """

    paths: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    capture: str = ""


@command(MAGIC, hidden=True)
@options.paths
@options.timeout
@options.on_timeout
@click.option("--capture", metavar="NAME", default="", help="Keep the outputs in this variable.")
async def cell(
    context: Context,
    paths: tuple[str, ...],
    timeout: float | None,
    on_timeout: str,
    capture: str,
    body: str = "",
) -> list[Outcome]:
    """Run the body of the cell, untouched, on kernels."""
    del capture
    return await run_on(context, context.state.kernels(paths), body, Limits(timeout, on_timeout))


def read_header(arguments: Sequence[Argument]) -> Header:
    """Read the words behind `%%silik`; `run` and `>` in front of the paths change nothing.

    Raises:
        CommandError: the options do not fit, or a command stands there.
    """
    words = list(arguments)
    if words and words[0].text in ("run", ">") and not words[0].literal:
        words = words[1:]
        if not words:
            raise CommandError(
                f"{MAGIC} {arguments[0].text} names no kernel", f"write `{MAGIC} PATH...`"
            )
    if not words:
        return Header()
    first = words[0]
    if first.text in names() and not first.literal:
        raise CommandError(
            f"{first.text} is a command, and {MAGIC} PATH... takes kernels",
            f"write `%silik {first.text} ...`, or commands in the lines below a bare {MAGIC}.",
        )
    given = read_call([Argument(MAGIC), *words])
    if given.command is not lookup(MAGIC):
        raise CommandError(f"{MAGIC} runs the body of the cell", "`help run` tells more.")
    found = given.parameters
    if found["capture"] and not _is_variable(found["capture"]):
        raise CommandError(
            f"--capture {found['capture']} is no name of a Python variable", "choose another name."
        )
    return Header(
        found["paths"], Limits(found["timeout"], found["on_timeout"]), found["capture"] or ""
    )


def _is_variable(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)
