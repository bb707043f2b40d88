"""Kernels that live and do not go on: stopped by a signal, or silent."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.languages import Language, each_language
from support.raw import in_thread, live, run_until_busy, wait_until

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import KernelDied, KernelTimeout

SECONDS = 5.0  # for whatever ends a stopped kernel


def freeze(handle: KernelHandle) -> None:
    process = live(handle).process
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    wait_until(lambda: process.is_stopped)


def states(silik: Silik) -> list[str]:
    return [row["state"] for row in silik.command("ps")]


def notes(silik: Silik) -> list[str]:
    """Return what stands under the table."""
    answer = silik.command("ps")
    return str(answer).splitlines()[1 + len(answer) :]


@each_language("python", "bash", "r", "deno")
def test_a_stopped_kernel_is_told_from_a_busy_one(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec, "k1")
    running = run_until_busy(handle, language.sleep)
    assert states(silik) == ["busy"]
    freeze(handle)
    assert states(silik) == ["stopped"]
    hint = f"{handle.path} was stopped by a signal: `signal SIGCONT {handle.path}` lets it go on."
    assert notes(silik) == [hint]
    silik.command(f"signal SIGCONT {handle.path}")
    assert states(silik) == ["busy"]
    assert notes(silik) == []
    handle.kill()
    assert isinstance(running.exception(5), KernelDied)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no processor can be chosen")
def test_what_is_shown_after_a_signal_is_true_on_a_busy_system(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    running = run_until_busy(handle, "while True: pass")
    processor = min(os.sched_getaffinity(0))
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    shown: list[str] = []
    try:
        pid = live(handle).process.pid
        assert pid is not None
        for one in [pid, *(hog.pid for hog in hogs)]:
            os.sched_setaffinity(one, {processor})
        os.setpriority(os.PRIO_PROCESS, pid, 10)
        group = Path(f"/proc/{pid}/autogroup")  # where there is one, only its priority counts
        if group.exists():
            group.write_text("10")
        for _ in range(10):
            silik.command("signal STOP k1.py")
            shown += states(silik)
            silik.command("signal CONT k1.py")
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    handle.kill()
    assert isinstance(running.exception(5), KernelDied)
    assert shown == ["stopped"] * 10


def test_an_idle_kernel_can_be_stopped_and_goes_on(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    silik.command("signal STOP k1.py")
    assert states(silik) == ["stopped"]
    running = in_thread(handle.run, "6 * 7")
    time.sleep(0.2)
    assert not running.done()
    handle.signal("SIGCONT")
    assert running.result(5).text == "42"


@pytest.mark.parametrize("line", ["stop k1", "stop k1 --now", "restart k1", "restart k1 --now"])
@pytest.mark.parametrize("spec", ["python3", "bash", "immortal"])
def test_a_stopped_kernel_is_ended_in_time(silik: Silik, spec: str, line: str) -> None:
    handle = silik.start(spec, "k1")
    process = live(handle).process
    before = process.pid
    freeze(handle)
    started = time.monotonic()
    silik.command(line)
    print("seconds:", time.monotonic() - started)
    assert time.monotonic() - started < SECONDS
    assert process.pid != before or process.has_ended


def test_a_stopped_kernel_is_ended_with_its_host(silik: Silik) -> None:
    handles = [silik.start(spec) for spec in ("python3", "python3", "immortal")]
    for handle in handles:
        freeze(handle)
    processes = [live(handle).process for handle in handles]
    started = time.monotonic()
    silik.command("exit")
    assert time.monotonic() - started < SECONDS
    assert all(process.has_ended for process in processes)


def test_a_stopped_kernel_that_is_ended_politely_does_what_it_does_at_its_exit(
    silik: Silik, tmp_path: Path
) -> None:
    handle = silik.start("python3", "k1")
    path = str(tmp_path / "end")
    handle.run(f"import atexit, pathlib; atexit.register(pathlib.Path({path!r}).touch)")
    freeze(handle)
    handle.stop()
    assert (tmp_path / "end").exists()


def test_a_timeout_of_a_stopped_kernel_says_what_lets_it_go_on(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    freeze(handle)
    started = time.monotonic()
    with pytest.raises(KernelTimeout) as caught:
        handle.run("1", timeout=0.3)
    assert time.monotonic() - started < SECONDS
    assert str(caught.value) == (
        "k1.py did not finish within 0.3 s, and does not react to an interrupt: "
        "a signal has stopped it"
    )
    assert caught.value.hint == "`signal SIGCONT k1.py` lets it go on."


@pytest.mark.parametrize("on_timeout", ["restart", "stop"])
def test_a_timeout_restarts_or_stops_a_stopped_kernel(silik: Silik, on_timeout: str) -> None:
    handle = silik.start("python3", "k1")
    freeze(handle)
    started = time.monotonic()
    with pytest.raises(KernelTimeout, match="did not react to an interrupt and was "):
        handle.run("1", timeout=0.3, on_timeout=on_timeout)
    assert time.monotonic() - started < SECONDS
    assert states(silik) == (["idle"] if on_timeout == "restart" else [])


def test_an_interrupt_of_a_stopped_kernel_does_not_wait_for_it(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    # Any of its threads may take the signal, so one long sleep of the main thread could go on.
    running = run_until_busy(handle, "import time\nwhile True: time.sleep(0.05)")
    freeze(handle)
    started = time.monotonic()
    assert str(silik.command("interrupt k1")) == "Interrupted kernel k1.py"
    assert time.monotonic() - started < 1
    handle.signal("SIGCONT")
    assert running.result(5).error.ename == "KeyboardInterrupt"


def test_a_stopped_kernel_can_be_killed(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    freeze(handle)
    handle.kill()
    assert states(silik) == ["dead"]


def test_a_kernel_that_is_stopped_while_it_starts_is_given_up_in_time(
    silik: Silik, runtime_dir: Path
) -> None:
    before = set(runtime_dir.iterdir())
    starting = in_thread(silik.start, "slow", "k1", timeout=0.5)
    wait_until(lambda: silik.manager._opening)
    (kernel,) = silik.manager._opening
    silik._portal.call(lambda: kernel.signal(signal.SIGSTOP))
    assert isinstance(starting.exception(SECONDS), KernelTimeout)
    assert kernel.process.has_ended
    assert set(runtime_dir.iterdir()) == before


# Heartbeats


def test_a_kernel_whose_heartbeat_is_lost_is_silent(silik: Silik) -> None:
    handle = silik.start("mute", "k1")
    assert states(silik) == ["silent"]
    assert notes(silik) == [
        "k1.bare does not answer its heartbeat: `restart --now k1.bare` heals that."
    ]
    assert handle.run("it still works").text == "it still works"


@each_language("python", "bash", "r", "deno")
def test_kernels_that_do_well_are_not_silent(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec, "k1")
    assert states(silik) == ["idle"]
    running = run_until_busy(handle, language.sleep)
    assert states(silik) == ["busy"]  # R does not answer its heartbeat now
    handle.kill()
    running.exception(5)


def test_a_python_kernel_that_holds_its_lock_is_busy(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    # For hours, in one call; before that, it has time to say that it is busy.
    code = "import re, time; time.sleep(0.5); re.match('(a+)+$', 'a' * 40 + 'b')"
    running = run_until_busy(handle, code)
    time.sleep(0.8)
    assert states(silik) == ["busy"]
    handle.kill()
    running.exception(5)


def test_a_kernel_that_has_no_heartbeat_is_not_silent_and_asked_only_once(silik: Silik) -> None:
    silik.start("bare", "k1")
    assert states(silik) == ["idle"]
    started = time.monotonic()
    assert states(silik) == ["idle"]
    assert time.monotonic() - started < 0.2


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_ps_is_quick_and_leaves_no_socket_open(silik: Silik) -> None:
    silik.command("start python3 -n 8 -l w")
    assert states(silik) == ["idle"] * 8
    files = descriptors()
    seconds = []
    for _ in range(10):
        started = time.monotonic()
        assert states(silik) == ["idle"] * 8
        seconds.append(time.monotonic() - started)
    print("ps of 8 kernels, seconds:", statistics.median(seconds), max(seconds))
    assert statistics.median(seconds) < 0.2
    wait_until(lambda: descriptors() <= files + 4)  # a channel may have been connecting still
