"""What changes while it is shown, in a notebook, in a console and in a batch run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.host import Cell, Host, another_client, host

SLOW = "import time; print('one', flush=True); time.sleep(1.2); print('two'); 6 * 7"


def opened_door(spec: str) -> Iterator[Host]:
    with host(spec) as opened:
        if spec == "python3":
            opened.ok("%load_ext silik_magics")
        opened.ok("%silik start python3 -n 2 -l k")
        yield opened


@pytest.fixture(scope="module")
def magics() -> Iterator[Host]:
    """A Python notebook's kernel with two sub-kernels."""
    yield from opened_door("python3")


@pytest.fixture(scope="module")
def silik_kernel() -> Iterator[Host]:
    """A kernel `silik` with two sub-kernels."""
    yield from opened_door("silik")


@pytest.fixture(params=["magics", "silik_kernel"])
def door(request: pytest.FixtureRequest) -> Host:
    """Both, one after the other."""
    return request.getfixturevalue(request.param)


def updated(cell: Cell) -> list[str]:
    """Return the text of each output when all is over, as a notebook would store it."""
    shown: dict[Any, str] = {}
    for number, message in enumerate(cell.messages):
        content = message["content"]
        key = content.get("transient", {}).get("display_id", number)
        assert message["msg_type"] != "update_display_data" or key in shown
        data = content.get("data", {})
        shown[key] = data.get("text/plain", content.get("text", content.get("evalue")))
    return list(shown.values())


def states(cell: Cell) -> list[str]:
    """Return the state of k1.py in each table that was shown."""
    tables = [text.splitlines() for text in cell.plain]
    rows = [line.split() for table in tables for line in table if line.startswith("k1.py  ")]
    return [row[1].rstrip(":") for row in rows]


def test_a_watch_is_one_display_that_is_updated_every_second(door: Host) -> None:
    cell = door.begin_named("%silik ps --watch 1.2").end()
    assert cell.status == "ok"
    assert cell.types[0] == "display_data"
    assert set(cell.types[1:]) == {"update_display_data"}
    assert len(cell.types) >= 3
    assert 1 <= cell.seconds < 4
    (table,) = updated(cell)
    assert [line.split()[0] for line in table.splitlines()] == ["kernel", "k1.py", "k2.py"]
    assert "●" in cell.messages[-1]["content"]["data"]["text/html"]


def test_the_stop_button_ends_a_watch_and_the_cell_without_an_error(door: Host) -> None:
    request = door.begin_named("%%silik\nset seen yes\nps --watch k1.py\nset seen no\nset")
    request.until_seen("k1.py")
    pressed = time.monotonic()
    door.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < 1
    assert cell.status == "ok"
    assert cell.errors == []
    assert "k2.py" not in updated(cell)[0]
    assert door.ok("%silik set").plain == ["name  value\nseen  yes"]


def test_where_nobody_watches_the_last_state_is_the_answer(door: Host) -> None:
    at_once = door.ok("%silik ps --watch")
    assert at_once.seconds < 3
    later = door.ok("%silik ps --watch 1")
    assert 0.9 <= later.seconds < 4
    for cell in (at_once, later):
        assert len(cell.messages) == 1
        assert states(cell) == ["idle"]


def test_a_watch_sees_what_others_do_with_a_kernel(magics: Host) -> None:
    with another_client(magics, "k1.py") as other:
        request = magics.begin_named("%silik ps --watch")
        request.until_seen("idle")
        other.execute("import time; time.sleep(1.5)")
        request.until_seen("busy")
        magics.interrupt()
        assert states(request.end(timeout=10))[-1] == "busy"
    magics.ok("%%silik k1.py\npass")  # waits until it is idle again


def test_a_front_end_that_replaces_nothing_is_shown_what_is_new(magics: Host) -> None:
    pid = int(magics.ok("%%silik k1.py\nimport os; print(os.getpid())").stream())
    request = magics.begin("%silik ps --watch 2.2", ask=True)
    request.until_seen("idle")
    time.sleep(1.1)  # nothing happens, so nothing is shown
    os.kill(pid, signal.SIGKILL)
    cell = request.end()
    assert cell.status == "ok"
    assert cell.types == ["display_data"] * 2
    assert states(cell) == ["idle", "dead"]
    magics.ok("%silik restart k1.py")


@pytest.mark.parametrize("code", [SLOW, "1 / 0"])
def test_progress_leaves_the_outputs_as_they_are_without_it(magics: Host, code: str) -> None:
    cell = f"%%silik k1.py k2.py\n{code}"
    plain = magics.run(cell)
    live = magics.begin_named(cell).end()
    assert plain.status == live.status
    assert "update_display_data" not in plain.types
    assert updated(live) == updated(plain)


def test_a_long_run_that_says_nothing_is_summed_up_for_who_watched(magics: Host) -> None:
    cell = magics.begin_named("%%silik k1.py k2.py\nimport time; time.sleep(1.2)").end()
    assert updated(cell) == ["2 kernels: 2 ok, 1 s"]


def test_it_is_seen_which_kernels_are_still_running(magics: Host) -> None:
    magics.ok("%%silik k1.py\nseconds = 0")
    magics.ok("%%silik k2.py\nseconds = 1.3")
    request = magics.begin_named("%%silik k*\nprint('in'); import time; time.sleep(seconds)")
    request.until_seen("── k2.py ── 1 of 2 still running: k2.py (1 s)")
    cell = request.end()
    assert updated(cell) == ["── k1.py ──", "in\n", "── k2.py ──", "in\n"]
