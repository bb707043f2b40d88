"""When the kernel ends, however it ends, nothing is left; kernels that it only attached live on."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from jupyter_client.manager import KernelManager
from support.host import Host, below, host
from support.kernel import pid_of, until_gone
from support.languages import why_absent

EVERY = ["python3", "bash", *([] if why_absent("r") else ["ir"])]
QUICK = ["python3", "bare"]
PARENT = """\
import time
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="silik")
manager.start_kernel()
print(manager.connection_file, flush=True)
time.sleep(100)
"""


def ask_to_shut_down(kernel: Host) -> None:
    """Ask as a front-end does that has no say over the process."""
    message = kernel.client.session.msg("shutdown_request", {"restart": False})
    kernel.client.control_channel.send(message)


def terminate(kernel: Host) -> None:
    kernel.manager.signal_kernel(signal.SIGTERM)


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[list[str]], Host]]:
    """Starts a kernel `silik` with sub-kernels; the Python one has a process of its own."""
    opened = ExitStack()

    def open_one(specs: list[str]) -> Host:
        kernel = opened.enter_context(host("silik"))
        kernel.ok("\n".join(f"start {spec} -l {spec}" for spec in specs))
        kernel.ok("%%silik python3.py\nimport subprocess; p = subprocess.Popen(['sleep', '100'])")
        assert len(kernel.pids()) > len(specs)
        return kernel

    with opened:
        yield open_one


def wait_for_end(kernel: Host, pids: list[int], begun: float) -> float:
    """Wait until a kernel and all that it started is gone; return the seconds since `begun`."""
    kernel.manager.provisioner.process.wait(5)  # type: ignore[union-attr]
    until_gone(pids)
    return time.monotonic() - begun


@pytest.mark.parametrize(("end", "specs"), [(ask_to_shut_down, EVERY), (terminate, QUICK)])
def test_it_ends_within_a_second_with_all_that_it_started(
    start: Callable[[list[str]], Host],
    end: Callable[[Host], None],
    specs: list[str],
    before: set[Path],
    runtime_dir: Path,
) -> None:
    kernel = start(specs)
    pids = [pid_of(kernel), *kernel.pids()]
    request = kernel.begin("%%silik python3.py\nprint('in', flush=True)\nwhile True: pass")
    request.until_seen("in")
    begun = time.monotonic()
    end(kernel)
    seconds = wait_for_end(kernel, pids, begun)
    print("ended after", seconds)
    assert seconds < 1.5  # 0.7 here; the machine may be busy
    assert set(runtime_dir.iterdir()) - before <= {Path(kernel.manager.connection_file)}


def test_restarting_it_gives_a_fresh_one(
    start: Callable[[list[str]], Host], before: set[Path], runtime_dir: Path
) -> None:
    kernel = start(QUICK)
    pids = [pid_of(kernel), *kernel.pids()]
    kernel.ok("mkdir more\ncd more\nset alpha 1\n> ~/python3.py")
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=30)
    assert until_gone(pids) < 1
    assert kernel.ok("pwd\ntree\nps").plain == ["~/", "No kernel is here."]
    assert kernel.ok("start python3 -l k1").reply["execution_count"] == 2
    left = {file.suffix for file in set(runtime_dir.iterdir()) - before}
    assert left == {".json", ".log"}  # of k1.py


@pytest.mark.parametrize("spec", ["immortal", "stubborn"])
def test_a_kernel_that_does_not_want_to_end_is_killed(
    fresh: Host, before: set[Path], runtime_dir: Path, spec: str
) -> None:
    files = before | set(runtime_dir.iterdir())
    fresh.ok(f"start {spec} -l one\nstart {spec} -l two")
    pids = [pid_of(fresh), *fresh.pids()]
    fresh.begin("stop one" if spec == "immortal" else "%%silik one\n100")
    time.sleep(0.2)
    begun = time.monotonic()
    ask_to_shut_down(fresh)
    assert wait_for_end(fresh, pids, begun) < 1.5
    assert set(runtime_dir.iterdir()) <= files


def test_a_silik_inside_that_has_to_be_killed_leaves_no_files(
    fresh: Host, before: set[Path], runtime_dir: Path
) -> None:
    files = before | set(runtime_dir.iterdir())
    fresh.ok("start silik -l inner")
    fresh.ok("%%silik inner\nstart immortal -l one\nstart python3 -l two")
    pids = [pid_of(fresh), *fresh.pids()]
    assert len(set(runtime_dir.iterdir()) - files) >= 3
    fresh.begin("%%silik inner\nstop one")
    time.sleep(0.2)
    begun = time.monotonic()
    ask_to_shut_down(fresh)
    assert wait_for_end(fresh, pids, begun) < 3
    while left := set(runtime_dir.iterdir()) - files:
        assert time.monotonic() < begun + 5, [file.read_text() for file in left]


@pytest.mark.parametrize("cell", ["start python3 -n 3 -l x", "start deaf", "restart k1.py"])
def test_what_is_only_just_starting_ends_too(
    fresh: Host, before: set[Path], runtime_dir: Path, cell: str
) -> None:
    files = before | set(runtime_dir.iterdir())
    fresh.ok("start bare -l k1")
    process = psutil.Process(pid_of(fresh))
    known = set(fresh.pids())
    fresh.begin(cell.replace("k1.py", "k1"))
    while set(fresh.pids()) == known:
        time.sleep(0.005)
    time.sleep(0.03)
    pids = [process.pid, *fresh.pids()]
    begun = time.monotonic()
    ask_to_shut_down(fresh)
    assert wait_for_end(fresh, pids, begun) < 1.5
    assert set(runtime_dir.iterdir()) <= files
    others = [process.info for process in psutil.process_iter(["ppid", "cmdline"])]
    orphans = [" ".join(other["cmdline"] or ()) for other in others if other["ppid"] == 1]
    assert not [words for words in orphans if str(runtime_dir) in words]


def test_it_ends_when_its_parent_process_is_killed(before: set[Path], runtime_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        file = parent.stdout.readline().decode().strip()
        with attached(file) as client:
            code = "start python3\nstart bare\nstart messaged"
            reply = client.execute(code, reply=True, timeout=30)
            assert reply["content"]["status"] == "ok"
            pids = [process.pid for process in below(parent.pid)]
            assert len(pids) >= 4  # silik, its kernels, and perhaps a template
            parent.kill()
            parent.wait()
            assert until_gone(pids) < 1.5
    Path(file).unlink()  # its parent would have done so
    assert set(runtime_dir.iterdir()) <= before


STAYING = """\
import sys, threading, time
if "silik_magics_kernel" in sys.orig_argv:
    threading.Thread(target=time.sleep, args=(100,)).start()
