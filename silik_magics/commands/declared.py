"""Declares every command by importing its module; the order is that of help."""

from silik_magics.commands import (  # noqa: F401, I001
    lifecycle,
    running,
    folders,
    facts,
    ahead,
    exchange,
    doctor,
    tidying,
    cell,
)
from silik_magics.commands.table import TABLE

__all__ = ["TABLE"]
