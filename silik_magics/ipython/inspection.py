"""Shift-Tab in cells of the magics and in connect mode."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from silik_magics.ipython.magics import SilikMagics

_OURS = re.compile(r"\s*%%?silik\b")


class Inspection:
    """Stands in for a kernel's `do_inspect`, and passes on what is not ours."""

    def __init__(self, magics: SilikMagics, host: Callable[..., Any]) -> None:
        self._magics = magics
        self._host = host

    def __call__(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> Any:
        """Return the content of an inspect_reply (called by ipykernel)."""
        if not self._is_ours(code, cursor_pos):
            return self._host(code, cursor_pos, detail_level, omit_sections)
        return self._magics.door.inspect(code, cursor_pos, detail_level)

    def _is_ours(self, code: str, cursor: int) -> bool:
        if re.match(r"\s*%%silik\b", code):
            return True
        start = code.rfind("\n", 0, cursor) + 1
        if _OURS.match(code[start:]):
            return True
        door = self._magics.opened
        return door is not None and door.connected is not None
