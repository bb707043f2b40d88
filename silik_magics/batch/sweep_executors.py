"""Where the points of a sweep are run: in threads here, or on a cluster; both are executors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from silik_magics.batch.sweep_call import close_workers
from silik_magics.errors import CommandError, MissingDependency

CONNECT_SECONDS = 5.0
IN_FLIGHT = 1000  # points that a cluster knows of at once: what waits costs time at every answer
# What makes a cluster, by the word that asks for it: its module, class and package.
CLUSTERS = {
    "slurm": ("dask_jobqueue", "SLURMCluster", "dask-jobqueue"),
    "kubernetes": ("dask_kubernetes.operator", "KubeCluster", "dask-kubernetes"),
}


@dataclass(frozen=True)
class Place:
    """Where points are run.

    Args:
        executor: runs them.
        jobs: how many are handed to it at once.
        note: what people should know of it.
    """

    executor: Executor
    jobs: int
    note: str = ""


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def here(jobs: int | None) -> Iterator[Place]:
    """Run points in this machine's processes; each thread looks after one."""
    count = jobs or processors()
    try:
        with ThreadPoolExecutor(count, "silik-sweep") as executor:
            yield Place(executor, count)
    finally:
        close_workers()


@contextmanager
def on_cluster(scheduler: str, jobs: int | None) -> Iterator[Place]:
    """Run points on the workers of a Dask scheduler.

    Args:
        scheduler: its address, or `slurm` or `kubernetes`, where workers are asked for.
        jobs: how many at once; for those two, how many workers.

    Raises:
        MissingDependency: the package for it is not installed.
        CommandError: nobody answers at the address.
    """
    distributed = _imported("distributed", "distributed")
    made = None
    if scheduler in CLUSTERS:
        module, name, package = CLUSTERS[scheduler]
        made = getattr(_imported(module, package), name)()
        made.scale(jobs or 1)
    try:
        client = distributed.Client(made or scheduler, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise CommandError(
            f"no Dask scheduler answers at {scheduler}: {error}".rstrip(": "),
            "give its address as it prints it, such as tcp://10.0.0.1:8786.",
        ) from None
    try:
        workers = client.scheduler_info()["workers"]
        note = "" if workers or made else f"{scheduler} has no worker yet: points wait for one."
        yield Place(client.get_executor(pure=False), jobs or IN_FLIGHT, note)
    finally:
        client.close()
        if made is not None:
            made.close()


def _imported(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError:
        missing = MissingDependency(package, "distributed")
        if package != "distributed":
            missing.hint = f"pip install {package}"
        raise missing from None
