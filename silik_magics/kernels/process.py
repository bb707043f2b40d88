"""The process of one kernel: jupyter_client's manager, told of the end instead of asking for it."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import LocalPortCache
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Float

from silik_magics.kernels.forking.plan import runs_ipykernel
from silik_magics.kernels.forking.provisioner import ForkProvisioner
from silik_magics.kernels.guard import GUARD
from silik_magics.kernels.memory import Memory
from silik_magics.kernels.ports import Held
from silik_magics.kernels.watch import Watch

STATE_SECONDS = 5.0  # until a busy system has stopped a process, or lets it go on
LOOK_SECONDS = 0.005


class KernelProcess(AsyncKernelManager):
    """Starts, signals, restarts and stops one kernel's process.

    jupyter_client looks whether the process has ended ten times a second; this class is woken.

    Attributes:
        returncode: that of the last process, as subprocess has it; None when nobody knows.
        memory: follows the memory of the process.
        on_end: called when the process ends, whoever ended it.
        fork_start: whether to fork it, where its kernelspec allows that.
        preload: what the process has imported, from which it is forked.
        hold_ports: whether nobody else is to get its ports before it has bound them.
    """

    shutdown_wait_time = Float(
        3.0,
        config=True,
        help="Seconds that a kernel gets to end politely: half until SIGTERM, then SIGKILL.",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_end: Callable[[], None] = lambda: None
        self.returncode: int | None = None
        self.memory = Memory(None)
        self.fork_start = False
        self.preload: Sequence[str] = ()
        self.hold_ports = False
        self.attached_pid: int | None = None
        self._held = Held("", ())
        self._end = asyncio.Event()
        self._watch: Watch | None = None

    @property
    def pid(self) -> int | None:
        """The process id on this machine; None where it has none or nobody knows."""
        if not self.owns_kernel:
            return self.attached_pid
        return getattr(self.provisioner, "pid", None)

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has stopped the process (SIGSTOP, SIGTSTP), so that it only waits."""
        try:
            status = psutil.Process(self.pid).status() if self.pid is not None else ""
        except psutil.Error:
            return False
        return status == psutil.STATUS_STOPPED

    async def wait_for_state(self, *, stopped: bool) -> None:
        """Wait until it is stopped, or goes on: a busy system needs a moment after the signal."""
        deadline = time.monotonic() + STATE_SECONDS
        while self.is_stopped != stopped and not self.has_ended:
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def is_forked(self) -> bool:
        """Whether its process was forked from a template."""
        return isinstance(self.provisioner, ForkProvisioner) and not self.provisioner.why_spawned

    @property
    def has_ended(self) -> bool:
        """Whether the process was seen to end."""
        return self._end.is_set()

    def watch(self) -> None:
        """Begin to watch the process for its end."""
        self.unwatch()
        self._end.clear()
        self.returncode = None
        self.memory = Memory(self.pid if self.owns_kernel else None)
        if self.owns_kernel or self.pid is not None:
            self._watch = Watch(self.pid, self._is_running, self._ended)

    def unwatch(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def attach(self, info: dict[str, Any], path: Path) -> None:
        """Take over the addresses of a living kernel; it is never ended with us."""
        self.connection_file = str(path)
        self.load_connection_info(info)  # type: ignore[arg-type]
        self.kernel_name = info.get("kernel_name", "")

    def find(self) -> None:
        """Find the process of an attached kernel, which answers by now, and watch it."""
        self.attached_pid = pid_of_listener(self.shell_port)
        self.watch()

    def independent_client(self, *, blocking: bool) -> Any:
        """Return a jupyter_client client with a session of its own, not started.

        The manager's own `client()` shares the session's id among all of its clients: they would
        take each other's replies.
        """
        client = BlockingKernelClient() if blocking else AsyncKernelClient()
        client.load_connection_info(self.get_connection_info())
        return client

    def relocate(self, cwd: str, env: Mapping[str, str]) -> None:
        """Have it started with another working directory and environment when it is restarted."""
        cast("dict[str, Any]", self._launch_args).update(cwd=cwd, env=dict(env))

    async def _is_running(self) -> bool:
        if not self.owns_kernel:
            assert self.attached_pid is not None
            return runs(self.attached_pid)
        assert self.provisioner is not None
        self.memory.reap(getattr(self.provisioner, "process", None))
        status = await self.provisioner.poll()
        is_known = getattr(self.provisioner, "status_is_known", True)
        self.returncode = status if is_known else None
        return status is None

    async def wait_for_end(self) -> None:
        """Wait until the process has ended; at once where nothing is known of a process."""
        if self._watch is not None:
            await self._end.wait()

    def _ended(self) -> None:
        self._end.set()
        self.on_end()

    # What jupyter_client calls on the way

    async def _async_pre_start_kernel(self, **kw: Any) -> tuple[list[str], dict[str, Any]]:
        self.kernel_id = self.kernel_id or kw.pop("kernel_id")
        GUARD.starting(self.kernel_id, files_of(Path(self.connection_file).parent, self.kernel_id))
        if self.provisioner is None and self.fork_start and self._can_fork():
            self.provisioner = ForkProvisioner(
                kernel_id=self.kernel_id,
                kernel_spec=self.kernel_spec,
                parent=self,
                preload=list(self.preload),
                log=self.log,
            )
        if self.is_local and not self._has_its_ports():
            self._forget_ports()
        return await super()._async_pre_start_kernel(**kw)

    @property
    def is_local(self) -> bool:
        """Whether its process is one of this machine, which we start."""
        return type(self.provisioner) in (LocalProvisioner, ForkProvisioner)

    def _has_its_ports(self) -> bool:
        """Say whether nobody has got a port that it had: it has been dead for a while, maybe."""
        held = Held.of(self)
        held.let_go()
        return held.are_all

    def _forget_ports(self) -> None:
        """Have it get others with a new connection file."""
        for port in self.ports:
            LocalPortCache.instance().return_port(port)
        cast("Any", self.provisioner).ports_cached = False
        self.cleanup_connection_file()

    def _can_fork(self) -> bool:
        """Say whether its kernelspec allows it, and neither it nor a setting asks for another."""
        spec = self.kernel_spec
        default = KernelProvisionerFactory.instance().default_provisioner_name
        return (
            spec is not None
            and default in ("local-provisioner", "silik-fork")
            and not spec.metadata.get("kernel_provisioner")
            and runs_ipykernel(spec.argv)
        )

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        # Popen says so too, but then jupyter_client logs it, with PATH and all, into the user's
        # cell. What other provisioners start is not on this machine.
        if self.is_local:
            check_program(kernel_cmd[0], kw.get("env") or os.environ)
            if self.hold_ports:
                self._held = Held.of(self)
        try:
            await super()._async_launch_kernel(kernel_cmd, **kw)
        except BaseException:
            self._held.let_go()
            raise

    def let_go_of_ports(self) -> None:
        """Hold its ports no longer: it is ready, or will not be."""
        self._held.let_go()

    def _reconcile_connection_info(self, info: Any) -> None:
        # The file was written by us, and a forked kernel may be writing its own by now.
        if not self.is_local:
            super()._reconcile_connection_info(info)

    async def _async_post_start_kernel(self, **kw: Any) -> None:
        await super()._async_post_start_kernel(**kw)
        if self.kernel_id and self.pid is not None:
            GUARD.started(self.kernel_id, self.pid)
        self.watch()

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        self.let_go_of_ports()
        await super()._async_cleanup_resources(restart=restart)
        if not restart and self.kernel_id:
            GUARD.over(self.kernel_id)

    def _close_control_socket(self) -> None:
        # Or a shutdown_request that came too late for this process ends the next one on its port.
        if self._control_socket is not None and not self._control_socket.closed:
            self._control_socket.linger = 0
        super()._close_control_socket()

    async def _async_wait(self, pollinterval: float = 0.1) -> None:  # noqa: ARG002 - its signature
        await self.wait_for_end()


def log_path(directory: str | Path, kernel_id: str) -> Path:
    """Return the file for a kernel's own stdout and stderr, beside its connection file."""
    return Path(directory, f"silik-{kernel_id}.log")


def open_log(path: Path) -> Any:
    """Open the file for a kernel's own stdout and stderr: emptied, and for the user alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "w")


def files_of(directory: str | Path, kernel_id: str) -> list[str]:
    """Return what a kernel leaves when nobody tidies up: its connection file first."""
    stem = Path(directory, f"kernel-{kernel_id}").absolute()
    sockets = [f"{stem}-ipc-{number}" for number in range(1, 6)]
    return [f"{stem}.json", str(log_path(stem.parent, kernel_id)), *sockets]


def check_program(program: str, env: Mapping[str, str]) -> None:
    """Raise FileNotFoundError when a program to start is not there.

    One that is relative to the kernel's working directory is not looked for.
    """
    program = os.path.expanduser(program)  # noqa: PTH111 - as jupyter_client does
    relative = os.path.dirname(program) and not os.path.isabs(program)  # noqa: PTH117, PTH120
    if not relative and shutil.which(program, path=env.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def runs(pid: int) -> bool:
    """Say whether a process of this machine is there and has not ended."""
    try:
        # One that has ended stays in the list until whoever started it takes note.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pid_of_listener(port: int) -> int | None:
    """Return the process of this machine and user that listens on a TCP port; None if unknown."""
    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address.port == port:
                return connection.pid
    except psutil.AccessDenied:
        pass
    return None
