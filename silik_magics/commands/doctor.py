"""The command that tells why a kernel does or does not start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from silik_magics.commands import options
from silik_magics.commands.context import Context
from silik_magics.commands.diagnosis import Diagnosis, report, without_secrets
from silik_magics.commands.kinds import SPEC
from silik_magics.commands.table import command
from silik_magics.display.answers import Answer, preformatted
from silik_magics.errors import CommandError, KernelDied, KernelTimeout, SilikError
from silik_magics.kernels.death import last_lines
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import SilikKernelManager
from silik_magics.kernels.messages import Message
from silik_magics.kernels.phases import Phases, watched
from silik_magics.kernels.program import program_of, provisioner_of, searched, specification


@command("doctor")
@click.argument("spec", type=SPEC)
@options.timeout
async def doctor(context: Context, spec: str, timeout: float | None) -> Answer:
    """Tell why a kernel does or does not start.

    It starts one, as `start` does, runs an empty line on it, and stops it. The report names the
    program and where it was found, the environment that the kernelspec sets, the directories
    that are searched for kernelspecs, the last lines of its stderr, and the time of each phase.

    Example:
        silik> doctor python3
        python3 starts: ready after ...
        kernelspec   /...kernel.json
        language     python
        program      ...
        argv         ... -m ipykernel_launcher -f {connection_file} ...
        interpreter  Python 3...
        provisioner  local-provisioner
        phases       find           ... ms
                     spawn          ... ms
                     first reply    ... ms
                     outputs up     ... ms
                     first execute  ... ms
        ...
    """
    found = await diagnose(context.state.manager, spec, timeout)
    return preformatted(report(found), found.data())


async def diagnose(
    manager: SilikKernelManager, name: str, timeout: float | None = None
) -> Diagnosis:
    """Start a kernel to see how that goes, and stop it.

    Args:
        manager: starts it.
        name: the kernelspec.
        timeout: seconds that it gets; the manager's `start_timeout` by default.
    """
    directories = searched(manager)
    try:
        spec = manager.specs.get(name)
    except CommandError as error:
        return Diagnosis(name, directories, error=error.message, hint=error.hint)
    if spec.problem:
        return Diagnosis(
            name,
            directories,
            error=spec.problem,
            hint=f"mend it in {spec.resource_dir}/kernel.json.",
        )
    manager.specs.forget()  # so that finding it takes the time that it takes
    written = specification(manager, name)
    phases, error, stderr = await _try(manager, name, timeout)
    return Diagnosis(
        name,
        directories,
        f"{spec.resource_dir}/kernel.json",
        spec.language,
        await asyncio.to_thread(program_of, manager, name),
        provisioner_of(written),
        without_secrets(written.env),
        phases.seconds,
        phases.waited,
        stderr,
        _first_line(error),
        error.hint if error is not None else "",
    )


async def _try(
    manager: SilikKernelManager, name: str, timeout: float | None
) -> tuple[Phases, SilikError | None, Sequence[str]]:
    """Start a kernel, run nothing on it and stop it; return how that went and what it wrote."""
    seconds = manager.start_timeout if timeout is None else timeout
    with watched() as phases:
        try:
            kernel = await manager.launch(name, timeout=seconds)
        except SilikError as error:
            phases.fail()
            return phases, error, phases.last_lines
        try:
            failure = await _failure(kernel, seconds)
            phases.mark("first execute") if failure is None else phases.fail()
            return phases, failure, last_lines(kernel.log)
        finally:
            await manager.stop(kernel, now=True)


async def _failure(kernel: Kernel, seconds: float) -> SilikError | None:
    """Let a kernel run the one piece of code that every language knows; return what fails."""

    def ignore(_message: Message) -> None:
        """Show nothing."""

    async def no_answer(_question: Message) -> None:
        """Answer no question."""

    running = kernel.execute("", ignore, no_answer, Flags(store_history=False))
    try:
        await asyncio.wait_for(running, seconds)
    except KernelDied:
        told = f"{kernel.name} answered, and died when it ran an empty line: {kernel.death}"
        return KernelDied(told, "mend what its stderr says.")
    except TimeoutError:
        told = f"{kernel.name} answered, but did not run an empty line within {seconds:g} s"
        return KernelTimeout(told, "give it more with `--timeout S`.")
    return None


def _first_line(error: SilikError | None) -> str:
    """Return what an error says; the last lines of stderr stand elsewhere."""
    return "" if error is None else error.message.partition("\n")[0]
