"""Many kernels that print at once, for a front-end that is slow, or goes away."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.host import Host, Request, host
from support.kernel import pid_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

KERNELS = 16
BRIEF, LONG = 600, 4000  # displays of each
SIZE = 10_000  # bytes of each display
MOST = 300 * 2**20  # bytes that the host may need, however much is shown
PAUSE = 20  # messages, and then the front-end does something else
CODE = "for i in range({count}): display({{'text/plain': f'{{i}} ' + 'x' * {size}}}, raw=True)"


def shown(started: Host, request: Request, pause: float = 0.0) -> tuple[list[int], int]:
    """Read what a cell displays; return that, and the most memory that the host needed.

    The front-end needs the pause, in seconds, for each message.
    """
    process = psutil.Process(pid_of(started))
    seen, most, state, read = [], process.memory_info().rss, "", 0
    while state != "idle":
        message = started.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request.msg_id:
            continue
        content = message["content"]
        state = content.get("execution_state", state)
        text = content.get("data", {}).get("text/plain", "")
        if message["msg_type"] == "display_data" and "xxx" in text:
            seen.append(int(text.split()[0]))
        read += 1
        if read % PAUSE == 0:
            time.sleep(PAUSE * pause)
            most = max(most, process.memory_info().rss)
    print(f"{len(seen)} displays, the host needed {most / 2**20:.0f} MB at most")
    return seen, most


@pytest.mark.parametrize("spec", ["python3", "silik"])
def test_a_slow_front_end_gets_all_and_the_host_stays_small(spec: str, many: bool) -> None:
    count = LONG if many else BRIEF
    with host(spec) as started:
        if spec == "python3":
            started.ok("%load_ext silik_magics")
        started.ok(f"%%silik\nstart python3 -n {KERNELS} -l k", timeout=100)
        request = started.begin("%%silik k*\n" + CODE.format(count=count, size=SIZE))
        seen, most = shown(started, request, pause=0.0005)
        assert seen == list(range(count)) * KERNELS
        assert most < MOST


def test_a_front_end_that_pauses_in_connect_mode_gets_all_and_silik_stays_small(
    many: bool,
) -> None:
    count = 20_000 if many else 3000  # of 100 KB; a thousand are in the front-end itself
    with host("silik") as started:
        started.ok("start python3 -l k\n> k")
        request = started.begin(CODE.format(count=count, size=10 * SIZE))
        time.sleep(5)
        seen, most = shown(started, request)
        assert seen == list(range(count))
        assert most < MOST / 3
        assert started.ok("print(6 * 7)").stream() == "42\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what was taken")
def test_what_zmq_has_not_sent_yet_waits_elsewhere() -> None:
    """A thread of zmq sends; when it gets no time, all that it is given stays in memory."""
    with host("silik") as started:
        started.ok("start python3 -l k\n> k")
        os.sched_setscheduler(sender(pid_of(started)), os.SCHED_IDLE, os.sched_param(0))
        request = started.begin(CODE.format(count=3000, size=10 * SIZE))
        time.sleep(1)
        seen, most = shown(started, request)
        assert seen == list(range(3000))
        assert most < MOST / 3


def sender(pid: int) -> int:
    """Return the thread of a kernel in which zmq sends to the front-ends: the first of its own."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return min(int(one.name) for one in threads if "/IO/" in (one / "comm").read_text())


def test_a_front_end_that_goes_away_holds_no_kernel_up() -> None:
    with host() as started:
        started.ok("%load_ext silik_magics\n%silik start python3 -n 2 -l k")
        code = CODE.format(count=20_000, size=SIZE) + "\nopen(str(done), 'w').close()"
        started.ok("%%silik k*\nimport os, tempfile; done = tempfile.mktemp()")
        files = started.ok("%silik run 'print(done)' k*").stream().split()
        request = started.begin(f"%%silik k*\n{code}")
        request.until_seen("xxx")
        started.client.stop_channels()  # 400 MB are not read by anybody
        deadline = time.monotonic() + 60
        while not all(Path(file).exists() for file in files):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        started.client = started.manager.blocking_client()
        started.client.start_channels()
        started.client.wait_for_ready(timeout=60)
        assert started.ok("%silik run 'print(6 * 7)' k1").stream() == "42\n"


@pytest.mark.parametrize("mode", ["%%silik d\n", "connected"])
def test_a_cell_ends_although_its_idle_was_lost(mode: str) -> None:
    with host("silik") as started:
        started.ok("start dropping -l d")
        first_line = mode
        if mode == "connected":
            started.ok("> d")
            first_line = ""
        cell = started.ok(f"{first_line}all well", timeout=20)
        assert cell.stream() == "all well"
        assert cell.stream("stderr") == (
            "d never said that the cell was over: some of its outputs may be lost.\n"
        )
        assert cell.seconds < 5
