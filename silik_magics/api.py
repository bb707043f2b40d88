"""Door 4: sub-kernels from Python, with or without asyncio."""

from __future__ import annotations

import atexit
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from traitlets.config import Config

from silik_magics.commands.context import Context, KernelLeaf, kernel_of
from silik_magics.commands.execution import Limits, raise_failure, run_on
from silik_magics.commands.lifecycle import attach_one, start_one
from silik_magics.commands.results import RunResult, result_of
from silik_magics.display.answers import Answer
from silik_magics.display.outputs import collect, text_of
from silik_magics.display.sinks import Capture
from silik_magics.errors import CommandError, RemoteError
from silik_magics.kernels.death import Death
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.language.words import split
from silik_magics.portal import Caller, Portal
from silik_magics.shell import Shell

__all__ = ["AsyncKernelHandle", "AsyncSilik", "KernelHandle", "RunResult", "Silik"]

P = ParamSpec("P")
T = TypeVar("T")

# The answer to a prompt, which may be a password; None for no answer.
Ask = Callable[[str, bool], Awaitable[str | None] | str | None]

# The contexts that a blocking call opened: an interrupt of the caller goes to them.
_opened: ContextVar[list[Context] | None] = ContextVar("_opened", default=None)


class _Asking(Capture):
    """Keeps outputs, and asks whom the caller named."""

    def __init__(self, asker: Ask | None) -> None:
        super().__init__()
        self._asker = asker

    @property
    def can_ask(self) -> bool:
        return self._asker is not None

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        assert self._asker is not None
        answer = self._asker(prompt, password)
        return await answer if isinstance(answer, Awaitable) else answer


class AsyncKernelHandle:
    """One sub-kernel. Made by :meth:`AsyncSilik.start` and its relatives."""

    def __init__(self, owner: AsyncSilik, leaf: KernelLeaf) -> None:
        self._owner = owner
        self._leaf = leaf

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}: {self._kernel.state}>"

    @property
    def _kernel(self) -> Kernel:
        return kernel_of(self._leaf)

    @property
    def name(self) -> str:
        """Its name in its folder, such as `k1.py`."""
        return self._leaf.name

    @property
    def path(self) -> str:
        """Its path, such as `models/k1.py`."""
        return self._leaf.path.removeprefix("~/")

    @property
    def id(self) -> str:
        """Its id in the manager."""
        return self._kernel.id

    @property
    def spec(self) -> str:
        """The name of its kernelspec."""
        return self._kernel.spec

    @property
    def info(self) -> dict[str, Any]:
        """The content of its kernel_info_reply."""
        return self._kernel.info

    @property
    def connection_file(self) -> str:
        """The path of its connection file."""
        return self._kernel.connection_file

    @property
    def ready(self) -> bool:
        """Whether it answers: it has started and is not dead."""
        return self._kernel.state in ("idle", "busy")

    def is_alive(self) -> bool:
        """Say whether its process runs."""
        return self._kernel.death is None

    @property
    def death(self) -> Death | None:
        """How it died; None while it is alive."""
        return self._kernel.death

    async def run(
        self,
        code: str,
        *,
        timeout: float | None = None,
        on_timeout: str = "interrupt",
        ask: Ask | None = None,
    ) -> RunResult:
        """Run code and return what it did; an error of the code is in the result.

        Args:
            code: in the kernel's language.
            timeout: seconds it may take; then it is interrupted.
            on_timeout: what happens to a kernel that does not react to that: nothing
                (`interrupt`), `restart` or `stop`.
            ask: answers input(); called with the prompt and whether a password is asked for.
                A coroutine function or an ordinary one; in `Silik` an ordinary one.

        Raises:
            KernelDied: the kernel is dead, or ended meanwhile.
            KernelTimeout: it took longer.
            CommandError: it asked for input and `ask` was not given.
        """
        results = await self._owner._run_on([self._leaf], code, Limits(timeout, on_timeout), ask)
        return next(iter(results.values()))

    async def interrupt(self) -> None:
        """Interrupt what it is running."""
        await self._kernel.interrupt()

    async def signal(self, number: int | str) -> None:
        """Send it a signal, by number or name."""
        await self._owner.command(f"signal {number} {self._leaf.path}")

    async def restart(self, *, now: bool = False, timeout: float | None = None) -> None:
        """Restart it; ready when this returns."""
        default = self._owner.manager.start_timeout
        await self._kernel.restart(now=now, timeout=default if timeout is None else timeout)

    async def kill(self) -> None:
        """End its process at once; it stays in the tree, dead."""
        await self._kernel.kill()

    async def stop(self, *, now: bool = False) -> None:
        """Shut it down and remove it; one that was attached is only let go."""
        await self._owner.shell.state.remove(self._leaf, now=now)

    def client(self) -> Any:
        """Return an independent jupyter_client client of it, not started."""
        return self._kernel.process.independent_client(blocking=False)


