"""Tells the guardian of this process which kernels to end when this process is gone.

See `guardian.py`, which is the other side. There is one guardian for all managers of a process:
it is started with the first kernel, and told to end when there has been none for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

logger = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("guardian.py")
NAME = "/".join(PROGRAM.parts[-2:])  # of any installation
IDLE_SECONDS = 10.0  # without a kernel, until the guardian is let go
SEND_SECONDS = 1.0  # until one that does not listen is replaced
END_SECONDS = 3.0  # it may have to kill what a kernel has left
IS_POSSIBLE = os.name == "posix"


class Guard:
    """This process's guardian; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[str, dict[str, Any]] = {}  # of each kernel that is guarded
        self._also: list[subprocess.Popen[bytes]] = []
        self._socket: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def starting(self, name: str, files: Sequence[str]) -> None:
        """Say that a kernel is about to start, and which files it will leave when nobody ends it.

        Args:
            name: an id of its own.
            files: the first is one that its command line names.
        """
        self._say({"id": name, "files": list(files)})

    def started(self, name: str, pid: int) -> None:
        """Say which process it is."""
        self._say({"id": name, "pid": pid})

    def also(self, process: subprocess.Popen[bytes]) -> None:
        """Say that a process, which ends by itself when no kernel needs it, must not outlive us."""
        with self._lock:
            self._also.append(process)
        self._say(_also(process))

    def over(self, name: str) -> None:
        """Say that it was stopped; what it has left running in its process group is ended."""
        if name not in self._said:
            return
        self._say({"id": name, "over": True})
        if not self._said:
            with contextlib.suppress(RuntimeError):  # no loop runs: it ends with this process
                asyncio.get_running_loop().call_later(IDLE_SECONDS, self.let_go)

    def let_go(self) -> None:
        """Let the guardian end, if it guards nothing."""
        with self._lock:
            self._also = [process for process in self._also if process.poll() is None]
            if not self._said and not self._also:
                self._close()

    def _say(self, what: dict[str, Any]) -> None:
        if not IS_POSSIBLE:
            return
        with self._lock:
            if "over" in what:
                self._said.pop(what["id"], None)
            elif "files" in what or what["id"] in self._said:
                self._said[what["id"]] = {**self._said.get(what["id"], {}), **what}
            try:
                if self._socket is None:
                    raise BrokenPipeError  # it was not started yet
                self._send(what)
            except OSError:  # or it was killed: the next one has to know all
                if self._said or self._also:
                    self._start_again()

    def _send(self, what: dict[str, Any]) -> None:
        assert self._socket is not None
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def _start_again(self) -> None:
        if self.process is not None:
            self.process.kill()  # it does not listen: it has ended, or was stopped
        self._close()
        self._socket, far_end = socket.socketpair()
        self._socket.settimeout(SEND_SECONDS)  # one that was stopped by a signal must not stop us
        try:
            with far_end:
                self.process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(PROGRAM), str(os.getpid())],
                    stdin=far_end.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C is not for it
                )
            for what in self._all():
                self._send(what)
        except OSError as error:  # no memory, or too many processes: kernels run all the same
            logger.warning("nothing guards the kernels of this process: %s", error)
            self._close()

    def _all(self) -> Iterator[dict[str, Any]]:
        yield from self._said.values()
        for process in self._also:
            if process.poll() is None:
                yield _also(process)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(END_SECONDS)
            self.process = None

    def forget(self) -> None:
        """In a fork of this process: its kernels are not ours."""
        self._lock = threading.Lock()
        self._said.clear()
        self._also.clear()
        if self._socket is not None:
            self._socket.close()
        self._socket = self.process = None


def is_guardian(process: psutil.Process) -> bool:
    """Say whether a process is the guardian of some host: it ends by itself, its work done."""
    try:
        return any(argument.endswith(NAME) for argument in process.cmdline())
    except psutil.Error:
        return False


def _environment() -> dict[str, str]:
    """Return what an interpreter needs to start.

    Nothing else: who looks for the kernels of a run by a variable, to end them, must not find it.
    """
    return {name: value for name, value in os.environ.items() if name.startswith(("LD_", "DYLD_"))}


def _also(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    return {"id": f"process {process.pid}", "pid": process.pid}


GUARD = Guard()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=GUARD.forget)
