"""Shows kernels again and again, until the time is over or the user has seen enough."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from typing import Any

from silik_magics.commands.context import Context
from silik_magics.commands.survey import Survey
from silik_magics.display.answers import Table

EVERY_SECONDS = 1.0


async def watched(context: Context, survey: Survey, seconds: float) -> Table | None:
    """Show a survey anew every second.

    Args:
        context: the cell; its user can end this, which is no error.
        survey: what is watched.
        seconds: for how long; infinite until the user ends it.

    Returns:
        The last table, where nobody watches; None where it was shown.
    """
    live = context.sink.live()
    with context.stoppable() as stopped:
        if live is None:
            if math.isfinite(seconds):
                await _pause(stopped, seconds)
            return await survey.look()
        ends = time.monotonic() + seconds
        while True:
            seen = await survey.glance()
            live.show(seen, _gist(seen))
            left = ends - time.monotonic()
            if left > 0:
                await _pause(stopped, min(left, EVERY_SECONDS))
            if left <= 0 or stopped.is_set():
                live.close(seen, _gist(seen))
                return None


async def _pause(stopped: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), seconds)


def _gist(seen: Table) -> list[tuple[Any, ...]]:
    """Return what of a table is news: which kernels there are, and their states."""
    return [(row["kernel"], row["state"], row["end"]) for row in seen]
