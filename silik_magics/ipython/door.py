"""One IPython shell and its kernels: runs cells through the portal, shows them where it lives."""

from __future__ import annotations

import asyncio
import builtins
import getpass
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from silik_magics.commands.completion import Completions
from silik_magics.commands.context import Context, KernelLeaf
from silik_magics.commands.execution import Outcome, abandonment, raise_failure
from silik_magics.commands.results import result_of
from silik_magics.display.answers import Answer
from silik_magics.display.backlog import Backlog
from silik_magics.display.live import screen
from silik_magics.display.relay import Relay
from silik_magics.display.sinks import Capture, Text
from silik_magics.errors import CommandError, SilikError
from silik_magics.ipython.comms import Comms
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.kernels.messages import Message
from silik_magics.language.words import split
from silik_magics.portal import Caller, Portal
from silik_magics.shell import Shell

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0  # for the kernels to end politely; jupyter_client ends the host after 2.5


class Door:
    """What the magics do.

    Args:
        ip: the IPython shell; `%config SilikKernelManager` configures the kernels.
    """

    def __init__(self, ip: Any) -> None:
        self._ip = ip
        self._host = getattr(ip, "kernel", None)
        self._backlog: Backlog | None = None
        if self._host is not None and (port := getattr(self._host.parent, "iopub_port", 0)):
            self._backlog = Backlog(self._host.iopub_thread, port)
        self._portal = Portal()
        self._comms = Comms(self._forward)
        self.shell = self._portal.call(self._make_shell)
        self.shell.state.host = ip.user_ns
        ip.configurables.append(self.shell.state.manager)

    async def _make_shell(self) -> Shell:
        return Shell(SilikKernelManager(parent=self._ip))

    @property
    def connected(self) -> KernelLeaf | None:
        """The kernel that following cells go to, if any."""
        return self.shell.state.connected

    # Running

    def run_line(self, line: str) -> Answer | None:
        """Run `%silik LINE` and return its answer."""
        lines = split(line)
        if not lines:
            raise CommandError("%silik takes a command", "`%silik help` shows them.")

        async def run(context: Context) -> Answer | None:
            return await self.shell.run_line(lines[0], context)

        answer = self._run(run)
        # An empty tree is nothing to show; IPython would show it as an empty `Out`.
        return answer if answer is not None and (answer.text or answer.data is not None) else None

    def run_cell(self, first: str, body: str) -> None:
        """Run a `%%silik` cell: commands, or code for the kernels of its first line."""
        header = self.shell.header(first)
        if header.capture:
            self._capture(header.capture, first, body)
        else:
            self._run(lambda context: self.shell.run_magic(first, body, context))

    def run_connected(self, code: str) -> None:
        """Run a cell in connect mode."""
        self._run(lambda context: self.shell.run_connected(code, context))

    def _capture(self, name: str, first: str, body: str) -> None:
        header = self.shell.header(first)

        async def run(context: Context) -> list[Outcome]:
            if not header.paths:
                raise CommandError("--capture keeps the outputs of kernels", "name a kernel too.")
            kept = context.sink = Capture(context.sink)
            outcomes = await self.shell.run_code(header, body, context)
            results = {outcome.kernel: result_of(outcome, kept) for outcome in outcomes}
            names = self.shell.state.names(list(results))
            by_name = {names[kernel]: result for kernel, result in results.items()}
            self._ip.user_ns[name] = by_name if len(by_name) > 1 else next(iter(by_name.values()))
            return outcomes

        raise_failure(self._run(run))

    def _run(self, function: Callable[[Context], Awaitable[Any]]) -> Any:
        for stream in (sys.stdout, sys.stderr):  # what the host printed before comes first
            stream.flush()
        caller = Caller(self._portal)
        sink = self._sink(caller)
        context = self.shell.context(sink)

        async def run() -> Any:
            try:
                return await function(context)
            finally:
                if isinstance(sink, Relay):
                    await sink.drained()

        failure: SilikError | None = None
        try:
            return caller.run(run, context.interrupt)
        except KeyboardInterrupt:
            failure = abandonment(context)
            raise failure from None
        except SilikError as error:
            failure = error
            raise error.with_traceback(None) from None
        finally:
            if isinstance(sink, Relay):
                self._finish(sink, failure)

    def _finish(self, sink: Relay, failure: SilikError | None) -> None:
        rest = sink.rest(failed=failure is not None and failure.tells_of_kernel)
        if not rest:
            return

        def after_the_error() -> None:
            self._ip.events.unregister("post_execute", after_the_error)
            sink.send_all(rest)

        self._ip.events.register("post_execute", after_the_error)

    # Where it is shown

    def _sink(self, caller: Caller) -> Relay | Text:
        async def ask(prompt: str, password: bool) -> str | None:
            # Inside a cell, ipykernel makes both of them ask the front-end.
            asker = getpass.getpass if password else builtins.input
            return await caller.ask(lambda: asker(prompt))

        if self._host is None:
            return Text(lambda text, name: caller.post(lambda: _write(text, name)), ask, screen())
        self._host.iopub_thread.schedule(self._drop_nothing)
        return self._relay(
            self._host.get_parent(),
            ask if getattr(self._host, "_allow_stdin", False) else None,
            self._ip.displayhook.prompt_count,
            self._backlog,
        )

    def _drop_nothing(self) -> None:
        # By default the host drops what a slow front-end has not read yet, and a relay is faster
        # than the kernel that made it all. The option reaches the connections of the moment.
        assert self._host is not None
        self._host.iopub_thread.socket.sndhwm = 0

    def _relay(
        self,
        parent: dict[str, Any],
        asker: Any = None,
        count: int | None = None,
        backlog: Backlog | None = None,
    ) -> Relay:
        host = self._host
        assert host is not None
        return Relay(
            host.session,
            self._backlog or host.iopub_socket,
            parent,
            topic=host._topic,
            asker=asker,
            on_comm=self._comms.seen,
            count=count,
            backlog=backlog,
        )

    def _forward(self, kernel: Kernel, message: dict[str, Any]) -> None:
        """Send a comm message of the front-end to a kernel, and what it causes back (any thread).

        The front-end drops what comes for its message after the host is idle, so the host is busy
        with it as long as the kernel is. Only a kernel that is busy already is not waited for.
        """
        relay = self._relay(message)

        def show(output: Message) -> None:
            if output.is_shown:
                relay.show(output, kernel)

        async def send() -> None:
            with suppress(SilikError):  # it is gone, and its comms are being closed
                await kernel.connection.comm(message, show)

        async def interrupt() -> bool:
            await kernel.interrupt()
            return True

        if kernel.state == "busy":
            asyncio.run_coroutine_threadsafe(send(), self._portal.loop)
            return
        with suppress(KeyboardInterrupt):  # a second one: the wait is given up
            Caller(self._portal).run(send, interrupt)

    # Helping to type

    def complete(self, text: str, cursor: int) -> Completions:
        """Return what could be typed in a `%%silik` cell or in connect mode."""
        return self._portal.call(self.shell.complete, text, cursor)

    def complete_line(self, line: str, cursor: int) -> Completions:
        """Return what could be typed behind `%silik`."""
        return self.shell.complete_commands(line, cursor)

    def inspect(self, text: str, cursor: int, detail: int) -> dict[str, Any]:
        """Return the content of an inspect_reply."""
        return self._portal.call(self.shell.inspect, text, cursor, detail)

    def expects_more(self, code: str) -> bool:
        """Say whether the connected kernel finds the code incomplete (asked in a terminal only)."""
        if self._host is not None or self.connected is None:
            return False
        # IPython adds a newline, which would end a block after its first line.
        typed = code.removesuffix("\n")
        return self._portal.call(self.shell.is_complete, typed).get("status") == "incomplete"

    def lives(self) -> list[dict[str, Any]]:
        """Return a row for each kernel that was here, also for those that are gone."""

        async def rows() -> list[dict[str, Any]]:
            return self.shell.state.lives.rows()

        return self._portal.call(rows)

    # Ending

    def close(self) -> None:
        """Stop every kernel and end the portal."""
        manager = self.shell.state.manager
        if manager in self._ip.configurables:
            self._ip.configurables.remove(manager)
        self._portal.call(partial(self.shell.close, patience=CLOSE_SECONDS))
        self._portal.close()


def _write(text: str, name: str) -> None:
    stream = sys.stderr if name == "stderr" else sys.stdout
    stream.write(text)
    stream.flush()
