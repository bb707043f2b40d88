"""Cells of ours between those of the connected kernel keep its rules; so do other clients."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.frontend import FrontEnd, check_protocol, client_of, front_end
from support.host import host

FAIL = "import time; time.sleep(0.3); raise ValueError('no')"


@pytest.fixture
def connected() -> Iterator[FrontEnd]:
    with front_end("python3", through=True) as opened:
        yield opened
        opened.settle()
        check_protocol(opened)


def statuses(opened: FrontEnd, cells: list[str]) -> list[str]:
    """Wait until cells are over, and return how they ended."""
    opened.over(*cells)
    return [opened.reply(cell).content["status"] for cell in cells]


def test_cells_of_ours_that_wait_behind_an_error_are_aborted(connected: FrontEnd) -> None:
    cells = [connected.execute(code) for code in (FAIL, "/cmd", "mkdir a", "> k1")]
    assert statuses(connected, cells) == ["error", "aborted", "aborted", "aborted"]
    still = connected.execute("'still connected'")
    assert statuses(connected, [still]) == ["ok"]
    assert "still connected" in str(connected.of(still, "iopub"))


def test_cells_of_the_kernel_that_wait_behind_an_error_of_ours_are_aborted(
    connected: FrontEnd,
) -> None:
    slow = f"%%silik k1\n{FAIL}"
    cells = [connected.execute(code) for code in (slow, "x = 1", "%%silik\npwd", "x = 2")]
    assert statuses(connected, cells) == ["error", "aborted", "aborted", "aborted"]
    assert statuses(connected, [connected.execute("x")]) == ["error"]  # it was never assigned


@pytest.mark.parametrize("options", [{"silent": True}, {"stop_on_error": False}])
def test_an_error_that_is_not_to_stop_aborts_no_cell_of_ours(
    connected: FrontEnd, options: dict[str, Any]
) -> None:
    cells = [connected.execute(FAIL, **options)]
    cells += [connected.execute(code) for code in ("%%silik\npwd", "1", "/cmd", "pwd")]
    assert statuses(connected, cells) == ["error", "ok", "ok", "ok", "ok"]


def test_an_error_in_a_subshell_aborts_nothing_outside_of_it(connected: FrontEnd) -> None:
    subshell = connected.ask("create_subshell_request", channel="control").content["subshell_id"]
    cells = [connected.execute("import time; time.sleep(1)")]
    cells += [connected.execute(code) for code in ("%%silik\npwd", "1", "/cmd", "pwd")]
    beside = connected.execute("1 / 0", subshell=subshell)
    assert statuses(connected, [beside]) == ["error"]
    assert statuses(connected, cells) == ["ok"] * 5


def test_cells_of_ours_wait_for_those_of_the_kernel_before_them(connected: FrontEnd) -> None:
    codes = ("import time; time.sleep(0.3); x = 1", "%%silik k1\nprint(x)", "x = 2", "/cmd", "ls")
    cells = [connected.execute(code) for code in codes]
    assert statuses(connected, cells) == ["ok"] * 5
    assert connected.stream() == "1\n"
    firsts = [connected.seen.index(connected.of(cell, "iopub")[0]) for cell in cells]
    lasts = [connected.seen.index(connected.of(cell, "iopub")[-1]) for cell in cells]
    assert all(last < first for last, first in zip(lasts[:-1], firsts[1:], strict=True))


def test_each_front_end_gets_its_own_replies_and_questions() -> None:
    with host("silik") as opened:
        opened.ok("start python3 -l k1")
        opened.ok("> k1")
        with client_of(opened.manager) as one, client_of(opened.manager) as two:
            first = one.execute("'one'")
            one.over(first)  # whose request comes first is open otherwise
            one.answers.append("from one")
            two.answers.append("from two")
            theirs = two.execute("'by ' + input('two ')", allow_stdin=True)
            two.over(theirs)
            mine = one.execute("'by ' + input('one ')", allow_stdin=True)
            one.over(mine)
            assert [m.parent_id for m in one.seen if m.channel == "shell"] == [first, mine]
            assert [m.parent_id for m in two.seen if m.channel == "shell"] == [theirs]
            assert [m.content["prompt"] for m in one.seen if m.channel == "stdin"] == ["one "]
            assert [m.content["prompt"] for m in two.seen if m.channel == "stdin"] == ["two "]
            assert "by from one" in str(one.of(mine, "iopub"))
            assert "by from two" in str(two.of(theirs, "iopub"))
            # outputs are for all: a front-end may show those of another
            assert "by from two" in str(one.of(theirs, "iopub"))


def test_what_runs_in_a_comm_can_be_interrupted(connected: FrontEnd) -> None:
    connected.run(
        "import time\n"
        "def opened(comm, message):\n"
        "    print('in', flush=True); time.sleep(30)\n"
        "get_ipython().kernel.comm_manager.register_target('slow', opened)"
    )
    begun = time.monotonic()
    comm = connected.send("comm_open", {"comm_id": "c", "target_name": "slow", "data": {}})
    connected.until_said("in")
    time.sleep(0.3)
    connected.ask("interrupt_request", channel="control")
    connected.over(comm)
    assert time.monotonic() - begun < 5
    assert statuses(connected, [connected.execute("1")]) == ["ok"]


# Kernels that leave something out


@pytest.fixture
def curt() -> Iterator[FrontEnd]:
    with front_end("curt", through=True) as opened:
        yield opened


def test_a_cell_without_a_reply_keeps_nobody_waiting(curt: FrontEnd) -> None:
    begun = time.monotonic()
    curt.execute("idle")
    left = curt.execute("/cmd")
    assert statuses(curt, [left]) == ["ok"]
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("said", "status_after"),
    [("reply", "aborted"), ("idle", "aborted"), ("", "aborted"), ("reply idle", "error")],
)
def test_the_answer_to_a_cell_that_the_kernel_died_of_is_completed(
    curt: FrontEnd, said: str, status_after: str
) -> None:
    cells = [curt.execute(code) for code in ("before", f"{said} dies", "after")]
    curt.over(*cells)
    curt.settle()
    check_protocol(curt)
    assert [curt.reply(cell).content["status"] for cell in cells[::2]] == ["ok", status_after]
