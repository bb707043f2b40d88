"""Input transformers: connect mode, and cells that are only `%%silik`."""

from __future__ import annotations

from silik_magics.ipython.magics import CONNECTED, SilikMagics

_OURS = ("%silik", "%%silik")
_LEAVING = ("/cmd", "<")


class Connected:
    """In connect mode, sends a cell to the connected kernel; `/cmd` leaves the mode.

    Cells that begin with `%silik` or `%%silik` stay with the host.
    """

    def __init__(self, magics: SilikMagics) -> None:
        self._magics = magics

    def __call__(self, lines: list[str]) -> list[str]:
        """Transform the lines of a cell (called by IPython)."""
        door = self._magics.opened
        if door is None or door.connected is None:
            return lines
        code = "".join(lines)
        first = code.split(maxsplit=1)[:1]
        if not first or first[0].startswith(_OURS):
            return lines
        if first[0] in _LEAVING:
            return ["get_ipython().run_line_magic('silik', '/cmd')\n"]
        if door.expects_more(code):
            # A terminal asks through this transformer whether the cell is complete. A cell magic
            # is, after a blank line.
            return [f"%%silik {CONNECTED}\n", *lines]
        return [f"get_ipython().run_cell_magic('silik', {CONNECTED!r}, {code!r})\n"]


class EmptyBody:
    """Lets a `%%silik` cell be empty: IPython refuses a cell magic without a body."""

    has_side_effects = True  # so it takes no part when a terminal asks whether more will come

    def __call__(self, lines: list[str]) -> list[str]:
        """Transform the lines of a cell (called by IPython)."""
        if len(lines) == 1 and lines[0].split(maxsplit=1)[:1] == ["%%silik"]:
            return [lines[0].rstrip("\n") + "\n", "\n"]
        return lines
