"""Which template processes this process has: one for each interpreter, environment and preload."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from silik_magics.kernels.forking.channel import Channel, Closed
from silik_magics.kernels.forking.forked import ForkedProcess
from silik_magics.kernels.forking.plan import Key, Plan
from silik_magics.kernels.guard import GUARD

PROGRAM = Path(__file__).with_name("template.py")
SECONDS = 20.0  # for a template to import ipykernel, and fork
IMPORT_SECONDS = 120.0  # and what is to be preloaded
END_SECONDS = 1.0
IDLE_SECONDS = 1.0  # from the first kernel, which is spawned, to the start of its template
MANY = 3  # kernels that were spawned: then it is started at once, however busy its host is
TOGETHER_SECONDS = 0.25  # kernels that are started within wait for their template
OLD = "old"  # as the template says it

# To be asked with template.py open beside it: both sides of one protocol.


class Refused(Exception):  # noqa: N818 - a kernel can still be spawned
    """No kernel was forked.

    Attributes:
        module: the module that can not be imported, if it was that.
    """

    def __init__(self, reason: str, module: str | None = None) -> None:
        super().__init__(reason)
        self.module = module


class Template:
    """A template process; it ends with this process, or when :meth:`close` is called.

    It takes as long to get ready as a kernel. So it is started behind the first kernel, which is
    spawned, and where kernels are started together: they are quicker when they wait for it.
    """

    def __init__(self, key: Key) -> None:
        self.kernels: weakref.WeakSet[ForkedProcess] = weakref.WeakSet()
        self.asking = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._key = key
        self._seconds = IMPORT_SECONDS if key.preload else SECONDS
        self._control, self._far_end = socket.socketpair()
        self._control.setblocking(False)
        self._is_ready = False
        self._spawned = 0
        self._spawned_at = -math.inf

    def start(self) -> None:
        """Start the process, if it was not yet."""
        if self.process is not None or self._far_end.fileno() < 0:
            return
        environment = {**os.environ, **dict(self._key.environment)}
        environment.pop("JPY_PARENT_PID", None)
        with self._far_end:
            self.process = subprocess.Popen(
                [*self._key.command, str(PROGRAM), str(os.getpid()), *self._key.preload],
                stdin=self._far_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        GUARD.also(self.process)  # it ends by itself, unless a signal has stopped it

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def is_over(self) -> bool:
        """Whether the process has run, and ended."""
        return self.process is not None and self.process.poll() is not None

    @property
    def is_ready(self) -> bool:
        """Whether it forks at once."""
        if not self._is_ready:
            with contextlib.suppress(OSError):  # nothing was said
                self._is_ready = bool(self._control.recv(1))
        return self._is_ready

    @property
    def is_idle(self) -> bool:
        """Whether none of its kernels lives, and nobody asks it for one."""
        return not self.asking and all(kernel.poll() is not None for kernel in self.kernels)

    def is_worth_waiting_for(self) -> bool:
        """Say whether a kernel that starts now had better be forked; has to be called in a loop.

        When not, the kernel is going to be spawned, and the template is started for the next.
        """
        now = time.monotonic()
        if self._key.preload or self.is_ready or now - self._spawned_at < TOGETHER_SECONDS:
            self.start()
            return True
        self._spawned_at = now
        self._spawned += 1
        if self._spawned >= MANY:
            self.start()
        elif self._spawned == 1:
            asyncio.get_running_loop().call_later(IDLE_SECONDS, self.start)
        return False

    async def fork(self, plan: Plan) -> ForkedProcess:
        """Fork a kernel.

        Raises:
            Refused: it was not forked.
        """
        channel = Channel()
        self.asking += 1
        try:
            said = await self._asked(plan, channel)
            if "pid" not in said:
                raise Refused(said["refused"], said.get("module"))
            process = ForkedProcess(said["pid"], channel, lambda: self.is_alive)
        except BaseException:
            channel.close()
            raise
        finally:
            self.asking -= 1
        self.kernels.add(process)
        return process

    async def _asked(self, plan: Plan, channel: Channel) -> dict[str, Any]:
        request = {
            "argv": plan.arguments,
            "command": plan.key.command,
            "env": {**plan.environment, "JPY_PARENT_PID": str(os.getpid())},
            "cwd": plan.cwd,
            "umask": _umask(),
        }
        packed = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogateescape")
        if not channel.write(struct.pack("!I", len(packed)) + packed):
            raise Refused("its environment is too large")
        with contextlib.ExitStack() as opened:
            stdout, stderr = plan.outputs
            out = _descriptor(stdout, 1, opened)
            err = out if stderr == subprocess.STDOUT else _descriptor(stderr, 2, opened)
            descriptors = [channel.far_end.fileno(), out, err]
            try:
                socket.send_fds(self._control, [b"k"], descriptors)
            except OSError as error:
                raise Refused(f"its template does not listen: {error}") from None
        channel.far_end.close()
        try:
            return await channel.answer(self._seconds)
        except TimeoutError:
            raise Refused(f"its template did not answer within {self._seconds:g} s") from None
        except (Closed, ConnectionResetError):
            raise Refused("its template ended") from None

    def close(self) -> None:
        """Let it end, when the last of its kernels has."""
        with contextlib.suppress(OSError):
            self._control.send(b".")
        self._control.close()
        self._far_end.close()
        if self.process is not None and self.is_idle:
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _descriptor(output: Any, number: int, opened: contextlib.ExitStack) -> int:
    """Return the descriptor for what subprocess would take as stdout or stderr."""
    if output is None:
        return number  # that of this process
    if output == subprocess.DEVNULL:
        return opened.enter_context(Path(os.devnull).open("w")).fileno()
    return output if isinstance(output, int) else output.fileno()


def _umask() -> int:
    if sys.platform == "linux":  # to ask for it otherwise is to set it, for all threads
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_templates: dict[Key, Template] = {}
_leaving: list[Template] = []
_users: weakref.WeakSet[object] = weakref.WeakSet()
_lock = threading.Lock()


def template_for(plan: Plan) -> Template:
    """Return the template of a plan: one that is alive, or was not started yet."""
    with _lock:
        _leaving[:] = [template for template in _leaving if template.is_alive]
        template = _templates.get(plan.key)
        if template is None or template.is_over:
            if template is not None:
                template.close()
            template = _templates[plan.key] = Template(plan.key)
        return template


def give_up(template: Template) -> None:
    """Use a template no more; its kernels live on."""
    with _lock:
        for key in [key for key, value in _templates.items() if value is template]:
            del _templates[key]
            template.close()
            _leaving.append(template)


def join(user: object) -> None:
    """Keep the templates until this one leaves."""
    _users.add(user)


def leave(user: object) -> None:
    """With the last user, end the templates that have no living kernel."""
    _users.discard(user)
    if _users:
        return
    for template in list(_templates.values()):
        if template.is_idle:
            give_up(template)


def running() -> list[Template]:
    """Return the templates of this process that are alive."""
    return [template for template in _templates.values() if template.is_alive]


def _forget() -> None:
    """In a fork of this process: its templates are not ours."""
    global _lock
    _lock = threading.Lock()
    _templates.clear()
    _leaving.clear()
    _users.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
