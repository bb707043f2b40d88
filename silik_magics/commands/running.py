"""Commands that run code, and those that change where code goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from silik_magics.commands import options
from silik_magics.commands.context import Context, KernelLeaf, kernel_of
from silik_magics.commands.execution import Limits, raise_failure, run_on
from silik_magics.commands.kinds import CODE, FILE, KERNEL
from silik_magics.commands.table import command
from silik_magics.display.answers import Answer, record
from silik_magics.errors import CommandError
from silik_magics.kernels.files import UnfitFileError, read_bytes
from silik_magics.kernels.record import Entry

CONNECTED = (
    "All cells are executed on kernel {}. Run /cmd to exit this mode and select a new kernel."
)
COMMAND_MODE = (
    "Command mode. You can create and select kernels. Send `help` for the list of commands."
)

HISTORY_SECONDS = 3.0  # for a kernel that is idle to tell its history
LARGEST_TEXT = 10_000_000  # bytes of a file that is shown or run
DEEPEST_SOURCE = 20  # files that `source` one another


@command("run")
@click.argument("code", type=CODE)
@options.paths
@options.timeout
@options.on_timeout
async def run(
    context: Context, code: str, paths: tuple[str, ...], timeout: float | None, on_timeout: str
) -> None:
    """Run code on one or more kernels.

    On several kernels it runs at once, and their outputs are shown one kernel after the other,
    each under its name; after a second a notebook or a terminal shows which are still running.
    Quote the code; a quoted word may span lines. Code that takes longer than `--timeout` is
    interrupted, and nothing else happens to a kernel that reacts to that.

    Example:
        silik> start python3 -n 2 -l w
        ├─ w1.py
        ╰─ w2.py
        silik> run "x = 19" w1.py
        silik> run "print(x)" w1.py
        19
        silik> run "print(6 * 7)" w*
        ── w1.py ──
        42
        ── w2.py ──
        42
    """
    kernels = context.state.kernels(paths)
    raise_failure(await run_on(context, kernels, code, Limits(timeout, on_timeout)))


@command(">", "gateway")
@click.argument("path", type=KERNEL)
async def gateway(context: Context, path: str) -> Answer:
    """Connect to a kernel: following cells are code for it, until a cell says `/cmd`.

    What follows in the same cell is not executed: a cell holds one language.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> > k1.py
        All cells are executed on kernel k1.py. Run /cmd to exit this mode and select a new kernel.
        silik> 1 + 1
        2
        silik> /cmd
        Command mode. You can create and select kernels. Send `help` for the list of commands.
    """
    leaf = context.state.tree.leaf(path)
    await kernel_of(leaf).ready()  # raises when it is dead: never connect to nothing
    context.state.connected = leaf
    context.switched = True
    return Answer(CONNECTED.format(leaf.name))


@command("/cmd", "<")
async def command_mode(context: Context) -> Answer:
    """Leave connect mode: following cells are commands again.

    Example:
        silik> /cmd
        Command mode. You can create and select kernels. Send `help` for the list of commands.
    """
    context.state.connected = None
    return Answer(COMMAND_MODE)


@command("history")
@click.argument("path", type=KERNEL)
@click.option("-o", "--output", is_flag=True, help="Show the outputs too.")
async def history(context: Context, path: str, output: bool) -> Answer:
    """Show what was run on a kernel.

    It is the kernel's own history, or, where it keeps none, what was sent to it from here.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> run "x = 19" k1.py
        silik> run "print(x)" k1.py
        19
        silik> history k1.py
        ------- 0 -------
        <BLANKLINE>
        x = 19
        <BLANKLINE>
        ------- 1 -------
        <BLANKLINE>
        print(x)
    """
    leaf = context.state.tree.leaf(path)
    entries = await _entries(leaf)
    blocks: list[str] = []
    for number, entry in enumerate(entries):
        blocks.append(f"------- {number} -------\n\n{entry.code}")
        if output and entry.output:
            blocks.append(entry.output.removesuffix("\n"))
    data = [{"code": entry.code, "output": entry.output} for entry in entries]
    shown = [(x.code, x.output.removesuffix("\n") if output else "") for x in entries]
    return record("\n\n".join(blocks), shown, data)


async def _entries(leaf: KernelLeaf) -> list[Entry]:
    """Return a kernel's own history, with the outputs that were seen here."""
    kernel = kernel_of(leaf)
    own = list(kernel.record.entries)
    if kernel.state != "idle":
        return own
    by_count: dict[object, str] = {entry.count: entry.output for entry in own}
    try:
        said = await asyncio.wait_for(kernel.connection.history(), HISTORY_SECONDS)
    except TimeoutError:  # there are kernels that do not know the question
        return own
    told = [entry for entry in said if isinstance(entry[2], str)]
    if len(told) < len(own):  # it keeps none, or less
        return own
    # IPython has an empty line 0 in every session.
    return [Entry(code, count, by_count.get(count, "")) for _, count, code in told if code]


@command("source")
@click.argument("file", type=FILE)
async def source(context: Context, file: str) -> None:
    """Run the lines of a UTF-8 file as commands.

    The path is relative to the working directory of the host.

    Example:
        silik> source examples/first.silik
        ╰─ k1.py
        19
    """
    if context.depth >= DEEPEST_SOURCE:
        raise CommandError(
            f"{file} is not read: {DEEPEST_SOURCE} files that read one another are too many",
            "does one of them `source` itself?",
        )
    context.depth += 1
    try:
        await context.run_lines(read_text(file))
    finally:
        context.depth -= 1


@command("cat")
@click.argument("file", type=FILE)
async def cat(context: Context, file: str) -> Answer:
    """Show a text file.

    Example:
        silik> cat examples/first.silik
        start python3 --label k1
        run "x = 19" k1.py
        run "print(x)" k1.py
    """
    del context
    return Answer(read_text(file).removesuffix("\n"))


def read_text(file: str) -> str:
    """Return a text file of the host.

    Raises:
        CommandError: it does not exist, is no text, or can not be read.
    """
    try:
        # Editors of some systems begin UTF-8 text with a byte order mark; `-sig` leaves it out.
        packed = read_bytes(Path(file).expanduser(), LARGEST_TEXT)
        text = packed.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{file} is no UTF-8 text", "only text files can be read.") from None
    except OSError as error:
        raise CommandError(
            f"{file}: {error.strerror}", f"paths are relative to {Path.cwd()}"
        ) from None
    except UnfitFileError as error:
        raise CommandError(
            f"{file} can not be read: {error}", "only text files can be read."
        ) from None
    except (ValueError, RuntimeError) as error:  # a NUL in it, or `~` of a user who is not there
        raise CommandError(f"{file!r} is no path: {error}", "name a file that exists.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")  # as open() reads text
