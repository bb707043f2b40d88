"""A kernel comes back under its name, and whoever wants something meanwhile waits for it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support.languages import Language, each_language
from support.misbehaving import write_wrapped_spec
from support.raw import in_thread, live, wait_until

from silik_magics import Silik
from silik_magics.api import KernelHandle, RunResult
from silik_magics.errors import CommandError, KernelDied, KernelTimeout
from silik_magics.kernels.kernel import Kernel

SLOW_SECONDS = 1.0  # a kernel's restart, where it is to be slow
AT_ONCE_SECONDS = 0.7


async def _begin_to_restart(kernel: Kernel) -> asyncio.Task[None]:
    """Have a kernel restarted, until its next process is there and must become ready."""
    restarting = asyncio.ensure_future(kernel.restart(now=True))
    while kernel._opening is None:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.001)
    return restarting


@pytest.fixture
def slow(silik: Silik, kernels_dir: Path, tmp_path: Path) -> Iterator[KernelHandle]:
    """A kernel that is being restarted, and takes its time."""
    flag = tmp_path / "flag"
    lines = f'test -e "{flag}" && sleep {SLOW_SECONDS}; exec "$@"'
    write_wrapped_spec(kernels_dir, "lazy", tmp_path / "program", lines)
    handle = silik.start("lazy", "k1")
    flag.touch()
    restarting = in_thread(handle.restart, now=True)
    wait_until(lambda: live(handle).state == "starting")
    yield handle
    flag.unlink()
    restarting.exception(5)


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("dead", [False, True])
def test_restart_brings_an_empty_kernel_with_the_same_name(
    silik: Silik, now: bool, dead: bool
) -> None:
    handle = silik.start("python3", "k1")
    pid = handle.run("import os; x = 1; print(os.getpid())").text
    file = handle.connection_file
    if dead:
        handle.kill()
    handle.restart(now=now)
    result = handle.run("import os; print(os.getpid(), 'x' in globals())")
    new_pid, has_x = result.text.split()
    assert (new_pid != pid, has_x) == (True, "False")
    assert result.execution_count == 1
    assert handle.connection_file == file
    assert not psutil.pid_exists(int(pid))
    assert silik.tree == "╰─ k1.py"


def test_restarts_of_one_kernel_at_the_same_time_follow_each_other(silik: Silik) -> None:
    handle = silik.start("bare", "k1")
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(handle.restart) for _ in range(3)]:
            done.result(20)
    assert handle.run("here").text == "here"


def test_a_kernel_can_be_restarted_and_stopped_after_its_program_is_gone(
    silik: Silik, kernels_dir: Path, runtime_dir: Path, tmp_path: Path
) -> None:
    before = set(runtime_dir.iterdir())
    program, away = tmp_path / "program", tmp_path / "away"
    write_wrapped_spec(kernels_dir, "vanishing", program, 'exec "$@"')
    handle = silik.start("vanishing", "k1")
    assert handle.run("here").text == "here"
    program.rename(away)
    with pytest.raises(KernelDied, match=r"k1.bare could not be started: .*program: No such file"):
        handle.restart()
    with pytest.raises(KernelDied):
        handle.run("here")
    away.rename(program)
    handle.restart()
    assert handle.run("here").text == "here"
    program.unlink()
    with pytest.raises(KernelDied):
        handle.restart()
    handle.stop()
    assert set(runtime_dir.iterdir()) == before


@each_language("python", "bash", "r", "deno")
def test_a_kernel_whose_port_somebody_has_by_now_gets_others(
    language: Language, silik: Silik
) -> None:
    handle = silik.start(language.spec, "k1")
    file = Path(handle.connection_file)
    info = json.loads(file.read_text())
    handle.kill()
    with socket.create_server((info["ip"], info["iopub_port"])):
        handle.restart()
        assert handle.run(language.say).text == "hello"
        assert Path(handle.connection_file) == file
        assert json.loads(file.read_text())["iopub_port"] != info["iopub_port"]
        client = handle.client()
        client.start_channels()
        client.wait_for_ready(timeout=20)
        client.stop_channels()
        handle.restart()
        assert handle.run(language.say).text == "hello"


# Meanwhile


def test_code_waits_for_a_kernel_that_is_being_restarted(slow: KernelHandle) -> None:
    runs = [in_thread(slow.run, text) for text in ("one", "two", "three")]
    assert [run.result(5).text for run in runs] == ["one", "two", "three"]


@pytest.mark.parametrize("spec", ["python3", "bare"])
def test_no_output_of_what_is_run_during_a_restart_is_lost(silik: Silik, spec: str) -> None:
    # The kernel could execute it before its outputs were connected.
    handle = silik.start(spec)
    kernel = live(handle)
    code, said = {"python3": ("for i in range(3): print(i)", "0\n1\n2"), "bare": ("x", "x")}[spec]

    async def restart_and_run() -> RunResult:
        kernel._opening = None
        await _begin_to_restart(kernel)
        return await silik._twin[handle.path].run(code)

    for _ in range(10):
        assert silik._portal.call(restart_and_run).text == said


def test_stop_ends_the_wait_for_a_kernel_that_is_being_restarted(slow: KernelHandle) -> None:
    running = in_thread(slow.run, "one")
    time.sleep(0.1)
    begun = time.monotonic()
    slow.interrupt()
    error = running.exception(5)
    assert isinstance(error, KernelDied)
    assert error.message == "k1.bare is being restarted"
    assert "the code was not run" in error.hint
    assert time.monotonic() - begun < AT_ONCE_SECONDS
    assert slow.run("two").text == "two"  # and nothing of the first


def test_the_time_for_a_run_counts_from_when_it_is_asked_for(slow: KernelHandle) -> None:
    with pytest.raises(KernelTimeout, match=r"k1.bare did not finish within 0.2 s"):
        slow.run("one", timeout=0.2)
    assert slow.run("two", timeout=5).text == "two"


def test_questions_do_not_wait_for_a_kernel_that_is_being_restarted(
    silik: Silik, slow: KernelHandle
) -> None:
    begun = time.monotonic()
    silik._portal.call(silik._twin.shell.complete, "%%silik k1.bare\nx", 17)
    for command in ("ps", "tree", "history k1.bare", "info k1.bare"):
        silik.command(command)
    with pytest.raises(KernelDied, match=r"k1.bare is being restarted"):
        live(slow).connection  # noqa: B018 - raises
    assert time.monotonic() - begun < AT_ONCE_SECONDS


def test_a_restart_that_nobody_waits_for_any_more_goes_on(silik: Silik) -> None:
    handle = silik.start("bare", "k1")

    restarting = silik._portal.call(_begin_to_restart, live(handle))
    silik._portal.loop.call_soon_threadsafe(restarting.cancel)
    wait_until(restarting.cancelled)
    assert handle.run("here").text == "here"


@pytest.mark.parametrize(("way", "waits"), [("stop", True), ("stop", False), ("restart", False)])
def test_a_kernel_that_does_not_come_back_can_be_ended_at_once(
    silik: Silik, kernels_dir: Path, tmp_path: Path, runtime_dir: Path, way: str, waits: bool
) -> None:
    before = set(runtime_dir.iterdir())
    flag = tmp_path / "flag"
    write_wrapped_spec(
        kernels_dir, "never", tmp_path / "program", f'test -e "{flag}" && sleep 100; exec "$@"'
    )
    handle = silik.start("never", "k1")
    kernel = live(handle)
    flag.touch()
    restarting = silik._portal.call(_begin_to_restart, kernel)
    if not waits:
        silik._portal.loop.call_soon_threadsafe(restarting.cancel)
    running = in_thread(handle.run, "one")
    time.sleep(0.1)
    flag.unlink()
    begun = time.monotonic()
    getattr(handle, way)(now=True)
    if way == "stop":
        assert isinstance(running.exception(5), (KernelDied, CommandError))
        assert set(runtime_dir.iterdir()) == before
    else:
        assert running.result(5).text == "one"
        assert handle.run("two").text == "two"
    assert time.monotonic() - begun < 3
    wait_until(restarting.done)
    assert restarting.cancelled() if not waits else isinstance(restarting.exception(), KernelDied)
