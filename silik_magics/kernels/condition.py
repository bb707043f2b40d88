"""What a kernel is found to be doing by looking, beyond what it says of itself."""

from __future__ import annotations

from silik_magics.kernels.kernel import Kernel


async def condition(kernel: Kernel, *, asks: bool = True) -> str:
    """Return the state of a kernel, which here may also be `stopped` or `silent`.

    It is stopped when a signal (SIGSTOP, SIGTSTP) has stopped its process, and silent when its
    heartbeat is lost. Takes a moment for one that is silent.

    Args:
        kernel: which.
        asks: whether its heartbeat is asked for.
    """
    is_silent = False
    if not _is_going(kernel):
        return kernel.state
    if asks and not kernel.process.is_stopped and _answers(kernel):
        assert kernel.heartbeat is not None
        is_silent = await kernel.heartbeat.is_lost()
    if _is_going(kernel):  # its state may have changed meanwhile
        if kernel.process.is_stopped:
            return "stopped"
        if is_silent and _answers(kernel):
            return "silent"
    return kernel.state


def _is_going(kernel: Kernel) -> bool:
    return kernel.state in ("idle", "busy")


def _answers(kernel: Kernel) -> bool:
    """Say whether it answers its heartbeat now, if it has one: ipykernel has a thread for it."""
    return kernel.state == "idle" or kernel.info.get("implementation") == "ipython"
