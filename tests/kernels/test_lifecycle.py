"""Kernels begin, live beside each other and others' clients, and end without a trace."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import KernelManager
from support.languages import write_spec
from support.misbehaving import write_wrapped_spec
from support.raw import in_thread, live, run_until_busy, wait_until

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import CommandError, KernelDied, KernelTimeout


@pytest.fixture
def foreign(runtime_dir: Path) -> Iterator[KernelManager]:
    """A kernel that somebody else started, with its connection file in the runtime directory."""
    file = runtime_dir / "kernel-4c1e0f5e-aaaa-4bbb-8ccc-000000000001.json"
    manager = KernelManager(kernel_name="python3", connection_file=str(file))
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)
    manager.context.destroy(linger=0)


# Starting


def test_eight_kernels_start_together_faster_than_one_after_another(silik: Silik) -> None:
    silik.start("python3").stop(now=True)  # what is imported once is imported
    started = time.monotonic()
    for number in range(2):
        silik.start("python3", f"one{number}")
    alone = (time.monotonic() - started) / 2
    started = time.monotonic()
    silik.command("start python3 -n 8 -l w")
    assert time.monotonic() - started < 0.8 * 8 * alone
    results = silik.run("import os; print(os.getpid())", "w*")
    assert len({result.text for result in results.values()}) == 8


def test_a_label_is_given_once_even_to_starts_at_the_same_time(silik: Silik) -> None:
    with ThreadPoolExecutor() as pool:
        tries = [pool.submit(silik.start, "bare", "k1") for _ in range(3)]
        errors = [t.exception(20) for t in tries]
    assert sorted(type(error).__name__ for error in errors) == [
        "CommandError",
        "CommandError",
        "NoneType",
    ]
    assert [handle.name for handle in silik] == ["k1.bare"]


def test_starts_at_the_same_time_get_words_of_their_own(silik: Silik) -> None:
    with ThreadPoolExecutor() as pool:
        names = [t.result(20).name for t in [pool.submit(silik.start, "bare") for _ in range(6)]]
    assert len(set(names)) == 6


def test_a_kernel_gets_its_directory_and_its_environment(silik: Silik, tmp_path: Path) -> None:
    handle = silik.start("python3", cwd=str(tmp_path), env={"SILIK_TEST": "a b=c"})
    result = handle.run(
        "import os; print(os.getcwd(), os.environ['SILIK_TEST'], 'HOME' in os.environ)"
    )
    assert result.text == f"{tmp_path} a b=c True"
    handle.restart()
    assert handle.run("print(os.getcwd())").status == "error"
    result = handle.run("import os; print(os.getcwd(), os.environ['SILIK_TEST'])")
    assert result.text == f"{tmp_path} a b=c"


def test_a_directory_that_does_not_exist_is_an_error(silik: Silik) -> None:
    with pytest.raises(CommandError, match="/no/such/directory is not a directory"):
        silik.start("bare", cwd="/no/such/directory")


def test_what_a_kernel_writes_past_the_protocol_reaches_nobody(
    silik: Silik, capfd: pytest.CaptureFixture[str]
) -> None:
    handle = silik.start("chatty")
    assert handle.run("a word").text == "a word"
    handle.restart()
    assert handle.run("a word").text == "a word"
    handle.stop()
    assert capfd.readouterr() == ("", "")


def test_a_kernel_whose_port_was_taken_meanwhile_is_started_again(
    silik: Silik, kernels_dir: Path, runtime_dir: Path, tmp_path: Path
) -> None:
    before = set(runtime_dir.iterdir())
    flag = tmp_path / "flag"
    unlucky = 'echo "ZMQError: Address already in use" >&2; exit 1'
    script = f'if rm "{flag}"; then {unlucky}; fi; exec "$@"'
    write_wrapped_spec(kernels_dir, "unlucky", tmp_path / "program", script)
    flag.touch()
    handle = silik.start("unlucky")
    assert not flag.exists()
    assert handle.run("here").text == "here"
    assert len(set(runtime_dir.iterdir()) - before) == 2
    script = script.replace("rm", "test -e")
    write_wrapped_spec(kernels_dir, "unlucky", tmp_path / "program", script)
    flag.touch()
    with pytest.raises(KernelDied, match="Address already in use"):
        silik.start("unlucky")


# Attaching


@pytest.mark.parametrize("how", ["path", "id"])
def test_an_attached_kernel_is_used_and_left_alive(
    silik: Silik, foreign: KernelManager, how: str
) -> None:
    path = Path(foreign.connection_file)
    source = str(path) if how == "path" else path.stem.removeprefix("kernel-")
    handle = silik.attach(source, "theirs")
    assert handle.run("x = 6 * 7; x").text == "42"
    with pytest.raises(CommandError, match="was attached, not started here"):
        handle.restart()
    handle.stop()
    assert silik.tree == ""
    assert foreign.is_alive()
    assert path.exists()
    assert silik.attach(source, "again").run("x").text == "42"
    silik.close()
    assert foreign.is_alive()
    assert path.exists()


def test_an_attached_kernel_can_be_interrupted(silik: Silik, foreign: KernelManager) -> None:
    handle = silik.attach(foreign.connection_file)
    running = run_until_busy(handle, "import time; time.sleep(100)")
    handle.interrupt()
    error = running.result(5).error
    assert error is not None
    assert error.ename == "KeyboardInterrupt"
    assert handle.run("1").text == "1"


def test_the_death_of_an_attached_kernel_is_noticed(silik: Silik, foreign: KernelManager) -> None:
    handle = silik.attach(foreign.connection_file, "theirs")
    running = run_until_busy(handle, "import os, time; print(os.getpid()); time.sleep(100)")
    assert foreign.provisioner is not None
    started = time.monotonic()
    os.kill(foreign.provisioner.pid, signal.SIGKILL)
    error = running.exception(5)
    assert time.monotonic() - started < 1
    assert isinstance(error, KernelDied)
    assert "theirs.py died" in error.message
    assert "theirs.py ✗" in silik.tree


def test_a_connection_file_behind_which_nobody_answers_is_a_timeout(
    silik: Silik, foreign: KernelManager
) -> None:
    text = Path(foreign.connection_file).read_text()
    foreign.shutdown_kernel(now=True)
    path = Path(foreign.connection_file).with_name("kernel-nobody.json")
    path.write_text(text)
    try:
        with pytest.raises(KernelTimeout, match=r"did not become ready within 0\.5 s"):
            silik.attach(str(path), timeout=0.5)
        assert path.exists()
    finally:
        path.unlink()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ip": "127.0.0.1"}', "\x00"])
def test_a_file_that_is_no_connection_file_is_an_error(
    silik: Silik, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "kernel.json"
    path.write_text(text)
    with pytest.raises(CommandError, match="is no connection file"):
        silik.attach(str(path))


def test_two_of_ours_on_one_kernel_do_not_take_each_others_replies(
    silik: Silik, foreign: KernelManager
) -> None:
    one = silik.attach(foreign.connection_file, "one")
    two = silik.attach(foreign.connection_file, "two")
    with ThreadPoolExecutor() as pool:
        tries = [
            pool.submit(handle.run, f"print('{handle.name} {number}')")
            for number in range(10)
            for handle in (one, two)
        ]
        texts = [t.result(20).text for t in tries]
    assert texts == [f"{name} {n}" for n in range(10) for name in ("one.py", "two.py")]


def test_a_client_of_its_own_executes_beside_our_runs(python: KernelHandle) -> None:
    client = python.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=10)
        for number in range(5):
            ours = in_thread(python.run, f"print('ours {number}')")
            reply = client.execute_interactive(
                f"theirs = {number}", timeout=10, allow_stdin=False, output_hook=lambda _: None
            )
            assert reply["content"]["status"] == "ok"
            assert ours.result(10).text == f"ours {number}"
        assert python.run("theirs").text == "4"
    finally:
        client.stop_channels()


# Files


def test_connection_files_and_logs_are_private_and_removed(
    silik: Silik, runtime_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(runtime_dir.iterdir())
    handles = [silik.start("python3"), silik.start("bare")]
    made = set(runtime_dir.iterdir()) - before
    assert {Path(handle.connection_file) for handle in handles} <= made
    assert {live(handle).log for handle in handles} <= made
    assert len(made) == 4
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    handles[0].restart()
    handles[1].kill()
    assert set(runtime_dir.iterdir()) - before == made
    for handle in handles:
        handle.stop()
    assert set(runtime_dir.iterdir()) == before
    assert list(tmp_path.iterdir()) == []


def test_closing_ends_every_process(runtime_dir: Path) -> None:
    before = set(runtime_dir.iterdir())
    with Silik() as silik:
        for spec in ("python3", "bare", "immortal"):
            silik.start(spec)
        pids = [live(handle).process.pid for handle in silik]
        starting = in_thread(silik.start, "slow")
        wait_until(lambda: len(set(runtime_dir.iterdir()) - before) == 8)
    assert not any(psutil.pid_exists(pid) for pid in pids if pid)
    assert isinstance(starting.exception(5), Exception)
    assert set(runtime_dir.iterdir()) == before


def test_transport_is_encrypted_where_the_kernel_can(silik: Silik) -> None:
    handle = silik.start("python3")
    assert "curve_publickey" in Path(handle.connection_file).read_text()
    assert "without encryption" not in live(handle).log.read_text()


CROWDED = """\
import json, pathlib, runpy, socket, sys
flag = pathlib.Path(sys.argv.pop(1))
if not flag.exists():
    flag.touch()
    info = json.loads(pathlib.Path(sys.argv[-1]).read_text())
    faster = socket.create_server((info["ip"], info["iopub_port"]))
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""


def test_a_kernel_whose_port_somebody_else_was_faster_to_bind_is_started_again(
    silik: Silik, tmp_path: Path, kernels_dir: Path
) -> None:
    program = tmp_path / "crowded.py"
    program.write_text(CROWDED)
    flag = tmp_path / "flag"
    argv = [sys.executable, str(program), str(flag), "-f", "{connection_file}"]
    write_spec(kernels_dir, "crowded", {"argv": argv, "display_name": "C", "language": "python"})
    began = time.monotonic()
    assert silik.start("crowded", "k1").run("6 * 7").text == "42"
    assert time.monotonic() - began < 10
    assert flag.exists()
    assert [row["state"] for row in silik.command("ps").data] == ["idle"]
