"""A shell of the command language, typed into cell by cell, that shows text."""

from __future__ import annotations

import re

from silik_magics.display.sinks import Text
from silik_magics.errors import SilikError
from silik_magics.shell import Shell

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Session:
    """What a user of a terminal has: type a cell, read what comes back.

    Args:
        shell: what is typed into; a new one by default.
    """

    def __init__(self, shell: Shell | None = None) -> None:
        self.shell = shell or Shell()

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shell.close()

    async def type(self, cell: str) -> str:
        """Run a cell and return all that it shows, an error as people see it, without colours."""
        written: list[str] = []

        def write(text: str, stream: str) -> None:
            del stream  # as in a terminal
            written.append(text)

        try:
            await self.shell.run_cell(cell, self.shell.context(Text(write)))
        except SilikError as error:
            written += "\n".join(error._render_traceback_()), "\n"
        return _ANSI.sub("", "".join(written))
