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
from collections.abc import Iterable


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return `"did you mean a or b?"` for the candidates closest to `word`, or an empty string."""
    close = difflib.get_close_matches(word, sorted(set(candidates)), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""


class SilikError(Exception):
    """An error meant for people: one message and one hint, no traceback of ours.

    Args:
        message: what is wrong, naming the thing.
        hint: what to type or do next.

    The attribute `detail` holds lines shown above the message: the traceback of a kernel that was
    interrupted because of this error.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail: list[str] = []

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

    Made by :func:`remote_error`, which gives the class the name of the remote exception, because
    Jupyter reports the class name as `ename`.
    """

    ename: str
    evalue: str
    traceback: list[str]

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
