"""Reads files that people name: regular ones, as far as they are no larger than they may be.

A path may be anything: a directory, a FIFO that nobody writes to, a device without an end.
"""

from __future__ import annotations

import errno
import os
import stat


class UnfitFileError(ValueError):
    """It can be opened, but not be read as what it should be; says why."""


def read_bytes(path: str | os.PathLike[str], most: int) -> bytes:
    """Return what a regular file holds.

    Args:
        path: links are followed.
        most: how many bytes it may hold.

    Raises:
        OSError: it can not be opened.
        UnfitFileError: it is no regular file, or larger.
        ValueError: the path holds a NUL, or half of a character.
    """
    # Opening a FIFO waits for a writer, unless it is told not to.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise UnfitFileError("it is no regular file")
        found = file.read(most + 1)
    if len(found) > most:
        raise UnfitFileError(f"it holds more than {most / 1e6:g} MB")
    return found
