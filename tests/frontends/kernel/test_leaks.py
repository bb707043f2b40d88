"""What the kernel holds stays the same, and its files are for the user alone."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from support.host import Host, host
from support.kernel import pid_of, words_of


class Held(NamedTuple):
    """What the process of the kernel holds."""

    threads: int
    descriptors: int
    processes: int
    files: frozenset[Path]


def held(kernel: Host, directory: Path) -> Held:
    process = psutil.Process(pid_of(kernel))
    return Held(
        process.num_threads(),
        process.num_fds(),
        len(kernel.pids()),
        frozenset(directory.iterdir()),
    )


def settled(kernel: Host, directory: Path, wanted: Held | None = None) -> Held:
    """Return what it holds, when that is what is wanted or a while has gone by."""
    deadline = time.monotonic() + (0.3 if wanted is None else 3)
    while (found := held(kernel, directory)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def has_fork(kernel: Host) -> bool:
    """Return whether one of its kernels was forked, which begins when the template is ready."""
    templates = [pid for pid in kernel.pids() if "template.py" in " ".join(words_of(pid))]
    return any(psutil.Process(pid).children() for pid in templates)


def memory(kernel: Host) -> float:
    """Return the MB that only the kernel's process uses."""
    return psutil.Process(pid_of(kernel)).memory_full_info().uss / 1e6


def test_twenty_rounds_of_connecting_leak_nothing(fresh: Host, runtime_dir: Path) -> None:
    def one_round() -> None:
        fresh.ok("> k1.py")
        assert fresh.ok("print('out'); 6 * 7").plain == ["42"]
        assert fresh.complete("impo")["matches"]
        assert fresh.run("input('name? ')", answers=["Ada"]).plain == ["'Ada'"]
        assert fresh.run("1 / 0").status == "error"
        fresh.ok("/cmd")
        assert fresh.run("%%silik k1.py\ninput('name? ')", answers=["Ada"]).plain == ["'Ada'"]
        fresh.run("strat")

    fresh.ok("start python3 -l k1")
    for _ in range(3):
        one_round()
    before = settled(fresh, runtime_dir)
    for _ in range(20):
        one_round()
    assert settled(fresh, runtime_dir, before) == before


def test_twenty_rounds_of_starting_and_connecting_leak_nothing(
    fresh: Host, runtime_dir: Path
) -> None:
    def one_round(end: str) -> None:
        fresh.ok("start bare -l b")
        fresh.ok("> b")
        assert fresh.ok("said").stream() == "said"
        fresh.ok(f"%%silik\n{end}")
        fresh.run("/cmd")
        fresh.ok("rm b" if end == "kill b" else "")

    ends = ["stop b", "rm b", "kill b", "stop --now b"]
    for end in ends:
        one_round(end)
    before = settled(fresh, runtime_dir)
    for end in ends * 5:
        one_round(end)
    assert settled(fresh, runtime_dir, before) == before


def test_interrupts_and_deaths_leak_nothing(fresh: Host, runtime_dir: Path) -> None:
    def one_round() -> None:
        fresh.ok("> k1.py")
        for code in ("while True: print('x' * 50)", "input('name? ')"):
            request = fresh.begin(code, ask=True)
            if "input" in code:
                request.until_asked()
            else:
                request.until_seen("x" * 50)
            fresh.interrupt()
            assert request.end().status == "error"
        assert fresh.run("import os; os._exit(7)").errors[0]["ename"] == "KernelDied"
        fresh.ok("restart k1.py")

    fresh.ok("start python3 -l k1")
    one_round()
    while not has_fork(fresh):  # it costs a socket more than a kernel that was spawned
        fresh.ok("restart k1.py")
    before = settled(fresh, runtime_dir)
    for _ in range(3):
        one_round()
    assert settled(fresh, runtime_dir, before) == before


def test_large_outputs_do_not_stay_in_memory(fresh: Host) -> None:
    fresh.ok("start python3 -l k1\n> k1.py")
    fresh.ok("print('x' * 10_000_000)")
    before = memory(fresh)
    for _ in range(20):
        fresh.ok("print('x' * 10_000_000)")
    grown = memory(fresh) - before
    print("MB more after 200 MB of outputs:", grown)
    assert grown < 60


def test_an_idle_kernel_costs_nothing(fresh: Host) -> None:
    fresh.ok("start python3 -n 2 -l k\n> k1.py")
    time.sleep(0.5)
    process = psutil.Process(pid_of(fresh))
    begun, used = time.monotonic(), sum(process.cpu_times()[:2])
    time.sleep(1.5)
    share = (sum(process.cpu_times()[:2]) - used) / (time.monotonic() - begun)
    print("share of a core:", share)
    assert share < 0.015  # the system counts in steps of 10 ms


def test_connection_files_and_logs_are_for_the_user_alone_and_nowhere_else(
    fresh: Host, before: set[Path], runtime_dir: Path, tmp_path: Path
) -> None:
    before |= {Path(fresh.manager.connection_file)}
    fresh.ok(f"start python3 -l k1 --cwd {tmp_path}\nstart silik -l inner\nstart bare -l b")
    fresh.ok("run 'start python3 -l deep' inner.silik")
    fresh.ok("restart k1.py")
    new = set(runtime_dir.iterdir()) - before
    assert sorted(file.suffix for file in new) == [".json"] * 4 + [".log"] * 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in new} == {0o600}
    assert list(tmp_path.iterdir()) == []
    files = [Path(fresh.ok(f"info {name}").plain[0]) for name in ("k1.py", "inner.silik", "b")]
    assert set(files) < new


def test_keys_are_in_no_log_and_no_output(fresh: Host, runtime_dir: Path) -> None:
    fresh.ok("start python3 -l k1\nstart silik -l inner")
    keys = [
        json.loads(Path(fresh.ok(f"info {name}").plain[0]).read_text())["key"]
        for name in ("k1.py", "inner.silik")
    ]
    cell = fresh.run(
        "%%silik k1.py\nimport getpass; key = getpass.getpass('key? ')", answers=["s3cret-answer"]
    )
    assert cell.status == "ok"
    fresh.run("history -o k1.py\ninfo --json k1.py\nps")
    fresh.run("%%silik k1.py\nimport os; os._exit(7)")
    written = "".join(file.read_text() for file in runtime_dir.glob("*.log"))
    for secret in (*keys, "s3cret-answer"):
        assert secret not in written
        assert secret not in str(cell.messages)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_files_are_private_whatever_the_umask(umask: int, runtime_dir: Path) -> None:
    old = os.umask(umask)
    try:
        known = set(runtime_dir.iterdir())
        with host("silik") as opened:
            opened.ok("start bare -l b")
            new = set(runtime_dir.iterdir()) - known
            assert {stat.S_IMODE(file.stat().st_mode) for file in new} == {0o600}
    finally:
        os.umask(old)
