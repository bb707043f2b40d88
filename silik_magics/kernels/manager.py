"""Starts, attaches and stops kernels: an AsyncMultiKernelManager that gives live connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal as signals
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import psutil
import zmq
from jupyter_client.connect import find_connection_file
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.multikernelmanager import AsyncMultiKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import Bool, CaselessStrEnum, Dict, Float, Int, List, Unicode, default

from silik_magics.errors import CommandError, KernelDied, SilikError
from silik_magics.kernels.ahead import Ahead
from silik_magics.kernels.connection_file import read_connection_file
from silik_magics.kernels.death import PORT_TAKEN, not_started, unfit
from silik_magics.kernels.forking import templates
from silik_magics.kernels.forking.plan import runs_ipykernel
from silik_magics.kernels.guard import GUARD, is_guardian
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.phases import keep_last_lines, mark
from silik_magics.kernels.process import KernelProcess, files_of, log_path, open_log
from silik_magics.kernels.specs import Spec, Specs

logger = logging.getLogger("silik_magics.kernels")


def _without_traceback(record: logging.LogRecord) -> bool:
    return record.exc_info is None


# jupyter_client logs what goes wrong, with its traceback and twice, and raises it too. What is
# wrong is told to the user as an error, once.
logger.addFilter(_without_traceback)

# The ports of a kernel are chosen here and bound by it later: somebody may be faster (see `ports`).
PORT_TRIES = 3

# ipykernel.zmqshell, init_environment; TERM is left, for programs need one.
_OF_IPYKERNEL = {
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}

_PROCESS_CLASS = f"{KernelProcess.__module__}.{KernelProcess.__name__}"


class SilikKernelManager(AsyncMultiKernelManager):
    """The kernels of one user; configurable as every Jupyter application is."""

    start_timeout = Float(
        60.0, config=True, help="Seconds that a kernel gets to become ready, unless `--timeout`."
    )
    share_history = Bool(
        False,
        config=True,
        help="""Let Python sub-kernels write the user's one IPython history file. Off by default:
        they would all fight for the lock of one database at every execution.""",
    )
    transport_encryption = CaselessStrEnum(
        ["disabled", "auto", "required"],
        default_value="auto",
        config=True,
        help="Encrypt what goes to and from kernels whose kernelspec says that they can.",
    )

    fork_start = Bool(
        True,
        config=True,
        help="""Fork kernels that run ipykernel from a process that has imported it already, one
        for each interpreter. They start in a fraction of the time and need half the memory.""",
    )
    preload = List(
        Unicode(),
        config=True,
        help="Modules for that process to import too, unless `--preload`: numpy, for example.",
    )

    warm = Dict(
        value_trait=Int(),
        key_trait=Unicode(),
        config=True,
        help="How many kernels to start ahead, by kernelspec: `{'python3': 2}`. See `warm`.",
    )

    @default("kernel_manager_class")
    def _default_process_class(self) -> str:
        return _PROCESS_CLASS

    @default("connection_dir")
    def _default_connection_dir(self) -> str:
        return runtime_dir()

    @default("kernel_spec_manager")
    def _default_kernel_spec_manager(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self)

    @default("log")
    def _default_log(self) -> logging.Logger:
        return logger  # not the application's, which writes into the user's cell

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernels: dict[str, Kernel] = {}
        self._spawning: set[asyncio.Task[Kernel]] = set()
        self._opening: set[Kernel] = set()
        self._unheld: set[str] = set()  # kernelspecs whose ports are not held
        self._made: weakref.WeakSet[Kernel] = weakref.WeakSet()
        self.ahead = Ahead(self)
        templates.join(self)
        self.specs = Specs(cast("KernelSpecManager", self.kernel_spec_manager))
        self._plain_context = zmq.Context.shadow(self.context.underlying)

    # Beginning

    async def provide(
        self,
        spec_name: str,
        *,
        name: str = "",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        preload: Sequence[str] | None = None,
    ) -> Kernel:
        """Return a kernel that was started ahead if one fits, or start one.

        Args:
            spec_name: the kernelspec.
            name: how errors call it.
            cwd: its working directory; ours by default.
            env: environment variables to add to ours.
            timeout: seconds until it must be ready; `start_timeout` by default.
            preload: modules that it is to find imported; those of the setting by default.

        Raises:
            SilikError: those of :meth:`launch`.
        """
        kernel = None
        if spec_name in self.ahead.wanted and preload in (None, self.preload):
            directory = os.getcwd() if cwd is None else _directory(cwd)  # noqa: PTH109 - a string
            wanted = {**self.inherited_environment(), **(env or {})}
            kernel = await self.ahead.take(spec_name, directory, wanted)
        if kernel is None:
            kernel = await self.launch(
                spec_name, name=name, cwd=cwd, env=env, timeout=timeout, preload=preload
            )
        kernel.name = name or spec_name
        self.ahead.fill()
        return kernel

    @property
    def is_busy(self) -> bool:
        """Whether a kernel runs something, or starts."""
        return bool(self._spawning or self._opening) or any(
            kernel.state == "busy" for kernel in self.kernels.values()
        )

    @staticmethod
    def inherited_environment() -> dict[str, str]:
        """Return the environment that kernels inherit from us."""
        return inherited_environment(os.environ)

    async def launch(
        self,
        spec_name: str,
        *,
        name: str = "",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        preload: Sequence[str] | None = None,
    ) -> Kernel:
        """Start a kernel and return it when it is ready.

        Args:
            spec_name: the kernelspec.
            name: how errors call it.
            cwd: its working directory; ours by default.
            env: environment variables to add to ours.
            timeout: seconds until it must be ready; `start_timeout` by default.
            preload: modules that it is to find imported; those of the setting by default.

        Raises:
            CommandError: no such kernelspec or directory, or a module can not be preloaded.
            KernelDied: its program does not exist, or ended before it was ready.
            KernelTimeout: it did not become ready in time.
        """
        spec = self.specs.get(spec_name)
        mark("find")
        if spec.problem:
            raise unfit(name or spec.name, spec.problem, spec.resource_dir)
        directory = None if cwd is None else _directory(cwd)
        if preload:
            self._check_preload(spec)
        modules = self.preload if preload is None else preload
        for _ in range(PORT_TRIES - 1):
            try:
                return await self._launch(spec, name, directory, env, timeout, modules)
            except KernelDied as error:
                if PORT_TAKEN not in error.message:
                    raise
                self._unheld.add(spec.name)  # it may not bind ports as servers do
        return await self._launch(spec, name, directory, env, timeout, modules)

    async def _launch(
        self,
        spec: Spec,
        name: str,
        directory: str | None,
        env: Mapping[str, str] | None,
        timeout: float | None,
        preload: Sequence[str],
    ) -> Kernel:
        spawning = asyncio.ensure_future(self._spawn(spec, name, directory, env, preload))
        self._spawning.add(spawning)
        spawning.add_done_callback(self._spawning.discard)
        try:
            kernel = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            # A process that is being started can not be called back, but it must not stay.
            with contextlib.suppress(SilikError):
                await self._end(await spawning, now=True)
            raise
        return await self._opened(kernel, timeout)

    async def _spawn(
        self,
        spec: Spec,
        name: str,
        directory: str | None,
        env: Mapping[str, str] | None,
        preload: Sequence[str],
    ) -> Kernel:
        kernel_id = self.new_kernel_id()
        path = log_path(self.connection_dir, kernel_id)
        GUARD.starting(kernel_id, files_of(self.connection_dir, kernel_id))
        try:
            with open_log(path) as log:
                await self.start_kernel(
                    kernel_name=spec.name,
                    kernel_id=kernel_id,
                    cwd=directory,
                    env={**self.inherited_environment(), **(env or {})},
                    stdout=log,
                    stderr=log,
                    preload=preload,
                    **self._extra_arguments(spec),
                )
        except CommandError:  # what is to be preloaded can not be imported
            self._forget(kernel_id, path)
            raise
        except (OSError, NoSuchKernel, RuntimeError) as error:
            self._forget(kernel_id, path)
            self.specs.forget()  # it may have been mended meanwhile, or spoilt
            spec = self.specs.get(spec.name)
            raise not_started(name or spec.name, spec.argv, spec.resource_dir, error) from None
        mark("spawn")
        kernel = Kernel(self.get_kernel(kernel_id), self._plain_context, path)  # type: ignore[arg-type]
        kernel.name = name or spec.name
        self._made.add(kernel)
        return kernel

    async def _opened(self, kernel: Kernel, timeout: float | None) -> Kernel:
        """Return a kernel when it is ready; it is ended where that fails or is cancelled."""
        self._opening.add(kernel)
        try:
            await kernel.open(self.start_timeout if timeout is None else timeout)
        except BaseException:
            keep_last_lines(kernel.log)
            await self._end(kernel, now=True)
            raise
        finally:
            self._opening.discard(kernel)
        self.kernels[kernel.id] = kernel
        return kernel

    def pre_start_kernel(self, kernel_name: str | None, kwargs: Any) -> Any:
        """Prepare a kernel, with the settings of this manager where it has them."""
        preload = kwargs.pop("preload", self.preload)
        km, kernel_name, kernel_id = super().pre_start_kernel(kernel_name, kwargs)
        if km.has_trait("transport_encryption"):
            km.transport_encryption = self.transport_encryption  # type: ignore[attr-defined]
        if isinstance(km, KernelProcess):
            km.fork_start = self.fork_start
            km.preload = preload
            km.hold_ports = kernel_name not in self._unheld
        return km, kernel_name, kernel_id

    def _check_preload(self, spec: Spec) -> None:
        if not self.fork_start:
            raise CommandError(
                "modules can be preloaded for kernels that are forked only",
                "set `SilikKernelManager.fork_start = True`, or leave `--preload` out.",
            )
        if not runs_ipykernel(spec.argv):
            raise CommandError(
                f"modules can not be preloaded for {spec.name}: it does not run ipykernel",
                "leave `--preload` out.",
            )

    def _extra_arguments(self, spec: Spec) -> dict[str, Any]:
        if self.share_history or not {"ipykernel_launcher", "ipykernel"} & set(spec.argv):
            return {}
        return {"extra_arguments": ["--HistoryManager.hist_file=:memory:"]}

    async def attach(self, source: str, *, name: str = "", timeout: float | None = None) -> Kernel:
        """Connect to a living kernel that somebody else started.

        Args:
            source: a connection file, or a kernel id or file name of the runtime directory.
            name: how errors call it.
            timeout: seconds until it must have answered.

        Raises:
            CommandError: there is no such file, or it is no connection file.
            KernelTimeout: nothing answers there.
        """
        path = find_connection(source)
        try:
            info = read_connection_file(str(path))
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{path} is no connection file: {error}", "`info PATH` of a kernel names its file."
            ) from None
        km = self.kernel_manager_factory(parent=self, log=self.log, owns_kernel=False)
        km.attach(info, path)
        km.kernel_id = self.new_kernel_id()
        log = log_path(self.connection_dir, km.kernel_id)
        kernel = Kernel(km, self._plain_context, log)
        kernel.name = name or path.stem
        self._made.add(kernel)
        self._kernels[km.kernel_id] = km
        return await self._opened(kernel, timeout)

    # Ending

    async def stop(self, kernel: Kernel, *, now: bool = False) -> None:
        """End a kernel and forget it; one that was attached is only let go."""
        self.kernels.pop(kernel.id, None)
        await self._end(kernel, now=now)

    async def stop_all(self, *, now: bool = False) -> None:
        """End every kernel that was started here, all at once, and let go of the others.

        Those that are only just starting too: whoever waits for them gets an error.
        """
        await self.ahead.close()
        pending = [*self._pending_kernels.values(), *self._spawning]
        await asyncio.gather(*pending, return_exceptions=True)
        kernels = [*self.kernels.values(), *self._opening]
        await asyncio.gather(*(self.stop(kernel, now=now) for kernel in kernels))
        GUARD.let_go()

    async def kill_all(self) -> None:
        """Kill every kernel that was started here, and all below it.

        A silik that is killed can not end its own kernels. Its guardian is left to it: that one
        removes their files.
        """
        for kernel_id in self.list_kernel_ids():
            process = cast("KernelProcess", self.get_kernel(kernel_id))
            if not process.owns_kernel or not process.pid:
                continue
            below: list[psutil.Process] = []
            with contextlib.suppress(psutil.NoSuchProcess):
                all_below = psutil.Process(process.pid).children(recursive=True)
                below = [one for one in all_below if not is_guardian(one)]
            with contextlib.suppress(RuntimeError):  # it has just ended
                await process.signal_kernel(signals.SIGKILL)
            for one in below:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()

    def close(self) -> None:
        """Give back the zmq context; no kernel may be left."""
        for kernel in self._made:
            kernel.abandon()  # or zmq would wait for its sockets, for ever
        templates.leave(self)
        GUARD.let_go()
        self.context.destroy(linger=0)

    async def _end(self, kernel: Kernel, *, now: bool) -> None:
        async def stop_process() -> None:
            if kernel.is_attached:
                self._kernels.pop(kernel.id, None)
            elif kernel.id in self:
                # Dead or not: jupyter_client frees its ports, files and sockets.
                await self.shutdown_kernel(kernel.id, now=now or kernel.death is not None)
                # After a restart that failed, jupyter_client leaves it where it is.
                kernel.process.cleanup_connection_file()

        await kernel.shut_down(stop_process)

    def _forget(self, kernel_id: str, log: Path) -> None:
        self._pending_kernels.pop(kernel_id, None)
        self.remove_kernel(kernel_id)
        log.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            Path(self.connection_dir, f"kernel-{kernel_id}.json").unlink()
        GUARD.over(kernel_id)


def inherited_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what ipykernel sets for its own process (colours, pagers).

    A kernel started from a notebook must say what it says when it is started by itself.
    """
    return {name: value for name, value in environ.items() if _OF_IPYKERNEL.get(name) != value}


