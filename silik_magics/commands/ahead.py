"""The command for kernels that are started ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from silik_magics.commands.context import Context, State
from silik_magics.commands.kinds import Kind
from silik_magics.commands.table import command
from silik_magics.display.answers import Table, table
from silik_magics.errors import CommandError

MOST = 32


class SpecAndCount(Kind):
    """A kernelspec, and how many."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the kernelspecs."""
        del incomplete
        return [f"{spec}=" for spec in state.manager.specs.all()]


@command("warm")
@click.argument("counts", type=SpecAndCount("SPEC=N"), nargs=-1, metavar="[SPEC=N...]")
async def warm(context: Context, counts: tuple[str, ...]) -> Table:
    """Keep kernels ready that nobody uses yet; without arguments, show them.

    `start` takes one of them, and it is there at once; another is started when nothing runs.
    SPEC=0 ends those that are ready. One that was started in another directory or environment is
    moved, where silik knows how its language does that; else `start` starts one as ever.

    Example:
        silik> warm python3=1
        kernelspec  wanted  ready
        python3     1       0
        silik> start python3 -l k1
        ╰─ k1.py
        silik> warm python3=0
        kernelspec  wanted  ready
        python3     0       0
    """
    manager = context.state.manager
    await manager.ahead.keep(dict(_count(context, word) for word in counts))
    ready = Counter(kernel.spec for kernel in manager.ahead.kernels)
    rows = [
        {"kernelspec": spec, "wanted": count, "ready": ready[spec]}
        for spec, count in manager.ahead.wanted.items()
    ]
    empty = "No kernel is started ahead. `warm python3=2` keeps two of them ready."
    return table(("kernelspec", "wanted", "ready"), rows, empty=empty)


def _count(context: Context, word: str) -> tuple[str, int]:
    spec, equals, number = word.rpartition("=")
    if not equals or not number.isdecimal() or int(number) > MOST:
        raise CommandError(
            f"{word} does not say how many of what", f"write `warm python3=2`, up to {MOST}."
        )
    context.state.manager.specs.get(spec)
    return spec, int(number)
