"""The command that removes what ended kernels have left on the disk."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import click

from silik_magics.commands.context import Context
from silik_magics.commands.table import command
from silik_magics.display.answers import Table, table
from silik_magics.kernels.death import duration
from silik_magics.kernels.leftovers import leftovers

COLUMNS = ("file", "what", "age")


@command("gc")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be removed, and keep it.")
async def gc(context: Context, dry_run: bool) -> Table:
    """Remove the files of kernels that were lost in a crash, and show which.

    These are connection files, logs and sockets in the Jupyter runtime directory, of any Jupyter
    program, whose kernel does not live: no process names them, and nobody listens at their
    addresses. Files less than a minute old are kept.

    Example:
        silik> gc --dry-run
        ...
    """
    del context
    found = await asyncio.to_thread(leftovers)
    rows = [{"file": str(one.path), "what": one.what, "age": one.age} for one in found]
    if not dry_run:
        for one in found:
            with suppress(FileNotFoundError):  # somebody else was faster
                one.path.unlink()
    shown = [[one.path.name, one.what, duration(one.age)] for one in found]
    return table(COLUMNS, rows, shown, empty="Nothing is left over.")
