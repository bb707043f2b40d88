"""Starting and stopping leaves nothing behind, and idle kernels cost nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from support.raw import live, wait_until

from silik_magics import Silik
from silik_magics.errors import KernelDied, KernelTimeout
from silik_magics.kernels.forking import templates

ROUNDS = {"python3": 10, "bare": 20}


class Held(NamedTuple):
    """What this process holds."""

    threads: int
    descriptors: int
    sockets: int
    children: int
    files: frozenset[Path]


def _held(directory: Path) -> Held:
    gc.collect()
    process = psutil.Process()
    sockets = [fd for fd in Path("/proc/self/fd").iterdir() if _is_socket(fd)]
    return Held(
        threading.active_count(),
        process.num_fds(),
        len(sockets),
        len(process.children(recursive=True)),
        frozenset(directory.iterdir()),
    )


def _used() -> dict[str, float]:
    """Return the seconds that each thread of this process has computed, in steps of 0.01 s."""
    whole = time.process_time()
    threads = {thread.native_id: thread.name for thread in threading.enumerate()}
    used = {
        f"{one.id} {threads.get(one.id, 'not of Python')}": one.user_time + one.system_time
        for one in psutil.Process().threads()
    }
    return {"less than can be told": whole - sum(used.values()), **used}


def _held_in_the_long_run(directory: Path) -> Held:
    """Return what is held when nothing of what was before lingers any more."""
    now = _held(directory)
    for _ in range(10):
        time.sleep(0.3)
        before, now = now, _held(directory)
        if now == before:
            break
    return now


def _comes_back_to(before: Held, directory: Path) -> None:
    deadline = time.monotonic() + 3
    while (now := _held(directory)) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert now == before


def _is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except FileNotFoundError:  # the one that lists the directory
        return False


def test_thirty_rounds_leak_nothing(silik: Silik, runtime_dir: Path) -> None:
    def one_round(spec: str) -> None:
        handle = silik.start(spec)
        handle.run("1")
        handle.stop()

    for spec in ROUNDS:
        one_round(spec)
    wait_until(templates.running)  # it starts a second after the first kernel
    before = _held_in_the_long_run(runtime_dir)
    for spec, count in ROUNDS.items():
        for _ in range(count):
            one_round(spec)
    _comes_back_to(before, runtime_dir)


def test_restarts_deaths_and_failed_starts_leak_nothing(silik: Silik, runtime_dir: Path) -> None:
    def one_round() -> None:
        handle = silik.start("bare")
        handle.restart()
        handle.kill()
        handle.restart(now=True)
        handle.kill()
        handle.stop()
        for spec in ("crashing", "absent", "deaf"):
            with pytest.raises((KernelDied, KernelTimeout)):
                silik.start(spec, timeout=0.3)

    one_round()
    before = _held_in_the_long_run(runtime_dir)
    for _ in range(5):
        one_round()
    _comes_back_to(before, runtime_dir)


def test_opening_and_closing_silik_leaks_nothing(runtime_dir: Path) -> None:
    def one_round() -> None:
        with Silik() as silik:
            silik.start("bare").run("1")

    one_round()
    before = _held_in_the_long_run(runtime_dir)
    for _ in range(5):
        one_round()
    _comes_back_to(before, runtime_dir)


def test_idle_kernels_cost_the_host_nothing(silik: Silik) -> None:
    silik.command("start python3 -n 4 -l w")
    wait_until(templates.running)
    time.sleep(1)
    begun, used = time.monotonic(), _used()
    time.sleep(3)
    used = {name: seconds - used.get(name, 0) for name, seconds in _used().items()}
    share = sum(used.values()) / (time.monotonic() - begun)
    print("share of a core:", share)
    assert share < 0.005, {name: seconds for name, seconds in used.items() if seconds > 0}


def test_a_connection_that_is_closed_while_it_sends_costs_nothing(silik: Silik) -> None:
    handle = silik.start("bare")

    async def close() -> None:
        asking = asyncio.ensure_future(live(handle).connection.is_complete("1"))
        await asyncio.sleep(0)
        live(handle).abandon()
        asking.cancel()

    silik._portal.call(close)
    used = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - used < 0.1


def test_idle_kernels_of_a_host_add_only_few_descriptors(silik: Silik) -> None:
    silik.start("bare")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - one call, no descriptor of its own
    silik.start("bare")
    assert len(os.listdir("/proc/self/fd")) - before <= 20  # noqa: PTH208
