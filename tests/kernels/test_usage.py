"""What the processes of a kernel use, and what it costs to look at them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from silik_magics import AsyncSilik
from silik_magics.commands.survey import Survey
from silik_magics.kernels.usage import Usage

BUSY = "while True: pass"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes, below this one."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.DEVNULL) as started:
        time.sleep(0.5)
        yield started
        started.kill()


def test_what_it_started_belongs_to_a_kernel(child: subprocess.Popen[bytes]) -> None:
    alone, both = Usage(), Usage()
    _, memory = alone.measure(child.pid)
    share, more = both.measure(os.getpid())
    assert share is not None
    assert memory
    assert more
    assert more > memory


def test_a_process_that_is_found_late_is_measured_by_its_own_time() -> None:
    usage = Usage()
    usage.measure(os.getpid(), age=60)
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.DEVNULL) as started:
        try:
            time.sleep(1)
            _, before = usage.measure(os.getpid(), age=60)
            time.sleep(0.05)
            share, after = usage.measure(os.getpid())
        finally:
            started.kill()
    assert before
    assert after
    assert after > before + 1_000_000
    assert share is not None
    # All its time as if it were that of the last twentieth of a second would be a thousand.
    assert 5 < share < 250


def test_a_process_that_is_gone_has_no_figures(child: subprocess.Popen[bytes]) -> None:
    usage = Usage()
    assert usage.measure(child.pid, age=60)[1]
    child.kill()
    child.wait()
    assert usage.measure(child.pid, age=60) == (None, None)
    assert usage.measure(None) == (None, None)


def test_a_glance_costs_a_fraction_of_a_look() -> None:
    async def seconds() -> tuple[float, float]:
        silik = AsyncSilik()
        try:
            await silik.command("start python3 -n 4 -l w")
            survey = Survey(silik.shell.state, ())
            found = []
            for kind in (survey.glance, survey.look):
                await kind()
                begun = time.process_time()
                for _ in range(10):
                    assert len(await kind()) == 4
                found.append(time.process_time() - begun)
            return found[0], found[1]
        finally:
            await silik.close()

    glances, looks = asyncio.run(seconds())
    assert glances < looks * 0.6
