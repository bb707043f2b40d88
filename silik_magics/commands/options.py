"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from silik_magics.commands.execution import ON_TIMEOUT
from silik_magics.commands.kinds import PATHS, SECONDS

Decorator = Callable[[Any], Any]

now: Decorator = click.option("--now", is_flag=True, help="Do not ask it politely first.")

paths: Decorator = click.argument("paths", type=PATHS, nargs=-1, required=True, metavar="PATH...")

timeout: Decorator = click.option(
    "--timeout", type=SECONDS, metavar="S", help="Seconds it may take."
)

on_timeout: Decorator = click.option(
    "--on-timeout",
    type=click.Choice(ON_TIMEOUT),
    default="interrupt",
    show_default=True,
    help="What happens to a kernel that does not react to an interrupt then.",
)
