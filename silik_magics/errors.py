"""Every error that a user can see, each with its hint; must not import anything of ours.

The family::

    SilikError
    ├─ CommandError        something that the user can mend: a path, an option, a label
    │  └─ UnknownCommand   the first word of a line is no command
    ├─ KernelDied          the process of a kernel ended
    ├─ KernelTimeout       a kernel did not answer within the time given
    ├─ MissingDependency   a package of an extra is not installed
    └─ RemoteError         code in a sub-kernel raised; keeps that kernel's own traceback

IPython (and so nbclient, papermill and every notebook front-end) shows an exception through its
`_render_traceback_` method when it has one: that is how these are short messages, not tracebacks
of ours, and still make the cell fail.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return `"did you mean a or b?"` for the candidates closest to `word`, or an empty string."""
    close = difflib.get_close_matches(word, sorted(set(candidates)), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""


def well_formed(text: str) -> str:
    """Return text that can be sent and printed: half of a surrogate pair becomes a `?`."""
    return text.encode("utf-8", "replace").decode()


# Whoever chose a name must not move the cursor, nor turn around the line that tells of it.
_HARMFUL = re.compile(
    r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f"
    r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def harmless(text: str) -> str:
    """Return text whose control characters are written as escapes; newlines and colours stay."""
    return _HARMFUL.sub(lambda found: ascii(found[0])[1:-1], well_formed(text))


class SilikError(Exception):
    """An error meant for people: one message and one hint, no traceback of ours.

    Args:
        message: what is wrong, naming the thing.
        hint: what to type or do next.

    The attribute `detail` holds lines shown above the message: the traceback of a kernel that was
    interrupted because of this error.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        message = self._written(message)
        super().__init__(message)
        self.message = message
        self.hint = self._written(hint)
        self.detail: list[str] = []

    @staticmethod
    def _written(text: str) -> str:
        return harmless(text)

    @property
    def tells_of_kernel(self) -> bool:
        """Whether showing it shows the error that a kernel sent."""
        return bool(self.detail)

    def content(self) -> dict[str, object]:
        """Return the content of an `error` message, with the lines that are shown for it."""
        return {
            "ename": type(self).__name__,
            "evalue": str(self),
            "traceback": self._render_traceback_(),
        }

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        lines = [*self.detail, f"{type(self).__name__}: {self}"]
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        return lines


def _rebuild(
    cls: type[SilikError], args: tuple[object, ...], state: dict[str, object]
) -> SilikError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class CommandError(SilikError):
    """Something in a command that the user can mend."""


class UnknownCommand(CommandError):  # noqa: N818 - the name is part of the language's reference
    """The first word of a line is not a command; `evalue` is that word."""

    def __init__(self, word: str, commands: Iterable[str]) -> None:
        names = sorted(commands)
        guess = did_you_mean(word, names)
        super().__init__(
            f"{word} ({guess})" if guess else word,
            "the commands are " + ", ".join(names) + ". Send `help` to read about them.",
        )


class KernelDied(SilikError):  # noqa: N818 - the name is part of the language's reference
    """The process of a kernel ended; names how, what it was running and its last words."""


class KernelTimeout(SilikError):  # noqa: N818 - the name is part of the language's reference
    """A kernel did not finish, or did not become ready, within the time that was given."""


class MissingDependency(SilikError):  # noqa: N818 - the name is part of the language's reference
    """A package that belongs to an extra is not installed; the hint says what to type."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed",
            f"pip install 'silik-magics[{extra}]'",
        )


class RemoteError(SilikError):
    """Code in a sub-kernel raised: its own ename, evalue and traceback.

    Its class has the name of the remote exception, because Jupyter reports the class name as
    `ename`.
    """

    ename: str
    evalue: str
    traceback: list[str]

    @staticmethod
    def _written(text: str) -> str:
        return well_formed(text)  # it is the kernel's own word

    @property
    def tells_of_kernel(self) -> bool:
        """Whether showing it shows the error that a kernel sent: always."""
        return True

    def _render_traceback_(self) -> list[str]:
        return self.traceback or [f"{self.ename}: {self.evalue}"]


def remote_error(ename: str, evalue: str, traceback: list[str]) -> RemoteError:
    """Return an exception that Jupyter shows exactly as the kernel that raised it did."""
    error = _named(ename)(evalue)
    error.ename, error.evalue, error.traceback = ename, evalue, list(traceback)
    return error


def _named(ename: str) -> type[RemoteError]:
    # Pickling must find the class again, so the renamed class reduces to its parts.
    def reduce(self: RemoteError) -> tuple[object, ...]:
        return remote_error, (self.ename, self.evalue, self.traceback)

    # A class can have any name that is text without NUL; kernels may send anything.
    name = ename.encode(errors="replace").decode().replace("\0", "")
    return type(name or "RemoteError", (RemoteError,), {"__reduce__": reduce})
