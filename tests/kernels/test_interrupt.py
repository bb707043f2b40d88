"""Stop means stop: P4."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from support.languages import Language, each_language
from support.misbehaving import write_wrapped_spec
from support.raw import live, run_until_busy

from silik_magics import Silik
from silik_magics.errors import KernelTimeout


def plain(traceback: list[str]) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))


@each_language("python", "bash", "r")
def test_an_interrupt_ends_the_run_and_the_next_one_works(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec)
    running = run_until_busy(handle, language.sleep)
    started = time.monotonic()
    handle.interrupt()
    result = running.result(5)
    assert time.monotonic() - started < 2
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"  # bash and R only say that they stopped
    assert handle.run(language.say).text == "hello"


def test_an_interrupted_python_cell_ends_with_its_own_traceback(silik: Silik) -> None:
    handle = silik.start("python3")
    running = run_until_busy(handle, "import time\ntime.sleep(100)")
    handle.interrupt()
    result = running.result(5)
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"
    assert "time.sleep(100)" in plain(result.error.traceback)
    assert result.outputs[-1]["ename"] == "KeyboardInterrupt"


def test_a_kernel_that_wants_a_message_is_interrupted_by_a_message(silik: Silik) -> None:
    handle = silik.start("messaged")
    running = run_until_busy(handle, "100")
    started = time.monotonic()
    handle.interrupt()
    result = running.result(5)
    assert time.monotonic() - started < 1
    assert result.error is not None
    assert (result.error.ename, result.error.evalue) == ("Woken", "by a message")
    assert handle.run("0.01").text == "slept"


@pytest.mark.parametrize(
    ("spec", "code"), [("python3", "import time; time.sleep(100)"), ("messaged", "100")]
)
def test_a_timeout_interrupts_and_says_so(silik: Silik, spec: str, code: str) -> None:
    handle = silik.start(spec)
    started = time.monotonic()
    with pytest.raises(KernelTimeout, match=r"did not finish within 0\.5 s and was interrupted"):
        handle.run(code, timeout=0.5)
    assert time.monotonic() - started < 2
    assert handle.run("print('slept')" if spec == "python3" else "0").text == "slept"


def test_a_timeout_shows_where_the_code_was(silik: Silik) -> None:
    handle = silik.start("python3")
    with pytest.raises(KernelTimeout) as caught:
        handle.run("import time\ntime.sleep(100)", timeout=0.5)
    assert "time.sleep(100)" in plain(caught.value.detail)
    assert "KeyboardInterrupt" in plain(caught.value.detail)


def test_a_timeout_can_restart(silik: Silik) -> None:
    handle = silik.start("stubborn", "k1")
    before = live(handle).process.pid
    with pytest.raises(KernelTimeout) as caught:
        handle.run("60", timeout=0.2, on_timeout="restart")
    assert str(caught.value) == (
        "k1.bare did not finish within 0.2 s, did not react to an interrupt and was restarted"
    )
    assert live(handle).process.pid != before
    assert handle.run("0").text == "slept"


def test_a_timeout_can_stop(silik: Silik) -> None:
    handle = silik.start("stubborn", "k1")
    with pytest.raises(KernelTimeout, match="did not react to an interrupt and was stopped"):
        handle.run("60", timeout=0.2, on_timeout="stop")
    assert silik.tree == ""


@pytest.mark.parametrize("on_timeout", ["interrupt", "restart", "stop"])
def test_nothing_is_lost_where_an_interrupt_is_enough(silik: Silik, on_timeout: str) -> None:
    handle = silik.start("python3", "k1")
    handle.run("x = 1")
    with pytest.raises(KernelTimeout) as caught:
        handle.run("import time; time.sleep(100)", timeout=0.3, on_timeout=on_timeout)
    assert str(caught.value) == "k1.py did not finish within 0.3 s and was interrupted"
    assert "still there" in caught.value.hint
    assert handle.run("x").text == "1"


def test_a_restart_at_a_timeout_that_fails_says_both(
    silik: Silik, kernels_dir: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    script = f'test -e "{flag}" && exec "$@"'
    write_wrapped_spec(kernels_dir, "no-return", tmp_path / "program", script, "stubborn")
    handle = silik.start("no-return", "k1")
    flag.unlink()
    with pytest.raises(KernelTimeout) as caught:
        handle.run("60", timeout=0.2, on_timeout="restart")
    first, second, *_ = str(caught.value).splitlines()
    assert first.endswith("did not react to an interrupt and could not be restarted")
    assert second == "k1.bare died: exited with code 1 while it was starting"
    assert "✗ exited with code 1" in silik.tree


@each_language("deno")
def test_a_timeout_of_a_kernel_that_dies_of_interrupts_says_so_and_can_restart_it(
    language: Language, silik: Silik
) -> None:
    handle = silik.start(language.spec, "k1")
    with pytest.raises(KernelTimeout, match=r"0\.3 s, died of an interrupt: "):
        handle.run(language.sleep, timeout=0.3)
    handle.restart()
    with pytest.raises(KernelTimeout, match="died of an interrupt and was restarted"):
        handle.run(language.sleep, timeout=0.3, on_timeout="restart")
    assert handle.run(language.say).text == "hello"


def test_a_timeout_of_a_kernel_that_ignores_interrupts_says_so(silik: Silik) -> None:
    handle = silik.start("stubborn", "k1")
    started = time.monotonic()
    with pytest.raises(KernelTimeout) as caught:
        handle.run("60", timeout=0.5)
    assert time.monotonic() - started < 4
    assert "k1.bare did not finish within 0.5 s, and does not react to an interrupt" in str(
        caught.value
    )
    assert "restart --now k1.bare" in caught.value.hint
    silik.command("restart --now k1.bare")
    assert handle.run("0").text == "slept"


def test_a_kernel_that_ignores_every_request_to_end_is_ended(silik: Silik) -> None:
    handle = silik.start("immortal", "k1")
    process = live(handle).process
    started = time.monotonic()
    handle.stop()
    assert time.monotonic() - started < 4
    assert process.returncode == -9
    handle = silik.start("immortal", "k2")
    started = time.monotonic()
    handle.stop(now=True)
    assert time.monotonic() - started < 1


def test_an_idle_kernel_that_is_interrupted_stays_as_it_is(silik: Silik) -> None:
    handle = silik.start("python3", "k1")
    handle.run("x = 1")
    handle.interrupt()
    assert handle.run("x").text == "1"
    assert str(silik.command("interrupt k1.py")) == "k1.py is idle"


def test_a_timeout_of_one_of_several_lets_the_others_finish(silik: Silik) -> None:
    silik.start("stubborn", "w1")
    silik.start("bare", "w2")
    silik.start("messaged", "w3")
    with pytest.raises(KernelTimeout) as caught:
        silik.command("run 30 w* --timeout 0.5")
    assert "2 of 3 kernels failed: w1.bare, w3.bare" in str(caught.value)
    assert silik["w2.bare"].run("still here").text == "still here"
    assert silik["w3.bare"].run("0").text == "slept"