"""


def test_a_thread_that_does_not_end_keeps_it_for_seconds_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(STAYING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with host("silik") as kernel:
        kernel.ok("start bare")
        pids = [pid_of(kernel), *kernel.pids()]
        terminate(kernel)
        until_gone(pids[1:], 3)
        assert psutil.pid_exists(pids[0])
        until_gone(pids[:1], 8)


def test_it_ends_when_it_does_not_get_its_ports(tmp_path: Path) -> None:
    file, info = write_connection_file(str(tmp_path / "kernel.json"))
    command = [sys.executable, "-m", "silik_magics_kernel", "-f", file]
    with socket.create_server((info["ip"], info["iopub_port"])):
        kernel = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert kernel.returncode != 0
    assert "Address already in use" in kernel.stderr


@contextmanager
def attached(file: str) -> Iterator[BlockingKernelClient]:
    """Connect a client to a kernel that somebody else started."""
    client = BlockingKernelClient(connection_file=file)
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        yield client
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)


@pytest.fixture
def other() -> Iterator[KernelManager]:
    """A Python kernel that somebody else started, in which x is 19."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    try:
        with attached(manager.connection_file) as client:
            assert client.execute("x = 19", reply=True)["content"]["status"] == "ok"
        yield manager
    finally:
        manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)


def value_of_x(manager: KernelManager) -> str:
    with attached(manager.connection_file) as client:
        reply = client.execute("", user_expressions={"x": "x"}, reply=True, timeout=10)
        return reply["content"]["user_expressions"]["x"]["data"]["text/plain"]


@pytest.mark.parametrize("end", [ask_to_shut_down, terminate])
def test_a_kernel_that_was_attached_lives_on(
    other: KernelManager, fresh: Host, end: Callable[[Host], None]
) -> None:
    fresh.ok(f"start {json.dumps(other.connection_file)} -l found\nstart python3 -l own")
    assert fresh.ok("run x found.py").plain == ["19"]
    fresh.ok("> found.py")
    fresh.ok("x = x + 1")
    own = fresh.pids()
    begun = time.monotonic()
    end(fresh)
    assert wait_for_end(fresh, own, begun) < 1.5
    assert Path(other.connection_file).exists()
    assert value_of_x(other) == "20"


def test_a_busy_kernel_that_was_attached_goes_on_with_its_work(
    other: KernelManager, fresh: Host
) -> None:
    fresh.ok(f"start {json.dumps(other.connection_file)} -l found\n> found.py")
    request = fresh.begin("print('in', flush=True); import time; time.sleep(1); x = 20")
    request.until_seen("in")
    begun = time.monotonic()
    ask_to_shut_down(fresh)
    assert wait_for_end(fresh, [], begun) < 1
    assert value_of_x(other) == "20"
