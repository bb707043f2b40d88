"""`%silik` and `%%silik`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

if TYPE_CHECKING:
    from silik_magics.ipython.door import Door

CONNECTED = "--connected"  # what connect mode writes behind `%%silik`; nobody types it

_OUR_VARIABLE = re.compile(r"\$\{(\w+)\}")
_FRAMES_TO_USER = 3  # `silik`, IPython's run_line_magic or run_cell_magic, then the user's code


@magics_class
class SilikMagics(Magics):
    """The magics; everything behind them is loaded when one is first used."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.opened: Door | None = None

    @property
    def door(self) -> Door:
        """The kernels of this IPython shell."""
        if self.opened is None:
            from silik_magics.ipython.door import Door

            self.opened = Door(self.shell)
        return self.opened

    @no_var_expand
    @line_cell_magic
    def silik(self, line: str, cell: str | None = None) -> Any:
        """Drive sub-kernels: start, run, interrupt, restart and organise them.

        Usage:
            %silik COMMAND...         one command; `%silik help` shows them all
            %%silik                   the lines of the cell are commands
            %%silik PATH... [--timeout S] [--on-timeout interrupt|restart|stop] [--capture NAME]
                                      the body of the cell is code for these kernels
            %silik > PATH             following cells are code for this kernel, until `/cmd`

        Example:
            %silik start python3 --label k1
            %silik run "print(6 * 7)" k1.py
        """
        if line.strip() == CONNECTED:
            return self.door.run_connected(_body(cell or ""))
        line = self._expand(line)
        if cell is None:
            return self.door.run_line(line)
        return self.door.run_cell(line, _body(cell))

    def _expand(self, line: str) -> str:
        """Expand `{name}` and `$name` as IPython does for every magic, but not our `${name}`."""
        assert self.shell is not None
        protected = _OUR_VARIABLE.sub(r"${{\1}}", line)
        expanded = self.shell.var_expand(protected, _FRAMES_TO_USER)
        # Where IPython could not expand the line it returns it as it was.
        return line if expanded == protected else expanded

    def close(self) -> None:
        """Stop every kernel that was started here."""
        door, self.opened = self.opened, None
        if door is not None:
            door.close()


def _body(cell: str) -> str:
    # IPython puts a newline behind the last line; no front-end sends one to a kernel.
    return cell.removesuffix("\n")
