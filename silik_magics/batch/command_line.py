"""The command line `silik`: run scripts and notebooks, sweep over parameters, look at kernels.

What a command needs is imported when it is called: `silik --version` must answer at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from silik_magics._version import __version__
from silik_magics.errors import CommandError, MissingDependency, SilikError

FAILED = 1
USAGE = 2
INTERRUPTED = 130  # as shells have it for a program that Ctrl-C ended

FILE = click.Path(path_type=Path)
HELP = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=HELP)
@click.version_option(__version__, prog_name="silik")
def main() -> None:
    """Many Jupyter kernels, in any language: run them, and run notebooks that drive them.

    The exit code is 0, 1 when code failed, 2 when the command line or a file is not right, and 130
    after Ctrl-C.
    """


@main.command()
@click.argument("file", type=FILE)
@click.option(
    "-p",
    "--parameter",
    "parameters",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter of the notebook, or a variable of the script (repeatable).",
)
@click.option("-o", "--output", type=FILE, metavar="OUT", help="The executed notebook.")
def run(file: Path, parameters: tuple[tuple[str, str], ...], output: Path | None) -> None:
    """Run a `.silik` script or a notebook, and show its outputs as they come.

    A script holds lines of the command language, in which ${NAME} stands for a parameter. A
    notebook is executed by papermill, into OUT; by default NAME.out.ipynb beside it.
    """
    if file.suffix == ".silik":
        if output is not None:
            raise click.UsageError("-o is for notebooks: a script has no output notebook.")
        _run_script(file, dict(parameters))
    elif file.suffix == ".ipynb":
        _run_notebook(file, dict(parameters), output or file.with_suffix(".out.ipynb"))
    else:
        raise click.UsageError(f"{file} is neither a .silik script nor an .ipynb notebook.")


def _run_script(file: Path, variables: dict[str, str]) -> None:
    from silik_magics.batch import script

    with _usage():
        text = script.read(file, variables)
    with _ends():
        script.run(text, variables)


def _run_notebook(file: Path, texts: dict[str, str], output: Path) -> None:
    from silik_magics.batch import notebooks
    from silik_magics.batch.sweep_points import read_value

    with _usage():
        notebooks.check(file, texts)
        notebooks.check_output(output)
    from silik_magics.batch import terminal

    with _ends(signals=()):  # the engine ends the notebook in good order, and then this process
        try:
            terminal.run(file, output, {name: read_value(text) for name, text in texts.items()})
        finally:
            click.echo(f"The executed notebook is {output}", err=True)


@main.command()
@click.argument("notebook", type=FILE)
@click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=V1,V2,...",
    help="Values of a parameter (repeatable: all combinations are run).",
)
@click.option("--grid", type=FILE, metavar="FILE", help="Points, in a .yaml or .csv file.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="How many at once.")
@click.option("--out", type=FILE, metavar="DIR", help="Where outputs and results go.")
@click.option("--resume", is_flag=True, help="Go on with what DIR holds.")
@click.option(
    "--retries", type=click.IntRange(min=0), default=0, metavar="N", help="Tries after a failure."
)
@click.option("--timeout", type=float, metavar="S", help="Seconds that each run may take.")
@click.option("--fail-fast", is_flag=True, help="End the sweep at the first failure.")
@click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="A Dask scheduler to run the points on; or `slurm`, or `kubernetes`.",
)
def sweep(
    notebook: Path,
    parameters: tuple[str, ...],
    grid: Path | None,
    out: Path | None,
    timeout: float | None,
    **options: Any,
) -> None:
    """Run a notebook with many values of its parameters.

    Each run has an output notebook of its own in DIR, by default NAME-sweep beside the notebook,
    and a line in DIR/results.csv and DIR/results.jsonl. What was killed goes on with --resume.
    """
    from silik_magics.batch import notebooks
    from silik_magics.batch.sweep import Plan, run
    from silik_magics.batch.sweep_points import points, read_grid_file
    from silik_magics.batch.sweep_progress import Progress

    folder = out or notebook.with_name(f"{notebook.stem}-sweep")
    progress = Progress(notebook.stem)
    with _usage():
        if timeout is not None and not timeout > 0:
            raise CommandError(f"--timeout {timeout:g} is no time", "give seconds, more than 0.")
        rows = read_grid_file(grid) if grid else []
        plan = Plan(notebook, points(parameters, rows), folder, timeout=timeout, **options)
        names = dict.fromkeys(name for point in plan.points for name in point.parameters)
        notebooks.check(notebook, names, kernel=not plan.scheduler)
    with _ends(resumes=True):
        try:
            with _usage():
                done = run(plan, progress)
        finally:
            progress.close()
    failed = [row for row in done if not row.is_ok]
    told = (
        f"{len(done)} points, {len(failed)} failed" if failed else f"{len(done)} points, all well"
    )
    click.echo(f"{told}; the results are in {folder / 'results.csv'}")
    if failed:
        again = max(row.attempt for row in failed)
        click.echo(f"`--resume --retries {again}` tries what failed once more.", err=True)
    sys.exit(FAILED if failed else 0)


@main.command()
def kernels() -> None:
    """Show the kernelspecs that can be started."""
    with _ends():
        click.echo(_answer("kernels").text)


def _kernelspecs(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    return [row["name"] for row in _answer("kernels") if row["name"].startswith(typed)]


@main.command()
@click.argument("spec", shell_complete=_kernelspecs)
@click.option("--timeout", type=float, metavar="S", help="Seconds that the kernel gets.")
def doctor(spec: str, timeout: float | None) -> None:
    """Tell why a kernel does or does not start; the exit code is 1 where it does not."""
    from silik_magics.language.words import quote

    option = "" if timeout is None else f" --timeout {timeout}"
    with _ends(), _usage():
        told = _answer(f"doctor {quote(spec)}{option}")
    click.echo(told.text)
    sys.exit(0 if told.data["starts"] else FAILED)


@main.command()
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be removed, and keep it.")
def gc(dry_run: bool) -> None:
    """Remove the files of kernels that were lost in a crash, and show which."""
    with _ends():
        click.echo(_answer("gc --dry-run" if dry_run else "gc").text)


def _answer(line: str) -> Any:
    """Return what a line of the command language answers."""
    from silik_magics.api import Silik

    with Silik() as silik:
        return silik.command(line)


# How a command ends


@contextmanager
def _usage() -> Iterator[None]:
    """End with the code for what is wrong before anything was run."""
    try:
        yield
    except (CommandError, MissingDependency) as error:
        _end(error, USAGE)


@contextmanager
def _ends(
    *, signals: Sequence[int] = (signal.SIGTERM, signal.SIGHUP), resumes: bool = False
) -> Iterator[None]:
    """End with the code for how a run ended; these signals end it as Ctrl-C does."""

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    except SilikError as error:
        _end(error, FAILED)
    except KeyboardInterrupt as interrupted:
        if isinstance(interrupted.__cause__, SilikError):
            _show(interrupted.__cause__)
        click.echo(f"Interrupted{'; `--resume` goes on' if resumes else ''}.", err=True)
        number = interrupted.args[0] if interrupted.args else signal.SIGINT
        sys.exit(INTERRUPTED - signal.SIGINT + number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(error: SilikError) -> None:
    click.echo("\n".join(error._render_traceback_()), err=True)


def _end(error: SilikError, code: int) -> NoReturn:
    _show(error)
    sys.exit(code)


if __name__ == "__main__":
    main()
