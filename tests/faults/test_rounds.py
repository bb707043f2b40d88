"""Restart and interrupt, again and again, under load: the next cell is always right."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from support.host import Host, host

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

BRIEF, LONG = 5, 100
# What is not flushed grows in the kernel, by gigabytes, and as well when it is run directly.
FLOODS = [
    "i = 0\nwhile True:\n    i += 1; print('FLOOD', i)",
    "while True: display('FLOOD' * 200)",
    "import sys\nwhile True: print('FLOOD' * 2000, file=sys.stderr, flush=True)",
    "import time\nwhile True: time.sleep(.001); print('FLOOD', end='')",
]


@pytest.fixture(scope="module", params=["python3", "silik"])
def opened(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A notebook, or the silik kernel, with two kernels."""
    with host(request.param) as started:
        if request.param == "python3":
            started.ok("%load_ext silik_magics")
        started.ok("%%silik\nstart python3 -n 2 -l k")
        yield started


def test_the_cell_after_an_interrupted_flood_is_right(opened: Host, many: bool) -> None:
    chosen = random.Random(1)
    slowest = 0.0
    for number in range(LONG if many else BRIEF):
        request = opened.begin("%%silik k1\n" + FLOODS[number % len(FLOODS)])
        request.until_seen("FLOOD")
        time.sleep(chosen.uniform(0, 0.2))
        pressed = time.monotonic()
        opened.interrupt()
        cell = request.end(timeout=20)
        slowest = max(slowest, time.monotonic() - pressed)
        assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
        after = opened.ok(f"%%silik k1\nprint({number})\n{number} * 2")
        assert (after.stream(), after.plain) == (f"{number}\n", [str(number * 2)])
        assert "FLOOD" not in str(after.others)
    print(f"the slowest interrupt took {slowest:.2f} s")


def test_the_cell_after_a_restart_under_load_is_right(opened: Host, many: bool) -> None:
    chosen = random.Random(2)
    for number in range(LONG if many else BRIEF):
        opened.ok(f"%%silik k1\nx = {number}\nimport _thread, time")
        flood = "def flood():\n    while True: print('FLOOD' * 20); time.sleep(.001)\n"
        opened.ok(f"%%silik k1\n{flood}_thread.start_new_thread(flood, ())")
        time.sleep(chosen.uniform(0, 0.1))
        now = "--now" if number % 2 else ""
        cell = opened.ok(f"%%silik\nrestart {now} k1\nrun 'print(\"x\" in dir(), {number})' k1")
        assert cell.stream().endswith(f"False {number}\n")
        after = opened.ok(f"%%silik k1\n{number}")
        assert (after.plain, after.stream()) == ([str(number)], "")
