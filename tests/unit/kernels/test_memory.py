from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from silik_magics.kernels import memory
from silik_magics.kernels.memory import Memory, events_of, killed_for_memory, kills

MB = 2**20
EVENTS = "low 0\nhigh 0\nmax 9\noom 1\noom_kill {}\noom_group_kill 1\n"
OOM_CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for /sys/fs/cgroup and, in `proc`, for /proc; nothing is in it."""
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "KERNEL_LOG", tmp_path / "kmsg")
    monkeypatch.setattr(memory, "_explained", type(memory._explained)())
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def in_cgroup(system: Path, pid: int, text: str) -> Path | None:
    write(system / "proc" / str(pid) / "cgroup", text)
    return events_of(pid, system / "proc")


# Cgroups


def test_the_file_of_events_is_that_of_the_processs_own_cgroup(system: Path) -> None:
    events = write(system / "user.slice" / "job" / "memory.events", EVENTS.format(3))
    assert in_cgroup(system, 7, "0::/user.slice/job\n") == events
    assert kills(events) == 3


def test_cgroups_of_the_first_version_have_a_file_of_another_name(system: Path) -> None:
    events = write(system / "memory" / "job" / "memory.oom_control", OOM_CONTROL.format(2))
    listed = "9:name=systemd:/\n5:cpu,memory:/job\n0::/\n"
    assert in_cgroup(system, 7, listed) == events
    assert kills(events) == 2


def test_in_a_container_the_mount_begins_where_the_path_ends(system: Path) -> None:
    events = write(system / "memory.events", EVENTS.format(1))
    assert in_cgroup(system, 7, "0::/docker/0123abcd\n") == events


@pytest.mark.parametrize("listed", ["", "0::/job\n", "not a cgroup\n", "5:cpu:/job\n"])
def test_where_nothing_counts_kills_nothing_is_known(system: Path, listed: str) -> None:
    assert in_cgroup(system, 7, listed) is None
    assert events_of(8, system / "proc") is None
    assert kills(system / "none") == 0


@pytest.fixture
def events(system: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of events of every process's cgroup, with two kills from before."""
    path = write(system / "memory.events", EVENTS.format(2))
    monkeypatch.setattr(memory, "events_of", lambda _: path)
    return path


def test_a_kill_since_the_start_means_that_memory_was_exhausted(events: Path) -> None:
    one = Memory(os.getpid())
    assert not one.was_exhausted()
    write(events, EVENTS.format(3))
    assert one.was_exhausted()


def test_a_kill_explains_one_death_only(events: Path) -> None:
    first, second = Memory(os.getpid()), Memory(os.getpid())
    write(events, EVENTS.format(3))
    assert first.was_exhausted()
    assert not second.was_exhausted()  # somebody else has killed it
    write(events, EVENTS.format(4))
    assert second.was_exhausted()
    assert not Memory(os.getpid()).was_exhausted()


def test_a_kill_from_before_it_was_ready_counts_no_more_when_that_is_noted(events: Path) -> None:
    one = Memory(os.getpid())
    write(events, EVENTS.format(3))
    one.note()
    assert not one.was_exhausted()


def test_of_a_process_that_is_not_known_nothing_is_known(events: Path) -> None:
    one = Memory(None)
    write(events, EVENTS.format(3))
    assert not one.was_exhausted()
    assert one.peak is None


# The log of the system

KILLED = "4,1201,{time},-;Memory cgroup out of memory: Killed process {pid} (python) total-vm:9kB"


@pytest.mark.parametrize(
    ("record", "killed"),
    [
        (KILLED.format(time=5_000_000, pid=7), True),
        (KILLED.format(time=5_000_000, pid=7).replace("Memory cgroup out", "Out"), True),
        (KILLED.format(time=5_000_000, pid=77), False),
        (KILLED.format(time=3_000_000, pid=7), False),  # before it began: another of this number
        ("6,1,5000000,-;eth0: link is up", False),
        ("Out of memory: Killed process 7 (python)", False),
        ("", False),
    ],
)
def test_the_log_names_who_was_killed_and_when(record: str, killed: bool) -> None:
    assert killed_for_memory(["6,1,0,-;Linux", record], 7, since=4.0) is killed


def test_a_log_that_may_not_be_read_tells_nothing(system: Path) -> None:
    assert memory.kernel_log() == []
    assert system.is_dir()


def test_what_the_log_tells_is_enough(system: Path) -> None:
    one = Memory(os.getpid())
    now = int(time.monotonic() * 1e6)
    write(system / "kmsg", KILLED.format(time=now, pid=os.getpid()))
    assert one.was_exhausted()


# Peaks


def ended(code: str, process: subprocess.Popen[bytes] | None = None) -> Memory:
    process = process or subprocess.Popen([sys.executable, "-c", code])
    one = Memory(process.pid)
    deadline = time.monotonic() + 10
    while process.returncode is None and time.monotonic() < deadline:
        one.reap(process)
        time.sleep(0.01)
    return one


def test_the_peak_is_what_was_used_at_once_not_what_was_used_last() -> None:
    one = ended("x = bytearray(700 * 2**20); del x")
    assert one.peak is not None
    assert 700 * MB < one.peak < 740 * MB


def test_the_exit_code_is_the_processs_own() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import os; os._exit(7)"])
    ended("", process)
    assert process.returncode == 7
    process = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    ended("", process)
    assert (process.returncode, process.wait()) == (-9, -9)


def test_a_peak_that_may_be_our_own_is_not_told() -> None:
    """Until it executes its program, a child is a copy of this process."""
    ballast = bytearray(256 * MB)
    del ballast
    assert ended("pass").peak is None


def test_who_is_too_late_does_not_know_the_peak() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    one = Memory(process.pid)
    process.wait()
    one.reap(process)
    assert (one.peak, process.returncode) == (None, 0)


def test_a_process_that_was_waited_for_behind_subprocesss_back_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    one = Memory(process.pid)
    os.waitpid(process.pid, 0)
    one.reap(process)
    assert one.peak is None
    assert process.wait() == 0
