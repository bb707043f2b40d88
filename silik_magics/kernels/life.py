"""The life of one sub-kernel: it begins, is restarted, is signalled, dies or is stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal as signals
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zmq

from silik_magics.errors import CommandError, KernelDied, SilikError
from silik_magics.kernels.coming import Coming
from silik_magics.kernels.connection import Connection
from silik_magics.kernels.conversation import OnOutput
from silik_magics.kernels.death import (
    PORT_TAKEN,
    Death,
    last_lines,
    not_ready,
    not_started,
    shorten,
    signal_name,
)
from silik_magics.kernels.heartbeat import Heartbeat
from silik_magics.kernels.messages import Message
from silik_magics.kernels.process import KernelProcess, open_log
from silik_magics.kernels.record import Record
from silik_magics.kernels.usage import Usage
from silik_magics.kernels.work import Work

logger = logging.getLogger(__name__)

_EXTENSION = re.compile(r"\.?([\w+#-][\w.+#-]{,30})")

# What a Python kernel that was spawned is told, as its template arranges it for one that is forked.
# By default ipykernel drops outputs when a thousand of them were not taken yet: many kernels that
# print at once are faster than their host. The socket belongs to its thread.
# At its exit it ends the thread for outputs before the one for control, which may be using it and
# then waits for ever, or aborts. What is registered last is called first.
SETTLE = """\
(lambda kernel, exits: (
    kernel.iopub_thread.schedule(lambda: setattr(kernel.iopub_thread.socket, "sndhwm", 0)),
    exits.register(
        lambda thread: thread and thread.is_alive() and (thread.stop(), thread.join()),
        kernel.control_thread,
    ),
))(get_ipython().kernel, __import__("atexit"))"""
STOPPED = {"SIGSTOP": True, "SIGCONT": False}  # after signals that no process can refuse
KILL_SECONDS = 5.0  # SIGKILL takes milliseconds; only a stuck system needs longer
LOG_SECONDS = 1.0  # between two looks at what a kernel that is not ready yet has written


class Life:
    """A sub-kernel from its start to its end: its process, its connection, what is known of both.

    Args:
        process: what starts and ends its process.
        context: the zmq context that all connections share.
        log: the file that its own stdout and stderr go to.

    Attributes:
        name: how people call it, such as `k1.py`.
        info: its kernel_info, once it is ready.
        death: how it ended, while it is dead.
        started: when it became ready last.
        last_activity: when it was last asked to run something, or was done with it.
        work: what it was asked to run since it started.
        record: the last of that, with what it answered.
        usage: measures what its processes use.
        heartbeat: asks whether it answers, since it was connected to.
        on_change: called with it when it dies or is stopped.
        on_foreign: called with what it says on iopub and answers no request of ours, status
            messages too; None to drop it.
    """

    def __init__(self, process: KernelProcess, context: zmq.Context, log: Path) -> None:
        self.process = process
        self.log = log
        self.name = process.kernel_name
        self.info: dict[str, Any] = {}
        self.death: Death | None = None
        self.started = self.last_activity = datetime.now(UTC)
        self.work = Work()
        self.record = Record()
        self.usage = Usage()
        self.on_change: list[Callable[[Any], None]] = []
        self.on_foreign: OnOutput | None = None
        self._context = context
        self._connection: Connection | None = None
        self.heartbeat: Heartbeat | None = None
        self._burial: asyncio.Task[None] | None = None
        self._ready = False
        self._ending = False
        self._killed = False
        self._is_over = False
        self._lock = asyncio.Lock()
        self._coming = Coming()
        self._opening: asyncio.Task[None] | None = None
        process.on_end = self._ended

    # What it is

    @property
    def id(self) -> str:
        """Its id in the manager."""
        assert self.process.kernel_id is not None
        return str(self.process.kernel_id)

    @property
    def spec(self) -> str:
        """The name of its kernelspec; empty when attached to a kernel that does not tell."""
        return self.process.kernel_name

    @property
    def is_attached(self) -> bool:
        """Whether somebody else started it: then it is never ended with us."""
        return not self.process.owns_kernel

    @property
    def connection_file(self) -> str:
        """The path of its connection file."""
        return str(Path(self.process.connection_file).absolute())

    @property
    def language(self) -> str:
        """The name of its language, lower case."""
        return str(self.info.get("language_info", {}).get("name", "")).lower()

    @property
    def extension(self) -> str:
        """The file extension of its language, lower case, with the dot."""
        told = str(self.info.get("language_info", {}).get("file_extension") or "").lower()
        found = _EXTENSION.fullmatch(told)  # it is a part of names: no slash, no control character
        return f".{found[1]}" if found else ".txt"

    @property
    def state(self) -> str:
        """One of `starting`, `idle`, `busy` and `dead`."""
        if self.death is not None:
            return "dead"
        if self._connection is None or not self._ready:
            return "starting"
        return "busy" if self.work or self._connection.state == "busy" else "idle"

    @property
    def connection(self) -> Connection:
        """The connection; KernelDied when the kernel is dead, or not ready."""
        if self.death is not None:
            raise self.death.error(self.name)
        if self._connection is None or not self._ready:
            raise self._not_running()
        return self._connection

    async def ready(self) -> Connection:
        """Return the connection; one that is being restarted is waited for.

        Raises:
            KernelDied: it is dead, or did not come back.
        """
        await self._coming.wait()
        return self.connection

    def _not_running(self) -> KernelDied:
        if self._is_over:
            return KernelDied(f"{self.name} was stopped", "`start` starts a new one.")
        if self._coming:
            return KernelDied(f"{self.name} is being restarted", "try again when it is ready.")
        what = "not running" if self._connection is None else "not ready"
        return KernelDied(f"{self.name} is {what}", f"`restart {self.name}` starts it.")

    # Beginning

    async def open(self, timeout: float) -> None:
        """Connect and wait until it is ready.

        Args:
            timeout: seconds.

        Raises:
            KernelDied: its process ended before that.
            KernelTimeout: it did not answer in time.
        """
        await self._become_ready(self._connect(), timeout)

    def _connect(self) -> Connection:
        info = dict(self.process.get_connection_info())
        self._ending = self._ready = self._killed = False
        self._connection = Connection(self._context, info, self.name, self._foreign)
        self.heartbeat = Heartbeat(self._context, info)
        self.death = None
        return self._connection

    async def _become_ready(self, connection: Connection, timeout: float) -> None:
        handshake = asyncio.ensure_future(connection.handshake())
        # Nobody asks how it ended when the start is cancelled just then.
        handshake.add_done_callback(lambda task: task.cancelled() or task.exception())
        if self.process.has_ended:  # it died before anybody listened
            self._ended()
        stuck = asyncio.ensure_future(self._end_without_port())
        try:
            self.info = await asyncio.wait_for(handshake, timeout)
        except TimeoutError:
            raise not_ready(self.name, timeout, last_lines(self.log)) from None
        finally:
            stuck.cancel()
            self.process.let_go_of_ports()
        if self.is_attached:
            self.process.find()
        elif self.info.get("implementation") == "ipython":
            if not self.process.is_forked:  # those have been told
                connection.tell(SETTLE)
            connection.leave_outputs()
        self.process.memory.note()
        self._ready = True
        self.started = self.last_activity = datetime.now(UTC)
        self.work = Work()
        self.record = Record()
        self.usage = Usage()

    async def _end_without_port(self) -> None:
        """End its process when somebody else has one of its ports: ipykernel waits at its exit."""
        while not self.is_attached and self.death is None:
            await asyncio.sleep(LOG_SECONDS)
            if any(PORT_TAKEN in line for line in last_lines(self.log)):
                await self.kill()

    # Acting on it

    async def signal(self, number: int) -> None:
        """Send a signal to it (and to what it started, when its process is ours).

        What it shows after SIGSTOP and SIGCONT is true when this returns.
        """
        if self.death is not None:
            raise self.death.error(self.name)
        if not self.is_attached and not self.process.has_kernel:  # between two, or at its end
            raise self._not_running()
        self._killed = self._killed or number == signals.SIGKILL
        if not self.is_attached:
            await self.process.signal_kernel(number)
        elif self.process.pid is not None:
            os.kill(self.process.pid, number)
        else:
            raise CommandError(
                f"the process of {self.name} is not known",
                "it was attached, and runs elsewhere or for another user.",
            )
        stopped = STOPPED.get(signal_name(number))
        if stopped is not None:
            await self.process.wait_for_state(stopped=stopped)

    async def kill(self) -> None:
        """End its process at once; it stays, dead, until it is restarted or removed."""
        if self.death is None:
            await self.signal(signals.SIGKILL)
            await asyncio.wait_for(self.process.wait_for_end(), KILL_SECONDS)

    async def restart(self, *, now: bool = False, timeout: float = 60) -> None:
        """End it and start it again, with the same name and addresses; ready when this returns.

        Args:
            now: do not ask politely first.
            timeout: seconds until it must be ready again.

        Raises:
            CommandError: it was only attached.
            KernelDied, KernelTimeout: it did not come back.
        """
        if self.is_attached:
            raise CommandError(
                f"{self.name} was attached, not started here",
                "restart it where it was started; `stop` lets it go.",
            )
        async with self._lock:
            self._check_over()
            self._coming.begin()
            try:
                await self._let_go(f"{self.name} was restarted")
                self._changed()
                await self._start_again(now=now or self.death is not None)
                self._check_over()
                self._opening = asyncio.ensure_future(self._become_ready(self._connect(), timeout))
            except BaseException:
                self._coming.end()
                raise
            self._opening.add_done_callback(self._came)
            await asyncio.shield(self._opening)  # it becomes ready though nobody waits any more

    def _check_over(self) -> None:
        if self._is_over:  # meanwhile: nobody would end what is started now
            raise CommandError(f"{self.name} was stopped", "`start` starts a new one.")

    def _came(self, opening: asyncio.Task[None]) -> None:
        if opening is self._opening:  # else it was given up for another
            self._coming.end()
        if not opening.cancelled() and opening.exception() is not None:
            logger.info("%s did not come back: %s", self.name, opening.exception())

    async def _start_again(self, *, now: bool) -> None:
        with open_log(self.log) as log:
            try:
                await self.process.restart_kernel(now=now, stdout=log, stderr=log)
            except CommandError:  # what it preloads can not be imported any more
                self.death = Death(None, starting=True)
                raise
            except OSError as error:  # its program is not there any more
                self.death = Death(None, starting=True)
                spec = self.process.kernel_spec
                argv, directory = (spec.argv, spec.resource_dir) if spec else ((), "")
                raise not_started(self.name, argv, directory, error) from None

    async def shut_down(self, stop_process: Callable[[], Awaitable[None]]) -> None:
        """End it for good: its requests, its process by `stop_process`, its connection, its log."""
        self._is_over = True
        await self._end_opening()
        async with self._lock:
            await self._let_go(f"{self.name} was stopped")
            self._coming.end()
            try:
                await stop_process()
            finally:
                self.process.unwatch()
                self.log.unlink(missing_ok=True)
                self.death = self.death or Death(self.process.returncode)
                self._changed()

    def abandon(self) -> None:
        """Close the connection, if there is one; whoever waits has been told."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def _let_go(self, what: str) -> None:
        """End whoever waits for it and close the connection: its process is about to end."""
        await self._end_opening()
        self._ending = True
        if not self.is_attached and self.process.is_stopped:
            # Or it could not end politely, and what it does at its exit would be left out.
            await self.process.signal_kernel(signals.SIGCONT)
        connection, self._connection = self._connection, None
        if connection is not None:
            code = self.work.code
            running = f" while it was running `{shorten(code)}`" if code else ""
            await connection.lost(KernelDied(what + running, "run it again."), wait=False)
            connection.close()
        if self._burial is not None:  # it died just now: its sockets are still being read
            await asyncio.wait({self._burial})

    async def _end_opening(self) -> None:
        """End the wait until it is ready, after a restart that nobody may be waiting for."""
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done() and self._connection is not None:
            await self._connection.lost(self._not_running(), wait=False)
            await asyncio.wait({opening})

    # Its end

    def _ended(self) -> None:
        if self._ending:
            return
        process, work = self.process, self.work
        by_system = process.returncode == -signals.SIGKILL and not self._killed
        self.death = Death(
            process.returncode,
            last_lines(self.log),
            work.code,
            seconds=work.seconds,
            starting=not self._ready,
            out_of_memory=by_system and process.memory.was_exhausted(),
            peak=process.memory.peak,
            lost=work.over,
            attached=self.is_attached,
        )
        logger.info("%s %s", self.name, self.death)
        connection, self._connection = self._connection, None
        if connection is not None:
            self._burial = asyncio.ensure_future(
                self._bury(connection, self.death.error(self.name))
            )
            self._burial.add_done_callback(_log_failure)
        self._changed()

    async def _bury(self, connection: Connection, error: SilikError) -> None:
        await connection.lost(error)
        connection.close()

    def _foreign(self, message: Message) -> None:
        if self.on_foreign is not None:
            self.on_foreign(message)
        elif message.is_shown:
            logger.info("%s: dropped %s of no request of ours", self.name, message.msg_type)

    def _changed(self) -> None:
        for listener in list(self.on_change):
            listener(self)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("while a kernel was given up", exc_info=task.exception())
