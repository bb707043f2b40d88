"""Pairs of kernels, one driven directly and one through `silik`, to which the same happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import ndiff
from typing import Any

from support.frontend import FrontEnd, check_protocol, front_end, transcript

Scene = Callable[[FrontEnd], object]
Found = dict[str, list[Any]]


@dataclass
class Pair:
    """Two kernels of one kernelspec, to which the same happens."""

    direct: FrontEnd
    through: FrontEnd
    differ: bool = False

    def play(
        self,
        scene: Scene,
        *,
        lawful: bool = True,
        by_request: bool = False,
        in_order: bool = True,
    ) -> Found:
        """Play a scene on both; what came must be the same, and is returned by channel.

        Args:
            scene: what the front-end does.
            lawful: whether the kernel answers each request by the rules of the protocol.
            by_request: whether to compare request by request, and not what comes first among
                them: threads of a kernel may answer several at a time. `idle` counts as last: a
                kernel that says so too soon is mended by `silik`.
            in_order: whether the kernel itself always sends them in the same order.
        """
        self.differ = True  # until they were seen not to
        for played in (self.direct, self.through):
            played.forget()
            scene(played)
            played.settle()
        expected, found = (
            transcript(each, by_request=by_request) for each in (self.direct, self.through)
        )
        if not in_order:
            for side in (expected, found):
                side.update({channel: sorted(said, key=str) for channel, said in side.items()})
        assert_same(found, expected)
        self.differ = False
        if lawful:
            check_protocol(self.through)
        return found


class Pairs(dict[str, Pair]):
    """A pair for each kernelspec, started when a test first asks; anew where one went astray."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: dict[str, ExitStack] = {}

    def __missing__(self, spec: str) -> Pair:
        self._ends[spec] = ends = ExitStack()
        direct, through = (
            ends.enter_context(front_end(spec, through=through)) for through in (False, True)
        )
        self[spec] = Pair(direct, through)
        return self[spec]

    def usable(self, spec: str) -> Pair:
        if spec in self and self[spec].differ:
            self._ends.pop(spec).close()
            del self[spec]
        return self[spec]

    def close(self) -> None:
        while self._ends:
            self._ends.popitem()[1].close()


def assert_same(found: Found, expected: Found) -> None:
    """Fail with the messages that differ, channel by channel."""
    before, after = (
        [f"{channel}: {message}" for channel, messages in side.items() for message in messages]
        for side in (expected, found)
    )
    differences = [line for line in ndiff(before, after) if not line.startswith("  ")]
    assert found == expected, "\n".join(differences)


def results(found: Found) -> list[str]:
    """Return the text of all that was displayed or returned."""
    data = (message[2].get("data") for message in found["iopub"] if "data" in message[2])
    return [bundle["text/plain"] for bundle in data if "text/plain" in bundle]
