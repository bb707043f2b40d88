"""The kernel's process: sockets, configuration, signals, and the end of all of it.

ipykernel's application does most of this. What differs: there is one loop for everything, because
nothing here ever blocks it, and nothing that is printed goes into a cell.
"""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
from jupyter_core.paths import jupyter_config_path
from traitlets import DottedObjectName, List, Type, default
from zmq.eventloop.zmqstream import ZMQStream

from silik_magics._version import __version__
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.kernels.process import KernelProcess, runs
from silik_magics.kernels.watch import Watch
from silik_magics_kernel.kernel import SilikKernel

EXIT_SECONDS = 5  # for the interpreter to end, when all has been closed


class SilikApp(IPKernelApp):
    """Starts the kernel `silik`; reads `silik_config.py` of the Jupyter configuration."""

    name = "silik"
    version = __version__
    description = "A Jupyter kernel that drives other kernels."
    classes = List([SilikKernel, SilikKernelManager, KernelProcess, Session])  # type: ignore[assignment]
    kernel_class = Type(SilikKernel, klass=SilikKernel)  # type: ignore[assignment]
    # What libraries print is for the log of whoever started us, not for a user's cell.
    outstream_class = DottedObjectName(None, allow_none=True)

    @default("config_file_paths")
    def _config_file_paths_default(self) -> list[str]:
        return jupyter_config_path()

    def init_control(self, context: zmq.Context[Any]) -> None:
        """Bind the control channel; it is served by the one loop, so threads for it are dropped."""
        super().init_control(context)
        for socket in (self.debugpy_socket, self.debug_shell_socket):
            socket.close()
        threads: tuple[Any, ...] = (self.control_thread, self.shell_channel_thread)
        for thread in threads:
            thread.io_loop.close()
        self.control_thread = self.shell_channel_thread = None

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """Bind iopub; what a slow front-end has not read yet is kept for it, not dropped."""
        context.sndhwm = 0  # the default of sockets that are made from now on
        super().init_iopub(context)

    def init_kernel(self) -> None:
        """Make the kernel, with its channels as streams of the one loop."""
        self.kernel = SilikKernel.instance(
            parent=self,
            session=self.session,
            shell_stream=ZMQStream(self.shell_socket),
            control_stream=ZMQStream(self.control_socket),
            stdin_stream=ZMQStream(self.stdin_socket),
            stdin_socket=self.stdin_socket,
            iopub_thread=self.iopub_thread,
            iopub_socket=self.iopub_socket,
            log=self.log,
        )
        self.kernel.record_ports({f"{name}_port": port for name, port in self._ports.items()})
        self.displayhook.get_execution_count = lambda: self.kernel.execution_count

    def init_poller(self) -> None:
        """Do nothing yet: the parent is watched in the loop, so that we end in good order."""

    def start(self) -> None:
        """Serve until the kernel is shut down."""
        loop = asyncio.get_event_loop_policy().get_event_loop()
        loop.call_soon(self._watch_over)
        super().start()
        self._end_soon()

    def close(self) -> None:
        """Close the sockets; called at the exit, also when one could not be bound."""
        self._end_soon()  # ipykernel waits for ever when that happened
        super().close()

    @staticmethod
    def _end_soon() -> None:
        """Have the process end, whatever keeps it: a thread, a socket."""
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(EXIT_SECONDS)

    def _watch_over(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.kernel.interrupt)
        loop.add_signal_handler(signal.SIGTERM, self.kernel.end)
        parent = self.parent_handle
        if parent not in (0, 1):  # without a parent, or init's child: nobody to outlive

            async def lives() -> bool:
                return runs(parent)

            self._watch = Watch(parent, lives, self.kernel.end)