class AsyncSilik:
    """Sub-kernels in a tree of folders, for asyncio.

    Args:
        config: traitlets configuration, for instance of `SilikKernelManager`.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.shell = Shell(SilikKernelManager(config=config or Config()))

    async def __aenter__(self) -> AsyncSilik:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def manager(self) -> SilikKernelManager:
        """The AsyncMultiKernelManager underneath."""
        return self.shell.state.manager

    @property
    def tree(self) -> str:
        """The tree of folders and kernels, drawn."""
        return self.shell.state.draw().text

    @property
    def kernels(self) -> Mapping[str, AsyncKernelHandle]:
        """The kernels by path, in the order of the tree."""
        handles = (AsyncKernelHandle(self, x) for x in self.shell.state.tree.root.leaves())
        return {handle.path: handle for handle in handles}

    def __getitem__(self, path: str) -> AsyncKernelHandle:
        return AsyncKernelHandle(self, self.shell.state.tree.leaf(path))

    async def start(
        self,
        spec: str,
        label: str | None = None,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        preload: Sequence[str] | None = None,
    ) -> AsyncKernelHandle:
        """Start a kernel in the current folder and return it when it is ready.

        Args:
            spec: the kernelspec.
            label: its name, without the file extension; a short word is chosen without it.
            cwd: its working directory.
            env: environment variables to add to ours.
            timeout: seconds until it must be ready.
            preload: modules that a Python kernel finds imported.

        Raises:
            CommandError: no such kernelspec, the label is in use, or a module can not be preloaded.
            KernelDied, KernelTimeout: it did not become ready.
        """
        leaf = await start_one(
            self._context(),
            spec,
            label,
            cwd=cwd,
            env=dict(env or {}),
            timeout=timeout,
            preload=preload,
        )
        return AsyncKernelHandle(self, leaf)

    async def attach(
        self, connection_file: str, label: str | None = None, *, timeout: float | None = None
    ) -> AsyncKernelHandle:
        """Connect to a living kernel by its connection file, or its id in the runtime directory.

        Raises:
            CommandError: there is no such file.
            KernelTimeout: nothing answers there.
        """
        leaf = await attach_one(self._context(), connection_file, label, timeout=timeout)
        return AsyncKernelHandle(self, leaf)

    async def run(
        self,
        code: str,
        *paths: str,
        timeout: float | None = None,
        on_timeout: str = "interrupt",
        ask: Ask | None = None,
    ) -> dict[str, RunResult]:
        """Run code on the kernels that paths, globs and folders name, at once.

        Returns:
            A result for each, by path.

        Raises:
            KernelDied, KernelTimeout, CommandError: as :meth:`AsyncKernelHandle.run`.
        """
        if not paths:
            raise CommandError("run names no kernel", "give paths, globs or folders.")
        leaves = self.shell.state.tree.leaves(paths)
        return await self._run_on(leaves, code, Limits(timeout, on_timeout), ask)

    async def command(self, line: str) -> Answer:
        """Run commands of the language and return what they answer, or what was shown, as text.

        Raises:
            SilikError: a command failed.
        """
        kept = _Asking(None)
        context = self._context(kept)
        lines = split(line)
        answer = None
        if len(lines) == 1:
            answer = await self.shell.run_line(lines[0], context)
        else:
            await self.shell.run_commands(line, context)
        outputs = collect(message for message, _ in kept.messages)
        texts = [str(x) for x in (*kept.answers, *([text_of(outputs)] if outputs else []))]
        return answer if answer is not None else Answer("\n".join(texts), data=outputs)

    async def stop(self, *paths: str, now: bool = False) -> None:
        """Shut kernels down and remove them."""
        for leaf in self.shell.state.tree.leaves(paths):
            await self.shell.state.remove(leaf, now=now)

    async def close(self, *, patience: float | None = None) -> None:
        """Stop everything that was started here.

        Args:
            patience: seconds until what does not end politely is killed, with all that it started.
        """
        await self.shell.close(patience=patience)

    def _context(self, sink: Capture | None = None) -> Context:
        context = self.shell.context(sink or Capture())
        opened = _opened.get()
        if opened is not None:
            opened.append(context)
        return context

    async def _run_on(
        self, leaves: list[KernelLeaf], code: str, limits: Limits, ask: Ask | None
    ) -> dict[str, RunResult]:
        kept = _Asking(ask)
        outcomes = await run_on(self._context(kept), [kernel_of(x) for x in leaves], code, limits)
        if any(not isinstance(x.failure, RemoteError | None) for x in outcomes):
            raise_failure(outcomes)
        return {
            leaf.path.removeprefix("~/"): result_of(outcome, kept)
            for leaf, outcome in zip(leaves, outcomes, strict=True)
        }


def _blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """Return a coroutine method of the asynchronous twin as an ordinary method."""

    @wraps(method)
    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._call(method, *args, **kwargs)

    return call


def _blocking_handle(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, AsyncKernelHandle]],
) -> Callable[Concatenate[Any, P], KernelHandle]:
    """Return such a method as an ordinary one, which returns the ordinary handle."""

    @wraps(method)
    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> KernelHandle:
        return KernelHandle(self, self._call(method, *args, **kwargs))

    return call


class KernelHandle:
    """One sub-kernel. Made by :meth:`Silik.start` and its relatives."""

    def __init__(self, owner: Silik, handle: AsyncKernelHandle) -> None:
        self._owner = owner
        self._handle = handle

    def __repr__(self) -> str:
        return repr(self._handle).replace("AsyncKernelHandle", "KernelHandle")

    # What needs no loop is the twin's; type checkers are told what there is.
    if TYPE_CHECKING:
        name: str
        path: str
        id: str
        spec: str
        info: dict[str, Any]
        connection_file: str
        ready: bool
        death: Death | None

        def is_alive(self) -> bool: ...  # noqa: D102 - the twin's
    else:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return getattr(self._handle, name)

    def _call(self, method: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        return self._owner._blocking(method, self._handle, *args, **kwargs)

    run = _blocking(AsyncKernelHandle.run)
    interrupt = _blocking(AsyncKernelHandle.interrupt)
    signal = _blocking(AsyncKernelHandle.signal)
    restart = _blocking(AsyncKernelHandle.restart)
    kill = _blocking(AsyncKernelHandle.kill)
    stop = _blocking(AsyncKernelHandle.stop)

    def client(self) -> Any:
        """Return an independent jupyter_client BlockingKernelClient of it, not started."""
        return self._handle._kernel.process.independent_client(blocking=True)


class Silik:
    """Sub-kernels in a tree of folders, for ordinary code; kernels it started end with it.

    Every method is that of :class:`AsyncSilik`, and waits. Ctrl-C while it waits interrupts the
    kernels that it waits for, and then the program, as KeyboardInterrupt.

    Args:
        config: traitlets configuration, for instance of `SilikKernelManager`.
    """

    def __init__(self, config: Config | None = None) -> None:
        self._portal = Portal()
        self._closed = False

        async def make() -> AsyncSilik:
            return AsyncSilik(config)

        self._twin = self._portal.call(make)
        atexit.register(self.close)

    def __enter__(self) -> Silik:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def manager(self) -> SilikKernelManager:
        """The AsyncMultiKernelManager underneath; it lives in the loop of another thread."""
        return self._twin.manager

    @property
    def tree(self) -> str:
        """The tree of folders and kernels, drawn."""
        return self._twin.tree

    @property
    def kernels(self) -> Mapping[str, KernelHandle]:
        """The kernels by path, in the order of the tree."""
        return {path: KernelHandle(self, handle) for path, handle in self._twin.kernels.items()}

    def __getitem__(self, path: str) -> KernelHandle:
        return KernelHandle(self, self._twin[path])

    def __iter__(self) -> Iterator[KernelHandle]:
        return iter(self.kernels.values())

    start = _blocking_handle(AsyncSilik.start)
    attach = _blocking_handle(AsyncSilik.attach)
    run = _blocking(AsyncSilik.run)
    command = _blocking(AsyncSilik.command)
    stop = _blocking(AsyncSilik.stop)

    def close(self) -> None:
        """Stop everything that was started here."""
        if not self._closed:
            self._closed = True
            atexit.unregister(self.close)
            self._portal.call(self._twin.close)
            self._portal.close()

    def _call(self, method: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        return self._blocking(method, self._twin, *args, **kwargs)

    def _blocking(
        self, method: Callable[..., Coroutine[Any, Any, T]], twin: Any, *args: Any, **kwargs: Any
    ) -> T:
        if self._closed:
            raise CommandError("this Silik is closed", "make a new one.")
        caller = Caller(self._portal)
        contexts: list[Context] = []
        if (ask := kwargs.get("ask")) is not None:
            kwargs["ask"] = _asked_by(caller, ask)

        async def run() -> T:
            _opened.set(contexts)
            return await method(twin, *args, **kwargs)

        async def interrupt() -> bool:
            return any([await context.interrupt() for context in contexts])

        result = caller.run(run, interrupt)
        if any(context.interrupted for context in contexts):
            raise KeyboardInterrupt
        return result


def _asked_by(caller: Caller, ask: Callable[[str, bool], str | None]) -> Ask:
    """Return an asker that calls `ask` in the thread of the waiting caller."""

    async def asker(prompt: str, password: bool) -> str | None:
        return await caller.ask(lambda: ask(prompt, password))

    return asker
