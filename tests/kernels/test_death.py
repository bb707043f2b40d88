"""A dead kernel is an error, not a hang: P3."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from support.host import host
from support.languages import Language, each_language
from support.misbehaving import write_wrapped_spec
from support.raw import in_thread, live, run_until_busy, wait_until
from traitlets.config import Config

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import CommandError, KernelDied, KernelTimeout
from silik_magics.kernels import memory

SECONDS = 1.0  # from the death to the error


def _pid(handle: KernelHandle) -> int:
    pid = live(handle).process.pid
    assert pid is not None
    return pid


def _fails(function: Callable[..., object], *args: object, **kwargs: object) -> KernelDied:
    with pytest.raises(KernelDied) as caught:
        function(*args, **kwargs)
    assert caught.value.hint
    return caught.value


def test_a_kernel_that_exits_while_it_runs_is_an_error_not_a_hang(
    silik: Silik, tmp_path: Path
) -> None:
    handle = silik.start("python3", "k1")
    code = (
        "import os, sys, time, pathlib\n"
        "os.write(sys.__stderr__.fileno(), b'last words')\n"
        f"pathlib.Path({str(tmp_path)!r}, 'end').write_text(str(time.time()))\n"
        "os._exit(7)"
    )
    error = _fails(handle.run, code)
    late = time.time() - float((tmp_path / "end").read_text())
    print("seconds from death to error:", late)
    assert late < SECONDS
    assert "k1.py died: exited with code 7 while it was running `import os, sys" in error.message
    assert error.hint == "`restart k1.py` brings it back, empty; `rm k1.py` removes it."
    assert "k1.py ✗ exited with code 7" in silik.tree
    handle.restart()
    assert handle.run("6 * 7").text == "42"
    assert "✗" not in silik.tree


def test_output_from_before_the_death_is_shown(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    shown: list[str] = []
    kernel = live(handle)

    async def no_answer(_: object) -> None:
        return None

    async def run() -> None:
        await kernel.execute(
            "import os\nfor i in range(500): print(i, flush=True)\n"
            "import time; time.sleep(0.3)\nos._exit(1)",
            lambda m: shown.append(m.content.get("text", "")) if m.is_shown else None,
            no_answer,
        )

    _fails(silik._portal.call, run)
    assert "".join(shown) == "".join(f"{i}\n" for i in range(500))


def test_a_kernel_killed_while_it_is_busy_names_the_signal(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    running = run_until_busy(handle, "import time; time.sleep(100)")
    os.kill(_pid(handle), signal.SIGKILL)
    started = time.monotonic()
    error = running.exception(10)
    print("seconds from death to error:", time.monotonic() - started)
    assert time.monotonic() - started < SECONDS
    assert isinstance(error, KernelDied)
    assert "k1.py died: killed by SIGKILL while it was running `import time; time.sleep(100)`" in (
        str(error)
    )


def test_a_kernel_killed_while_it_is_idle_is_seen_at_once_and_refuses_to_run(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    os.kill(_pid(handle), signal.SIGKILL)
    wait_until(lambda: "✗ killed by SIGKILL" in silik.tree, SECONDS)
    assert not handle.is_alive()
    started = time.monotonic()
    error = _fails(handle.run, "1")
    assert time.monotonic() - started < 0.2
    assert error.message.startswith("k1.py died: killed by SIGKILL")
    assert "while" not in error.message
    _fails(handle.interrupt)
    handle.restart()
    assert handle.run("1").text == "1"


def test_a_run_that_begins_in_the_moment_of_the_death_does_not_hang(silik: Silik) -> None:
    handle = silik.start("bare", "k1")
    os.kill(_pid(handle), signal.SIGKILL)
    started = time.monotonic()
    _fails(handle.run, "1")
    assert time.monotonic() - started < SECONDS


def test_a_question_that_waits_ends_with_the_kernel(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    busy = run_until_busy(handle, "import time; time.sleep(100)")
    os.kill(_pid(handle), signal.SIGSTOP)  # jedi would be killed while it writes its cache

    async def complete() -> object:
        return await live(handle).connection.complete("pri", 3)

    asking = in_thread(silik._portal.call, complete)
    time.sleep(0.1)
    os.kill(_pid(handle), signal.SIGKILL)
    assert isinstance(asking.exception(5), KernelDied)
    assert isinstance(busy.exception(5), KernelDied)


# The certificate


HIGH = "[int(x.split()[1]) for x in open('/proc/self/status') if x.startswith('VmHWM')][0]"


@pytest.mark.parametrize("forked", [True, False])
def test_the_peak_of_its_memory_is_exact_and_what_it_lost_is_counted(forked: bool) -> None:
    config = Config({"SilikKernelManager": {"fork_start": forked}})
    with Silik(config) as silik:
        silik.command("start python3 -n 2 -l k")  # two at once are forked at once
        handle = silik["k1.py"]
        handle.run("x = bytearray(600_000_000); del x")
        high = int(handle.run(HIGH).text) * 1024
        running = run_until_busy(handle, "import time; time.sleep(100)")
        time.sleep(0.8)
        os.kill(_pid(handle), signal.SIGKILL)
        error = running.exception(5)
        assert isinstance(error, KernelDied)
        death = handle.death
        assert death is not None
        print("VmHWM and peak:", high, death.peak)
        assert death.peak is not None
        assert abs(death.peak - high) < 2**20
        first, second = error.message.splitlines()
        assert first == (
            "k1.py died: killed by SIGKILL while it was running "
            "`import time; time.sleep(100)` for 1 s"
        )
        assert second == (
            f"Its memory peaked at {death.peak / 1e6:.0f} MB; "
            "what its 2 executions left there is lost."
        )
        answer = silik.command("ps")
        assert answer[0]["death"] == death.row()
        assert answer[0]["end"] == "killed by SIGKILL"
        note = str(answer).splitlines()[-1]
        assert note.startswith("k1.py died while it was running `import time; time.sleep(100)` for")
        assert "`restart k1.py` brings it back" in note
        handle.restart()
        assert handle.death is None
        assert silik.command("ps")[0]["death"] is None


def test_a_kernel_that_the_system_killed_for_lack_of_memory_says_so(
    silik: Silik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tmp_path / "memory.events"
    events.write_text("oom_kill 4\n")
    monkeypatch.setattr(memory, "events_of", lambda _: events)
    monkeypatch.setattr(memory, "KERNEL_LOG", tmp_path / "none")
    silik.command("start python3 -n 3 -l k")
    events.write_text("oom_kill 5\n")  # what the system does; we can not have it do that here
    error = _fails(silik["k1.py"].run, "import os; os.kill(os.getpid(), 9)")
    assert error.message.startswith("k1.py died: killed by SIGKILL (out of memory) while it was")
    assert "k1.py ✗ killed by SIGKILL (out of memory)" in silik.tree
    assert silik.command("ps")[0]["end"] == "killed by SIGKILL (out of memory)"
    # The others were not meant, and who is killed from here is not killed by the system.
    error = _fails(silik["k2.py"].run, "import os; os.kill(os.getpid(), 9)")
    assert "out of memory" not in error.message
    events.write_text("oom_kill 6\n")
    silik["k3.py"].kill()
    assert "k3.py ✗ killed by SIGKILL\n" in silik.tree + "\n"


@each_language("python", "bash", "r", "deno")
def test_every_kernel_leaves_a_certificate(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec, "k1")
    handle.run(language.assign)
    running = run_until_busy(handle, language.sleep)
    os.kill(_pid(handle), signal.SIGKILL)
    assert isinstance(running.exception(5), KernelDied)
    death = handle.death
    assert death is not None
    assert (str(death), death.running, death.lost) == ("killed by SIGKILL", language.sleep, 1)
    assert 0.2 < death.seconds < 5
    assert death.peak is None or death.peak > 10_000_000
    print(language.spec, death.peak)


@each_language("python", "bash", "r", "deno")
def test_a_death_in_any_language_is_seen_and_restart_heals_it(
    language: Language, silik: Silik
) -> None:
    handle = silik.start(language.spec, "k1")
    started = time.monotonic()
    # What R calls quit() only tells the front-end that it may close.
    code = language.die if language.spec != "ir" else "tools::pskill(Sys.getpid(), 9)"
    error = _fails(handle.run, code)
    assert time.monotonic() - started < 2 * SECONDS  # R and bash take their time to end
    expected = {"bash": "killed by SIGKILL", "ir": "killed by SIGKILL"}
    assert expected.get(language.spec, "exited with code 7") in error.message
    handle.restart()
    assert handle.run(language.say).text == "hello"


def test_the_last_lines_of_its_stderr_tell_why(silik: Silik) -> None:
    handle = silik.start("bash", "k1")
    running = run_until_busy(handle, "sleep 100")
    log = live(handle).log
    with log.open("a") as file:
        file.write("".join(f"line {i}\n" for i in range(50)) + "terminate called: bad_alloc\n")
    os.kill(_pid(handle), signal.SIGABRT)
    error = running.exception(5)
    assert isinstance(error, KernelDied)
    assert error.message.endswith("terminate called: bad_alloc")
    assert "killed by SIGABRT" in error.message
    assert "line 49" in error.message
    assert "line 20" not in error.message  # the last lines, not all


def test_a_program_that_does_not_exist_is_named(
    silik: Silik, runtime_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(runtime_dir.iterdir())
    started = time.monotonic()
    error = _fails(silik.start, "absent")
    assert time.monotonic() - started < SECONDS
    assert "could not be started: silik-test-no-such-program: No such file" in error.message
    assert "kernel.json" in error.hint
    assert "silik-test-no-such-program" in error.hint
    assert silik.tree == ""
    assert set(runtime_dir.iterdir()) == before
    assert capfd.readouterr() == ("", "")  # no traceback of jupyter_client


def test_a_notebook_shows_one_error_for_a_program_that_does_not_exist(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with host() as notebook:
        notebook.run("%load_ext silik_magics")
        capfd.readouterr()
        cell = notebook.run("%silik start absent")
        assert cell.types == ["error"]
        assert cell.errors[0]["ename"] == "KernelDied"
        assert "Failed to run command" not in "".join(capfd.readouterr())


def test_a_kernel_that_dies_at_once_is_told_with_its_last_words(
    silik: Silik, runtime_dir: Path
) -> None:
    before = set(runtime_dir.iterdir())
    started = time.monotonic()
    error = _fails(silik.start, "crashing", "k1")
    assert time.monotonic() - started < SECONDS
    assert "k1 died: exited with code 3 while it was starting" in error.message
    assert "crashing: no libfoo.so.3 on this machine" in error.message
    assert silik.tree == ""
    assert set(runtime_dir.iterdir()) == before


def test_a_deaf_kernel_is_a_timeout_and_leaves_nothing_behind(
    silik: Silik, runtime_dir: Path
) -> None:
    before = set(runtime_dir.iterdir())
    started = time.monotonic()
    with pytest.raises(KernelTimeout) as caught:
        silik.start("deaf", timeout=1)
    assert 0.9 < time.monotonic() - started < 2
    assert "did not become ready within 1 s" in str(caught.value)
    assert "I am here, but I do not listen" in str(caught.value)
    assert "--timeout" in caught.value.hint
    assert silik.tree == ""
    assert set(runtime_dir.iterdir()) == before


def test_a_kernel_that_is_killed_while_it_starts_says_so(silik: Silik, runtime_dir: Path) -> None:
    before = set(runtime_dir.iterdir())
    starting = in_thread(silik.start, "slow", "k1")
    wait_until(lambda: silik.manager._opening)
    (kernel,) = silik.manager._opening
    assert kernel.process.pid is not None
    started = time.monotonic()
    os.kill(kernel.process.pid, signal.SIGKILL)
    error = starting.exception(5)
    assert time.monotonic() - started < SECONDS
    assert isinstance(error, KernelDied)
    assert error.message.startswith("k1 died: killed by SIGKILL while it was starting")
    assert silik.tree == ""
    assert set(runtime_dir.iterdir()) == before


def test_a_slow_kernel_is_waited_for(silik: Silik) -> None:
    started = time.monotonic()
    assert silik.start("slow", timeout=30).run("ready").text == "ready"
    assert time.monotonic() - started < 4


def test_a_kernel_that_can_not_come_back_says_so_and_stays_dead(
    silik: Silik, kernels_dir: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    write_wrapped_spec(kernels_dir, "once", tmp_path / "program", f'test -e "{flag}" && exec "$@"')
    handle = silik.start("once", "k1")
    assert handle.run("1").text == "1"
    flag.unlink()
    started = time.monotonic()
    error = _fails(handle.restart)
    assert "k1.bare died: exited with code 1" in error.message
    assert time.monotonic() - started < 3
    assert not handle.is_alive()
    flag.touch()
    handle.restart()
    assert handle.run("1").text == "1"


def test_other_kernels_go_on_when_one_dies(silik: Silik) -> None:
    dying, living = silik.start("python3", "k1"), silik.start("python3", "k2")
    running = run_until_busy(living, "import time; time.sleep(1); print('done')")
    _fails(dying.run, "import os; os._exit(7)")
    assert running.result(10).text == "done"
    assert living.run("1").text == "1"


def test_the_death_of_one_of_several_is_told_when_the_others_are_done(silik: Silik) -> None:
    silik.command("start bare -n 2 -l w")
    victim = silik.start("python3", "w3")
    code = "import os; os._exit(7)"  # the bare ones only echo it
    error = _fails(silik.run, code, "w*")
    assert "w3.py died: exited with code 7" in error.message
    victim.restart()
    error = _fails(silik.command, f"run '{code}' w*")
    assert "w3.py died: exited with code 7" in error.message
    assert "1 of 3 kernels failed: w3.py" in error.message
    assert silik["w1.bare"].run("still here").text == "still here"
    assert not victim.is_alive()
    # The next run says which of them is dead, at once.
    error = _fails(silik.run, "1", "w*")
    assert "w3.py died" in error.message


def test_kill_leaves_it_dead_in_the_tree_until_it_is_restarted(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    handle.kill()
    assert silik.tree.endswith("k1.py ✗ killed by SIGKILL")
    handle.kill()  # a second time is no error
    silik.command("restart k1.py")
    assert handle.run("1").text == "1"


@pytest.mark.parametrize(
    ("way", "message"),
    [("restart", "k1.bare is being restarted"), ("stop", "k1.bare was stopped")],
)
def test_a_kernel_without_a_process_can_not_be_signalled(
    silik: Silik, way: str, message: str
) -> None:
    errors = []
    handle = silik.start("bare", "k1")
    kernel = live(handle)
    ways = {"restart": kernel.restart, "stop": partial(silik.manager.stop, kernel)}

    async def signal_all_along() -> None:
        done = asyncio.ensure_future(ways[way]())
        while not done.done():
            try:
                await kernel.signal(signal.SIGWINCH)  # which nobody minds
            except KernelDied as error:
                errors.append(error)
            await asyncio.sleep(0)
        await done

    silik._portal.call(signal_all_along)
    assert {error.message for error in errors} == {message}


def test_stopping_a_kernel_ends_the_run_that_waits_for_it(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    running = run_until_busy(handle, "import time; time.sleep(100)")
    started = time.monotonic()
    handle.stop(now=True)
    error = running.exception(5)
    assert isinstance(error, KernelDied)
    assert "k1.py was stopped while it was running" in error.message
    assert time.monotonic() - started < SECONDS
    with pytest.raises(CommandError):
        silik["k1.py"]


def test_restarting_a_busy_kernel_ends_the_run_that_waits_for_it(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    running = run_until_busy(handle, "import time; time.sleep(100)")
    handle.restart(now=True)
    error = running.exception(5)
    assert isinstance(error, KernelDied)
    assert "k1.py was restarted while it was running" in error.message
    assert handle.run("1").text == "1"


def test_the_children_of_a_dead_kernel_do_not_keep_us_waiting(silik: Silik) -> None:
    # Its stdout is inherited by a child that lives on.
    handle = silik.start("python3", "k1")
    child = handle.run("import subprocess; print(subprocess.Popen(['sleep', '20']).pid)").text
    started = time.monotonic()
    _fails(handle.run, "import os; os._exit(7)")
    assert time.monotonic() - started < SECONDS
    subprocess.run(["kill", child], check=True)


def test_closing_just_after_a_death_does_not_hang() -> None:
    for _ in range(3):
        with Silik() as silik:
            handle = silik.start("bare")
            pid = _pid(handle)
            closing = in_thread(silik.close)
            with suppress(ProcessLookupError):  # the closing may be faster
                os.kill(pid, signal.SIGKILL)
            closing.result(5)
        with Silik() as silik:
            handle = silik.start("bare")
            os.kill(_pid(handle), signal.SIGKILL)
            in_thread(silik.close).result(5)
        with Silik() as silik:
            handle = silik.start("bare")
            os.kill(_pid(handle), signal.SIGKILL)
            wait_until(lambda: not handle.is_alive())  # noqa: B023 - called here
            in_thread(silik.close).result(5)


def test_what_is_asked_of_a_busy_kernel_that_dies_is_an_error_not_a_cancellation(
    silik: Silik,
) -> None:
    handle = silik.start("python3", "k1")
    running = run_until_busy(handle, "print('in', flush=True)\nwhile True: pass")
    kernel = live(handle)

    async def ask_and_kill() -> list[object]:
        os.kill(_pid(handle), signal.SIGSTOP)  # so that it makes no subshell
        connection = kernel.connection
        questions = [asyncio.ensure_future(connection.complete("pri", 3)) for _ in range(2)]
        await asyncio.sleep(0.1)
        os.kill(_pid(handle), signal.SIGKILL)
        return await asyncio.gather(*questions, return_exceptions=True)

    assert [type(error) for error in silik._portal.call(ask_and_kill)] == [KernelDied] * 2
    assert isinstance(running.exception(5), KernelDied)