def _directory(cwd: str) -> str:
    path = Path(os.path.expanduser(cwd))  # noqa: PTH111 - Path's raises for an unknown user
    if not path.is_dir():
        raise CommandError(f"{cwd} is not a directory", "give `--cwd` one that exists.")
    return os.path.abspath(path)  # noqa: PTH100 - links stay


def runtime_dir() -> str:
    """Return the Jupyter runtime directory, made for the user alone where it is missing."""
    path = Path(jupyter_runtime_dir())
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.path.abspath(path)  # noqa: PTH100 - links stay


def connection_files() -> list[Path]:
    """Return the connection files of the runtime directory, newest first."""
    found: list[tuple[float, Path]] = []
    for path in Path(jupyter_runtime_dir()).glob("kernel-*.json"):
        with contextlib.suppress(OSError):  # its kernel ended meanwhile
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found, reverse=True)]


def find_connection(source: str) -> Path:
    """Return the connection file that a path, a kernel id or a file name means.

    Raises:
        CommandError: there is none.
    """
    path = Path(os.path.expanduser(source))  # noqa: PTH111 - Path's raises for an unknown user
    try:
        if os.path.lexists(path) and not path.is_dir():
            return path.absolute()
        return Path(find_connection_file(source, path=[".", jupyter_runtime_dir()]))
    except (OSError, ValueError):  # ValueError: no path has a NUL
        raise CommandError(
            f"no connection file is at {source}",
            f"give its path, or a kernel id of {jupyter_runtime_dir()}.",
        ) from None
