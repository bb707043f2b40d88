"""Kernels that break every rule of the protocol, behind each door."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.host import Cell, Host, host
from support.raw import live

from silik_magics import Silik
from silik_magics.errors import KernelTimeout

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

TRICKS = ["wrong_key", "replay", "frames", "bent_parts", "headers", "contents", "answers_nothing"]
TRICKS += ["unusual"]
UNREADY = ["forger", "babbler", "deaf"]

Run = Callable[[str], Cell]


@pytest.fixture(scope="module", params=["magics", "command mode", "connect mode"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a cell on the kernel `hostile`, through a door."""
    if request.param == "magics":
        with host() as opened:
            opened.ok("%load_ext silik_magics")
            opened.ok("%silik start hostile -l h")
            opened.client.session.unpack = tolerant
            yield lambda code: opened.run(f"%%silik h --timeout 60\n{code}")
    else:
        with host("silik") as opened:
            opened.client.session.unpack = tolerant
            opened.ok("start hostile -l h")
            if request.param == "connect mode":
                opened.ok("> h")
                yield opened.run
            else:
                yield lambda code: opened.run(f"%%silik h --timeout 60\n{code}")


def tolerant(packed: bytes) -> Any:
    """Read a part of a message as front-ends do in whose language it is not too much."""
    try:
        return json.loads(packed)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        return {}


def streamed(cell: Cell) -> str:
    """Return what its valid streams say."""
    contents = [m["content"] for m in cell.messages if m["msg_type"] == "stream"]
    return "".join(x["text"] for x in contents if isinstance(x.get("text"), str))


def next_is_right(run: Run) -> None:
    cell = run("replay")
    assert (cell.status, streamed(cell)) == ("ok", "once after")


@pytest.mark.parametrize("trick", TRICKS)
def test_what_is_no_message_ends_no_cell_and_spoils_none(run: Run, trick: str) -> None:
    cell = run(trick)
    assert cell.status == "ok", cell.errors
    assert streamed(cell).endswith("after")
    assert "must not be seen" not in streamed(cell)
    next_is_right(run)


def test_an_error_without_its_fields_ends_no_cell(run: Run) -> None:
    cell = run("errors")
    assert cell.status == "ok"
    next_is_right(run)


@pytest.mark.parametrize("trick", ["no_status", "odd_status"])
def test_a_reply_without_a_status_is_an_error(run: Run, trick: str) -> None:
    assert run(trick).status != "ok"
    next_is_right(run)


def test_metadata_of_100_megabytes_passes_through(run: Run) -> None:
    cell = run("huge_metadata")
    assert cell.status == "ok"
    (large,) = [m for m in cell.messages if m["msg_type"] == "display_data"]
    assert len(large["metadata"]["x"]) == 100_000_000
    next_is_right(run)


def test_messages_that_are_bent_anyhow_end_no_cell(run: Run, many: bool) -> None:
    """In the long form 2,000 messages through each door."""
    for seed in range(20 if many else 3):
        cell = run(f"fuzz {seed} 100")
        assert cell.status == "ok", (seed, cell.errors)
        assert streamed(cell).endswith("after")
        next_is_right(run)


@pytest.mark.parametrize("spec", UNREADY)
@pytest.mark.parametrize("door", ["magics", "silik"])
def test_a_kernel_that_never_gets_ready_is_ended_and_nothing_is_left(
    door: str, spec: str, opened: dict[str, Host], runtime_dir: Path
) -> None:
    here, prefix = opened[door], "%silik " if door == "magics" else ""
    files, pids = set(runtime_dir.iterdir()), set(here.pids())
    started = time.monotonic()
    cell = here.run(f"{prefix}start {spec} --timeout 1.5")
    assert time.monotonic() - started < 10
    (error,) = cell.errors
    assert error["ename"] == "KernelTimeout"
    assert "did not become ready within 1.5 s" in error["evalue"]
    assert set(runtime_dir.iterdir()) == files
    assert {pid for pid in here.pids() if psutil.pid_exists(pid)} == pids
    assert here.ok(f"{prefix}tree").messages == []


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Host]]:
    with host() as notebook, host("silik") as silik:
        notebook.ok("%load_ext silik_magics")
        yield {"magics": notebook, "silik": silik}


def test_a_kernel_whose_ports_somebody_else_had_before_can_be_used(silik: Silik) -> None:
    handle = silik.start("displaced", timeout=20)
    assert handle.run("name? ", ask=lambda *_: "Ada", timeout=10).text == "you said Ada"
    begun = time.monotonic()
    handle.stop()  # asks on control
    assert time.monotonic() - begun < 3


def test_a_kernel_that_reads_nothing_stops_nobody_else(silik: Silik) -> None:
    stopped, other = silik.start("python3", "stopped"), silik.start("python3", "other")
    pid = live(stopped).process.pid
    assert pid

    async def ask_much() -> None:
        connection = live(stopped).connection
        asked = [asyncio.ensure_future(connection.is_complete("#" * 10_000)) for _ in range(2000)]
        await asyncio.sleep(0.5)
        for one in asked:
            one.cancel()

    os.kill(pid, signal.SIGSTOP)
    goes_on = threading.Timer(20, os.kill, (pid, signal.SIGCONT))
    goes_on.start()
    begun = time.monotonic()
    silik._portal.call(ask_much)
    assert other.run("6 * 7").text == "42"
    assert time.monotonic() - begun < 10
    goes_on.cancel()
    os.kill(pid, signal.SIGCONT)
    assert stopped.run("6 * 7").text == "42"


def test_a_kernel_that_tells_nonsense_of_itself_can_be_used(silik: Silik) -> None:
    kernel = silik.start("vague", "v")
    assert kernel.name == "v.txt"
    assert kernel.run("hello").text == "hello"
    assert str(silik.command("tree")) == "╰─ v.txt"
    assert "hello" in str(silik.command("history v"))
    silik.command("ps")
    assert "language_info" in str(silik.command("info v --json"))


@pytest.mark.parametrize("timeout", ["", "--timeout 30"])
def test_a_cell_whose_kernel_never_replies_ends(silik: Silik, timeout: str) -> None:
    silik.start("curt", "c")
    started = time.monotonic()
    with pytest.raises(KernelTimeout, match="is idle again, and never said how"):
        silik.command(f"run idle c {timeout}")
    assert time.monotonic() - started < 5
    assert silik["c"].run("reply idle").status == "ok"
