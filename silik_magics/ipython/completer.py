"""Completion in lines and cells of the magics, and in connect mode: a matcher for IPython."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
)

from silik_magics.ipython.magics import SilikMagics

if TYPE_CHECKING:
    from silik_magics.commands.completion import Completions

_LINE_MAGIC = re.compile(r"\s*(?:[\w.,\s]+=\s*)?%silik\s")
_CELL_MAGIC = re.compile(r"\s*%%silik(\s|$)")


class Matcher:
    """Answers for text that belongs to silik; says nothing about any other."""

    def __init__(self, magics: SilikMagics) -> None:
        self._magics = magics
        self.__qualname__ = type(self).__qualname__  # IPython expects a function
        self.matcher_api_version = 2
        self.matcher_identifier = "silik_magics.matcher"
        self.matcher_priority = 100.0

    def __call__(self, context: CompletionContext) -> SimpleMatcherResult:
        """Return what could be typed at the cursor (called by IPython)."""
        cursor = offset_of(context)
        found = self._find(context, cursor)
        if found is None:
            return SimpleMatcherResult(completions=[])
        fragment = context.full_text[found.start : cursor]
        items = [SimpleCompletion(item.text, type=item.kind or None) for item in found.items]
        if not items:
            # IPython suppresses its own completions only where there are others: without this it
            # would offer the host's names in another kernel's code.
            items = [SimpleCompletion(fragment)]
        return SimpleMatcherResult(
            completions=items, matched_fragment=fragment, suppress=True, ordered=True
        )

    def _find(self, context: CompletionContext, cursor: int) -> Completions | None:
        text = context.full_text
        if _CELL_MAGIC.match(text):
            return self._magics.door.complete(text, cursor)
        line = context.line_with_cursor
        match = _LINE_MAGIC.match(line)
        if match is not None and match.end() <= context.cursor_position:
            begin = cursor - context.cursor_position + match.end()
            rest = text[begin : cursor - context.cursor_position + len(line)]
            return self._magics.door.complete_line(rest, cursor - begin).shifted(begin)
        door = self._magics.opened
        if (
            door is not None
            and door.connected is not None
            and not text.lstrip().startswith("%silik")
        ):
            return door.complete(text, cursor)
        return None


def offset_of(context: CompletionContext) -> int:
    """Return the cursor's offset into the whole text."""
    lines = context.full_text.split("\n")[: context.cursor_line]
    return sum(len(line) + 1 for line in lines) + context.cursor_position
