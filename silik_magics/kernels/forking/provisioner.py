"""Starts a kernel by fork where that can be done, and as any other kernel where not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Bool, List, Unicode

from silik_magics.errors import CommandError
from silik_magics.kernels.forking.forked import UNKNOWN, WAIT_SECONDS, ForkedProcess
from silik_magics.kernels.forking.plan import Plan, Unusual, planned
from silik_magics.kernels.forking.templates import OLD, Refused, give_up, template_for

TRIES = 3


class ForkProvisioner(LocalProvisioner):
    """Forks kernels that run `ipykernel_launcher` from a process that has imported ipykernel.

    Name it `silik-fork` in the `kernel_provisioner` of a kernelspec's metadata, or in the
    variable JUPYTER_DEFAULT_PROVISIONER_NAME, and every Jupyter application uses it.

    Attributes:
        why_spawned: why the kernel was spawned; empty when it was forked.
    """

    preload = List(
        Unicode(), config=True, help="Modules that the process has imported, from which is forked."
    )
    enabled = Bool(True, config=True, help="Without, every kernel is spawned.")

    why_spawned = ""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel, or spawn it and log why.

        Raises:
            CommandError: a module to preload can not be imported.
        """
        plan = Unusual("that is switched off")
        if self.enabled:
            plan = planned(cmd, kwargs, self.preload)
        forked = plan if isinstance(plan, Unusual) else await self._forked(plan)
        if isinstance(forked, Unusual):
            self.why_spawned = forked.reason
            self.log.info("%s is spawned, not forked: %s", self._name, forked.reason)
            return await super().launch_kernel(cmd, **kwargs)
        self.why_spawned = ""
        self.process = forked  # type: ignore[assignment]
        self.pid = self.pgid = forked.pid  # type: ignore[assignment]
        self.cwd = kwargs.get("cwd") or Path.cwd()  # type: ignore[assignment]
        return self.connection_info

    async def _forked(self, plan: Plan) -> ForkedProcess | Unusual:
        refusal = ""
        for _ in range(TRIES):
            template = template_for(plan)
            if not template.is_worth_waiting_for():
                return Unusual("what it would be forked from is only going to be started")
            try:
                return await template.fork(plan)
            except Refused as refused:
                refusal = str(refused)
                if refused.module is not None:
                    give_up(template)
                    raise _not_preloaded(refused, plan) from None
                if template.is_alive and refusal != OLD:
                    break
                give_up(template)
        return Unusual(refusal)

    @property
    def _name(self) -> str:
        return str(getattr(self.kernel_spec, "display_name", "") or self.kernel_id)

    @property
    def status_is_known(self) -> bool:
        """Whether the exit status that `poll` returned is the kernel's own."""
        process: Any = self.process
        return not isinstance(process, ForkedProcess) or process.returncode != UNKNOWN

    async def poll(self) -> int | None:
        """Return the exit status; None while it runs.

        The status of a process that is gone is waited for, a moment: its template reports it.
        """
        process: Any = self.process
        if isinstance(process, ForkedProcess):
            while process.poll() is None and process.is_gone:  # noqa: ASYNC110 - milliseconds
                await asyncio.sleep(WAIT_SECONDS)
        return await super().poll()

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel's process group."""
        process: Any = self.process
        if isinstance(process, ForkedProcess):
            process.signalled(signum)
        await super().send_signal(signum)

    async def cleanup(self, restart: bool = False) -> None:
        """Give back what the kernel used."""
        process: Any = self.process
        if isinstance(process, ForkedProcess):
            process.poll()
        await super().cleanup(restart=restart)


def fork_by_default() -> None:
    """Let all of jupyter_client fork kernels in this process, where nobody asks for another way."""
    factory = KernelProvisionerFactory.instance()
    if factory.default_provisioner_name == "local-provisioner":
        factory.default_provisioner_name = "silik-fork"


def _not_preloaded(refused: Refused, plan: Plan) -> CommandError:
    interpreter = os.fspath(plan.key.command[0])
    return CommandError(
        str(refused),
        f"`{interpreter} -m pip install {refused.module}` may bring it; "
        "`--preload ''` starts the kernel without.",
    )
