"""The short words that kernels without a label are called by; pure."""

from __future__ import annotations

from collections.abc import Container, Iterator
from itertools import count, islice

_TEXT = """
    ash bay bee birch brook cedar cliff cloud clove coral crane creek dawn dew dove dune elm
    fern finch fir fjord fox frost gale glen grove hare hazel heron holly iris ivy jade jay kite
    lake lark leaf lily lime linnet loch lune lynx maple marsh mint moon moss oak olive opal
    otter owl peach pearl pine plum pond quail rain reed robin rose rowan sage seal shore sky
    sloe snow star stone swan teal thyme tide vale wave wren yew
"""
WORDS = tuple(_TEXT.split())


def fresh_words(taken: Container[str], number: int) -> list[str]:
    """Return words that are not taken; when all are, numbers behind them make new ones."""
    return list(islice((word for word in _candidates() if word not in taken), number))


def _candidates() -> Iterator[str]:
    yield from WORDS
    for number in count(2):
        yield from (f"{word}{number}" for word in WORDS)
