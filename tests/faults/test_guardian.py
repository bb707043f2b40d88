"""Whatever ends a host, its kernels and their files are gone within seconds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import nbformat
import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_server.serverapp import list_running_servers
from support.host import host
from support.kernel import pid_of, run, words_of
from support.languages import why_absent
from support.misbehaving import write_misbehaving_specs

from silik_magics import Silik
from silik_magics.kernels.guard import GUARD

pytestmark = pytest.mark.faults

SECONDS = 5
SPECS = ["python3", "python3", "python3", "bash", "ir", "deno", "immortal", "python3"]
LANGUAGES = {"bash": "bash", "ir": "r", "deno": "deno"}
STOPPED = (1, 3)  # of those: a forked kernel, and one that does not watch its parent
CHILD = "import subprocess; subprocess.Popen(['sleep', '1234'])"


@pytest.fixture(autouse=True, scope="module")
def misbehaving(kernels_dir: Path) -> None:
    write_misbehaving_specs(kernels_dir)


@pytest.fixture
def files(runtime_dir: Path) -> set[Path]:
    """The files of the runtime directory before the test."""
    return set(runtime_dir.iterdir())


def specs() -> list[str]:
    """The kernels of the test that can be started here."""
    return [spec for spec in SPECS if spec not in LANGUAGES or not why_absent(LANGUAGES[spec])]


def starts() -> list[str]:
    """The commands that start them, the last with a process of its own."""
    lines = [f"start {spec} -l k{number}" for number, spec in enumerate(specs())]
    return [*lines, f'run "{CHILD}" k0']


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def stop_some(processes: list[psutil.Process]) -> None:
    """Stop a Python kernel and one of another language, as SIGSTOP does."""
    kernels = [one for one in processes if any("kernel-" in word for word in words_of(one.pid))]
    for number in STOPPED:
        kernels[number].send_signal(signal.SIGSTOP)


def files_of_kernels(runtime_dir: Path, before: set[Path]) -> set[Path]:
    """Return the files of all sub-kernels that are new."""
    new = set(runtime_dir.iterdir()) - before
    ids = {path.stem.removeprefix("silik-") for path in new if path.suffix == ".log"}
    assert ids
    return {path for path in new if any(one in path.name for one in ids)}


def assert_gone(processes: list[psutil.Process], files: set[Path]) -> None:
    """Wait until processes and files are gone."""
    begun = time.monotonic()
    while left := [one for one in processes if run(one.pid)]:
        assert time.monotonic() - begun < SECONDS, [words_of(one.pid) for one in left]
        time.sleep(0.02)
    while left := [path for path in files if path.exists()]:
        assert time.monotonic() - begun < SECONDS, left
        time.sleep(0.02)
    print(f"{len(processes)} processes gone after {time.monotonic() - begun:.2f} s")


@pytest.mark.parametrize("spec", ["python3", "silik"])
def test_kernels_of_four_languages_end_with_a_killed_host(
    spec: str, runtime_dir: Path, files: set[Path]
) -> None:
    with host(spec) as opened:
        if spec == "python3":
            opened.ok("%load_ext silik_magics")
        opened.ok("%%silik\n" + "\n".join(starts()), timeout=100)
        processes = below(pid_of(opened))
        assert len(processes) >= len(specs()) + 2
        stop_some(processes)
        left = files_of_kernels(runtime_dir, files)
        os.kill(pid_of(opened), signal.SIGKILL)
        assert_gone(processes, left)


def test_kernels_end_with_a_killed_console(runtime_dir: Path, files: set[Path]) -> None:
    pexpect = pytest.importorskip("pexpect")
    command = [sys.executable, "-m", "jupyter_console", "--kernel", "silik"]
    console = pexpect.spawn(command[0], command[1:], timeout=60, encoding="utf-8")
    try:
        console.expect("In .*1")
        for line in ("start python3 -l k1", "start immortal -l k2"):
            console.sendline(line)
            console.expect(line[-2:])
        console.sendline("run 'print(6 * 7)' k1.py")
        console.expect("42")
        processes = below(console.pid)
        assert len(processes) >= 4
        left = files_of_kernels(runtime_dir, files)
        console.kill(signal.SIGKILL)
        console.wait()
        assert_gone(processes, left)
    finally:
        console.close(force=True)


@pytest.mark.parametrize("kernel", ["python3", "silik"])
@pytest.mark.parametrize("engine", ["silik", "nbclient"])
def test_kernels_end_with_a_killed_papermill(
    kernel: str, engine: str, tmp_path: Path, runtime_dir: Path, files: set[Path]
) -> None:
    cells = ["%load_ext silik_magics"] if kernel == "python3" else []
    cells += ["%%silik\nstart python3 -l k1\nstart immortal -l k2", "%%silik k1\nopen('up', 'w')"]
    cells.append("%%silik k1\nimport time; time.sleep(100)")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": kernel}
    nbformat.write(notebook, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--engine", engine]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as papermill:
        until((tmp_path / "up").exists)
        processes = below(papermill.pid)
        assert len(processes) >= 4
        left = files_of_kernels(runtime_dir, files)
        papermill.kill()
    assert_gone(processes, left)


@pytest.mark.parametrize("kernel", ["python3", "silik"])
def test_kernels_end_with_a_killed_notebook_server(
    kernel: str, tmp_path: Path, runtime_dir: Path, files: set[Path]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--allow-root", "--port=0", "--no-browser"],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    ) as server:
        until(lambda: any(map(_listens, _servers(server.pid))))
        (info,) = _servers(server.pid)
        request = Request(
            f"{info['url']}api/kernels",
            json.dumps({"name": kernel}).encode(),
            {"Authorization": f"token {info['token']}"},
        )
        with urlopen(request) as reply:
            kernel_id = json.load(reply)["id"]
        client = BlockingKernelClient(connection_file=str(runtime_dir / f"kernel-{kernel_id}.json"))
        client.load_connection_file()
        client.start_channels()
        until(lambda: _is_ready(client))
        cells = ["%load_ext silik_magics"] if kernel == "python3" else []
        for cell in [*cells, "%%silik\nstart python3 -l k1\nstart immortal -l k2"]:
            answer = client.execute_interactive(cell, timeout=60, output_hook=lambda _: None)
            assert answer["content"]["status"] == "ok"
        client.stop_channels()
        processes = below(server.pid)
        left = files_of_kernels(runtime_dir, files)
        server.kill()
    assert_gone(processes, left)


def _servers(pid: int) -> list[dict[str, Any]]:
    return [info for info in list_running_servers() if info["pid"] == pid]


def _is_ready(client: BlockingKernelClient) -> bool:
    try:
        client.wait_for_ready(timeout=60)
    except RuntimeError:  # its heartbeat does not beat yet, or it is being started again
        return False
    return True


def _listens(info: dict[str, Any]) -> bool:
    with socket.socket() as client:
        return client.connect_ex((info["hostname"], info["port"])) == 0


def test_a_kernel_that_was_just_being_started_ends_too(runtime_dir: Path, files: set[Path]) -> None:
    """The host is killed at any moment of a start."""
    program = (
        "import sys\nfrom silik_magics import Silik\nsilik = Silik()\nprint(flush=True)\n"
        "silik.start('ir')\nprint('ready', flush=True)\nsys.stdin.read()"
    )
    spec = "ir" if not why_absent("r") else "immortal"
    program = program.replace("'ir'", repr(spec))
    for milliseconds in range(0, 60, 4):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as starting:
            assert starting.stdout is not None
            starting.stdout.readline()
            time.sleep(milliseconds / 1000)
            starting.kill()
        until(
            lambda: not kernels_of(runtime_dir),
            SECONDS,
            lambda: [words_of(one.pid) for one in kernels_of(runtime_dir)],
        )
        until(
            lambda: set(runtime_dir.iterdir()) <= files,
            SECONDS,
            lambda: set(runtime_dir.iterdir()) - files,
        )


def kernels_of(runtime_dir: Path) -> list[psutil.Process]:
    """Return the processes whose command line names a file of the runtime directory."""
    return [
        one
        for one in psutil.process_iter()
        if any(str(runtime_dir) in word for word in words_of(one.pid))
    ]


def test_what_a_kernel_has_left_in_its_group_ends_with_it_when_it_is_stopped() -> None:
    with Silik() as silik:
        bash = silik.start("bash" if not why_absent("bash") else "bare", "b1")
        python = silik.start("python3", "k1")
        group = silik.manager.get_kernel(python.id).provisioner.pid  # type: ignore[union-attr]
        python.run(CHILD)
        (child,) = psutil.Process(group).children()
        python.kill()
        assert child.is_running()  # it may still be of use: only the kernel has ended
        python.stop()
        assert psutil.wait_procs([child], timeout=3)[1] == []
        assert bash.is_alive()


def test_a_killed_guardian_is_replaced_at_the_next_start() -> None:
    with Silik() as silik:
        silik.start("python3", "k1")
        first = GUARD.process
        assert first is not None
        first.kill()
        first.wait()
        silik.start("python3", "k2")
        assert GUARD.process is not None
        assert GUARD.process.pid != first.pid
        assert GUARD.process.poll() is None


def test_a_guardian_that_was_stopped_holds_nobody_up() -> None:
    with Silik() as silik:
        silik.start("python3", "k1")
        first = GUARD.process
        assert first is not None
        first.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        for number in range(3):
            silik.start("bare", f"b{number}").stop()
        assert time.monotonic() - begun < 10
        first.send_signal(signal.SIGCONT)
        assert silik["k1"].run("6 * 7").text == "42"


def test_the_guardian_ends_with_the_last_kernel_and_is_small() -> None:
    program = (
        "from silik_magics import Silik\nfrom silik_magics.kernels.guard import GUARD\n"
        "with Silik() as silik:\n    silik.start('python3')\n"
        "    print(GUARD.process.pid, flush=True)\n    input()\n"
        "print(flush=True)\ninput()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], text=True, **pipes) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        guardian = psutil.Process(int(started.stdout.readline()))
        uss = guardian.memory_full_info().uss
        print(f"{uss / 2**20:.1f} MB")
        assert uss < 8 * 2**20
        started.stdin.write("\n")
        started.stdin.flush()
        started.stdout.readline()
        assert not guardian.is_running()
        started.kill()


def test_it_costs_nothing_while_kernels_live() -> None:
    with Silik() as silik:
        silik.start("python3", "k1")
        assert GUARD.process is not None
        guardian = psutil.Process(GUARD.process.pid)
        before = sum(guardian.cpu_times()[:2])
        time.sleep(2)
        assert sum(guardian.cpu_times()[:2]) - before < 0.02


def test_attached_kernels_live_on() -> None:
    with host() as other:
        file = other.manager.connection_file
        program = (
            "import time\nfrom silik_magics import Silik\nsilik = Silik()\nsilik.start('python3')\n"
            f"silik.attach({file!r})\nprint('ready', flush=True)\ntime.sleep(100)"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as attached:
            assert attached.stdout is not None
            assert attached.stdout.readline() == b"ready\n"
            processes = below(attached.pid)
            attached.kill()
        assert_gone(processes, set())
        assert other.ok("6 * 7").plain == ["42"]
        assert Path(file).exists()


def until(
    condition: Callable[[], bool], seconds: float = 60, why: Callable[[], object] = lambda: ""
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)
