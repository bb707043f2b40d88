"""What was typed in command mode is remembered, for this user alone."""

from __future__ import annotations

import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.host import Host, host


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing was ever typed before the test."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def asked(kernel: Host, access: str, **content: Any) -> list[list[Any]]:
    content = {"raw": True, "output": False, "hist_access_type": access, **content}
    reply = kernel.reply(kernel.client.history(**content))
    assert reply["status"] == "ok"
    return reply["history"]


def inputs(kernel: Host, n: int = 100) -> list[str]:
    return [text for _, _, text in asked(kernel, "tail", n=n)]


def until_written(data_dir: Path, text: str) -> None:
    """Wait until an input is in the file, for which nobody asked the kernel."""
    deadline = time.monotonic() + 20
    found: list[tuple[str]] = []
    while (text,) not in found:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
        with closing(sqlite3.connect(data_dir / "silik" / "history.sqlite")) as file:
            found = file.execute("SELECT source_raw FROM history").fetchall()


def test_what_was_typed_is_remembered_in_order(fresh: Host) -> None:
    for code in ("pwd", "mkdir a\ncd a", "strat", "cd ~"):
        fresh.run(code)
    assert inputs(fresh) == ["pwd", "mkdir a\ncd a", "strat", "cd ~"]
    assert inputs(fresh, 2) == ["strat", "cd ~"]


def test_history_is_searched_and_cut_into_ranges(fresh: Host) -> None:
    for code in ("mkdir one", "pwd", "mkdir two", "pwd"):
        fresh.ok(code)
    found = asked(fresh, "search", pattern="mkdir*", n=10)
    assert [text for _, _, text in found] == ["mkdir one", "mkdir two"]
    assert [text for _, _, text in asked(fresh, "search", pattern="pwd", unique=True)] == ["pwd"]
    assert [text for *_, text in asked(fresh, "range", session=0, start=2, stop=4)] == [
        "pwd",
        "mkdir two",
    ]
    assert [text for *_, text in asked(fresh, "range", session=0)] == [
        "mkdir one",
        "pwd",
        "mkdir two",
        "pwd",
    ]
    assert asked(fresh, "range", session=0, start=1, stop=2, output=True) == [
        [0, 1, ["mkdir one", None]]
    ]
    assert asked(fresh, "unheard of") == []


def test_what_is_not_to_be_stored_is_not(fresh: Host) -> None:
    fresh.ok("pwd")
    fresh.ok("tree", store_history=False)
    fresh.ok("ls", silent=True)
    fresh.ok("  \n")
    assert inputs(fresh) == ["pwd"]


def test_what_is_code_for_the_connected_kernel_is_in_its_own_history(fresh: Host) -> None:
    fresh.ok("start python3 -l k1\n> k1.py")
    fresh.ok("x = 1")
    assert [text for *_, text in asked(fresh, "tail", n=10)] == ["x = 1"]
    fresh.ok("/cmd")
    assert inputs(fresh) == ["start python3 -l k1\n> k1.py", "/cmd"]


def test_history_survives_a_restart_of_the_kernel(fresh: Host) -> None:
    fresh.ok("mkdir before")
    fresh.manager.restart_kernel()
    fresh.client.wait_for_ready(timeout=30)
    fresh.ok("mkdir after")
    assert inputs(fresh) == ["mkdir before", "mkdir after"]


def test_history_survives_a_crash_and_a_new_front_end(data_dir: Path) -> None:
    with host("silik") as opened:
        opened.ok("mkdir before")
        until_written(data_dir, "mkdir before")
        opened.manager.shutdown_kernel(now=True)
    with host("silik") as opened:
        assert inputs(opened)[0] == "mkdir before"


def test_two_kernels_write_one_history(fresh: Host) -> None:
    with host("silik") as other:
        fresh.ok("mkdir one")
        other.ok("mkdir two")
        assert inputs(other) == ["mkdir two"] or inputs(other) == ["mkdir one", "mkdir two"]
    with host("silik") as later:
        assert sorted(inputs(later)) == ["mkdir one", "mkdir two"]


def test_the_history_file_is_for_the_user_alone(fresh: Host, data_dir: Path) -> None:
    fresh.ok("pwd")
    fresh.manager.shutdown_kernel()
    (found,) = (data_dir / "silik").iterdir()
    assert found.name == "history.sqlite"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700


def test_a_damaged_history_is_put_aside(data_dir: Path) -> None:
    (data_dir / "silik").mkdir(parents=True)
    (data_dir / "silik" / "history.sqlite").write_bytes(b"this is no database\n" * 1000)
    with host("silik") as opened:
        assert opened.ok("pwd").plain == ["~/"]
        opened.ok("tree")
        assert inputs(opened)[-1] == "tree"
    with host("silik") as opened:
        assert inputs(opened)[-1] == "tree"
    modes = {stat.S_IMODE(file.stat().st_mode) for file in data_dir.glob("silik/history.sqlite")}
    assert modes == {0o600}


def test_where_no_history_can_be_kept_it_lasts_as_long_as_the_kernel(data_dir: Path) -> None:
    data_dir.write_text("a file, where the directory should be")
    with host("silik") as opened:
        assert opened.ok("pwd").plain == ["~/"]
        assert inputs(opened) == ["pwd"]
