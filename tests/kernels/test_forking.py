"""Forked kernels are what spawned kernels are, only sooner."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from support.languages import write_spec
from support.raw import live, run_until_busy, wait_until

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import CommandError, KernelDied
from silik_magics.kernels.forking.provisioner import ForkProvisioner
from silik_magics.kernels.forking.templates import running

pytestmark = pytest.mark.skipif(
    sys.platform not in ("linux", "darwin"), reason="this system can not fork"
)

FACTS = """\
import builtins, json, locale, multiprocessing, os, resource, signal, sys, threading
umask = os.umask(0); os.umask(umask)
main, app = sys.modules["__main__"], get_ipython().parent.parent
names = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP]
print(json.dumps({
    "leads its session": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "cwd": os.getcwd(),
    "environment": dict(os.environ),
    "umask": umask,
    "stdin": os.read(0, 1).decode(),
    "argv": [word for word in sys.argv if ".json" not in word],
    "orig_argv": [word for word in sys.orig_argv if ".json" not in word],
    "path": sys.path,
    "main": [main.__name__, main is get_ipython().user_module, sorted(vars(main))],
    "executable": [sys.executable, sys.prefix, sys.base_prefix, sys.flags.__repr__()],
    "signals": [str(signal.getsignal(name)).split(" at ")[0] for name in names],
    "mask": str(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "descriptors": len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0,
    "encodings": [sys.getfilesystemencoding(), locale.getpreferredencoding()],
    "stdout encoding": sys.__stdout__.encoding,
    "stdout": [sys.__stdout__.errors, sys.__stdout__.line_buffering, sys.__stderr__.errors],
    "main thread": threading.current_thread() is threading.main_thread(),
    "start method": multiprocessing.get_start_method(),
    "app": [type(app).__name__, app.parent_handle],
    "gc": __import__("gc").isenabled(),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
}))"""


@pytest.fixture
def spawning() -> Iterator[Silik]:
    """A Silik that spawns every kernel."""
    with Silik() as opened:
        opened.manager.fork_start = False
        yield opened


@pytest.fixture(scope="module")
def forks() -> Iterator[Silik]:
    """A Silik that the tests of this module share; so they share a template."""
    with Silik() as opened:
        warm_up(opened)
        yield opened


def warm_up(silik: Silik, spec: str = "python3") -> None:
    """Have a template for a kernelspec: the first kernel is spawned, and it is started behind."""

    def is_forked() -> bool:
        started = silik.start(spec, "first")
        try:
            return _is_forked(started)
        finally:
            started.stop(now=True)

    wait_until(is_forked, 10)


@pytest.fixture
def handle(forks: Silik) -> Iterator[KernelHandle]:
    """A new forked kernel."""
    started = forks.start("python3", "k1")
    yield started
    started.stop(now=True)


def _provisioner(handle: KernelHandle) -> Any:
    return live(handle).process.provisioner


def _is_forked(handle: KernelHandle) -> bool:
    provisioner = _provisioner(handle)
    return isinstance(provisioner, ForkProvisioner) and not provisioner.why_spawned


def _pid(handle: KernelHandle) -> int:
    pid = live(handle).process.pid
    assert pid is not None
    return pid


def _parent(handle: KernelHandle) -> int:
    return psutil.Process(_pid(handle)).ppid()


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# What a kernel finds


def test_a_forked_kernel_finds_what_a_spawned_one_finds(
    forks: Silik, spawning: Silik, tmp_path: Path
) -> None:
    options = {"cwd": str(tmp_path), "env": {"SILIK_TEST": "ä b=c\n'"}}
    mine, theirs = (silik.start("python3", "facts", **options) for silik in (forks, spawning))
    assert _is_forked(mine)
    assert not _is_forked(theirs)
    told, expected = (json.loads(handle.run(FACTS).text) for handle in (mine, theirs))
    mine.stop()
    assert told.pop("descriptors") <= expected.pop("descriptors") + 2  # what tells the host's end
    assert told == expected
    assert told["environment"]["JPY_PARENT_PID"] == str(os.getpid())


def test_the_umask_and_the_time_zone_are_those_of_the_moment(forks: Silik) -> None:
    before = os.umask(0o027)
    try:
        started = forks.start("python3", "masked", env={"TZ": "Asia/Tokyo"})
    finally:
        os.umask(before)
    code = "import os, time; print(oct(os.umask(0)), time.strftime('%Z'))"
    assert started.run(code).text == "0o27 JST"
    started.stop(now=True)


def test_nothing_that_a_kernel_does_reaches_its_siblings(
    forks: Silik, handle: KernelHandle
) -> None:
    code = (
        "import builtins, os, sys, ipykernel; os.environ['SILIK_REACH'] = '1'; os.chdir('/')\n"
        "sys.path.append('/reached'); builtins.reached = ipykernel.reached = 1; os.nice(1)"
    )
    assert handle.run(code).status == "ok"
    sibling = forks.start("python3", "sibling")
    seen = sibling.run(
        "import builtins, os, sys, ipykernel\n"
        "print('SILIK_REACH' in os.environ, os.getcwd() == '/', '/reached' in sys.path,"
        " hasattr(builtins, 'reached'), hasattr(ipykernel, 'reached'), os.nice(0))"
    )
    sibling.stop(now=True)
    assert seen.text == f"False False False False False {os.nice(0)}"


def test_the_debugger_answers_as_in_a_spawned_kernel(handle: KernelHandle) -> None:
    client = handle.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=20)

        def ask(command: str, **arguments: Any) -> dict[str, Any]:
            content = {"type": "request", "command": command, "seq": 1, "arguments": arguments}
            message = client.session.msg("debug_request", content)
            client.control_channel.send(message)
            while True:
                reply = client.get_control_msg(timeout=20)
                if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                    return reply["content"]

        hello = ask("initialize", clientID="test", adapterID="", pathFormat="path")
        assert hello["success"], hello
        assert ask("attach")["success"]
        cell = ask("dumpCell", code="x = 1\ny = x + 1\nz = y + 1")["body"]["sourcePath"]
        breakpoints = ask(
            "setBreakpoints", source={"path": cell}, breakpoints=[{"line": 2}], sourceModified=False
        )
        assert breakpoints["body"]["breakpoints"][0]["verified"]
        assert ask("configurationDone")["success"]
        msg_id = client.execute("x = 1\ny = x + 1\nz = y + 1")
        event: dict[str, Any] = {}
        while event.get("event") != "stopped":
            message = client.get_iopub_msg(timeout=20)
            event = message["content"] if message["msg_type"] == "debug_event" else {}
        assert ask("continue", threadId=event["body"]["threadId"])["success"]
        reply = client.get_shell_msg(timeout=20)
        assert reply["parent_header"]["msg_id"] == msg_id
        assert reply["content"]["status"] == "ok"
        assert ask("disconnect", restart=False, terminateDebuggee=False)["success"]
    finally:
        client.stop_channels()


def test_processes_and_threads_of_a_kernel_work(handle: KernelHandle) -> None:
    code = (
        "import subprocess, sys, multiprocessing\n"
        "with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))\n"
        "print(subprocess.run([sys.executable, '-c', 'print(3)'], capture_output=True).stdout)"
    )
    assert handle.run(code).text == "[1, 2]\nb'3\\n'"


def test_an_interrupt_ends_what_it_runs(handle: KernelHandle) -> None:
    running_ = run_until_busy(handle, "import time; time.sleep(100)")
    handle.interrupt()
    error = running_.result(5).error
    assert error is not None
    assert error.ename == "KeyboardInterrupt"


# Its end

ENDS = {
    "exit": "import os; os._exit(7)",
    "abort": "import os; os.abort()",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "term": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "crash": "import ctypes; ctypes.string_at(0)",
    "quit": "import asyncio, os, sys; asyncio.get_running_loop().call_soon(sys.exit, 3)",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_death_is_told_as_that_of_a_spawned_kernel(
    forks: Silik, spawning: Silik, how: str
) -> None:
    told = []
    for silik in (forks, spawning):
        started = silik.start("python3", "dying")
        begun = time.monotonic()
        if how == "quit":
            started.run(ENDS[how])
            time.sleep(0.5)
            told.append((live(started).process.returncode, str(live(started).death)))
        else:
            with pytest.raises(KernelDied) as caught:
                started.run(ENDS[how])
            assert time.monotonic() - begun < 1.5
            told.append((live(started).process.returncode, caught.value.message.split("\n")[0]))
        started.stop(now=True)
    assert told[0] == told[1]


def test_a_stopped_kernel_leaves_no_process_and_ends_with_the_same_status(forks: Silik) -> None:
    for now in (False, True):
        started = forks.start("python3", "ending")
        pid, process = _pid(started), live(started).process
        started.stop(now=now)
        assert not psutil.pid_exists(pid)
        assert process.returncode == (-signal.SIGKILL if now else 0)


# In a function: IPython empties its namespace when it ends.
SLOW_CONTROL = """\
def watch(kernel):
    import sys, threading, time
    from pathlib import Path
    flush, outputs = sys.stdout.flush, kernel.iopub_thread.thread
    join = outputs.join
    def flush_slowly():
        if threading.current_thread() is kernel.control_thread:
            time.sleep(0.3)
        flush()
    def join_watched(timeout=None):
        Path({told!r}).write_text(str(kernel.control_thread.is_alive()))
        join(timeout)
    sys.stdout.flush, outputs.join = flush_slowly, join_watched
watch(get_ipython().kernel)"""


@pytest.mark.parametrize("how", ["forks", "spawning"])
def test_the_thread_for_outputs_outlives_the_one_for_control(
    how: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    # Or a stop may have to wait for SIGTERM: control says that it is idle, and nobody takes it.
    told = tmp_path / "told"
    started = request.getfixturevalue(how).start("python3", "ending")
    assert _is_forked(started) == (how == "forks")
    process = live(started).process
    started.run(SLOW_CONTROL.format(told=str(told)))
    started.stop()
    assert told.read_text() == "False"
    assert process.returncode == 0


def test_restart_forks_again(handle: KernelHandle) -> None:
    pid = _pid(handle)
    for now in (False, True):
        handle.restart(now=now)
        assert _is_forked(handle)
    assert _pid(handle) != pid
    assert handle.run("6 * 7").text == "42"


def test_it_leaves_its_connection_file_as_it_is(handle: KernelHandle) -> None:
    # A kernel that is killed while it writes another one leaves that behind.
    path = Path(live(handle).process.connection_file)
    assert "curve_secretkey" in json.loads(path.read_text())  # these would be written anew
    before = path.stat()
    handle.restart()
    assert _is_forked(handle)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


# Many


def test_sixty_starts_in_a_row_leave_nothing(forks: Silik, runtime_dir: Path) -> None:
    def held() -> tuple[object, ...]:
        process = psutil.Process()
        template = psutil.Process(running()[0].process.pid)
        children = sorted(child.pid for child in process.children(recursive=True))
        return (
            process.num_threads(),
            process.num_fds(),
            template.num_fds(),
            template.num_threads(),
            children,
            set(runtime_dir.iterdir()),
        )

    for _ in range(2):
        forks.start("python3", "one").stop(now=True)
    time.sleep(0.3)
    before = held()
    for _ in range(60):
        started = forks.start("python3", "one")
        assert _is_forked(started)
        started.stop(now=True)
    wait_until(lambda: held() == before, 5)


def test_twenty_alive_at_once_share_no_random_numbers_ids_or_history_sessions(
    silik: Silik,
) -> None:
    silik.manager.share_history = True
    silik.command("start python3 -n 20 -l w --preload numpy")
    code = (
        "import random, uuid, os, tempfile, numpy, numpy.random, secrets\n"
        "ip = get_ipython()\n"
        "print(random.random(), numpy.random.random(), uuid.uuid4(), secrets.token_hex(),"
        " ip.history_manager.session_number, os.getpid(), ip.kernel.session.session,"
        " tempfile.mktemp(), numpy.random.default_rng().random())"
    )
    results = silik.run(code, "w*")
    columns = list(zip(*(result.text.split() for result in results.values()), strict=True))
    assert [len(set(column)) for column in columns] == [20] * 9
    assert all(_is_forked(handle) for handle in silik)
    random_here = random.random()
    assert str(random_here) not in columns[0]


# The template


def test_kernels_of_one_interpreter_share_a_template(forks: Silik) -> None:
    with ThreadPoolExecutor() as pool:
        handles = list(pool.map(lambda n: forks.start("python3", f"t{n}"), range(4)))
    assert len({_parent(handle) for handle in handles}) == 1
    forks.stop("t*", now=True)


def test_a_killed_template_leaves_its_kernels_alive_and_is_replaced(silik: Silik) -> None:
    old = silik.start("python3", "old", preload=["json"])
    template = _parent(old)
    os.kill(template, signal.SIGKILL)
    wait_until(lambda: not _alive(template))
    new = silik.start("python3", "new", preload=["json"])
    assert _is_forked(new)
    assert _parent(new) != template
    assert old.run("6 * 7").text == "42"
    old.interrupt()
    begun = time.monotonic()
    with pytest.raises(KernelDied, match=r"old\.py died: gone"):
        old.run("import os; os._exit(7)")  # whoever knew its status has ended before
    assert time.monotonic() - begun < 1
    old.restart()
    assert old.run("6 * 7").text == "42"
    assert _parent(old) == _parent(new)


LAST = """\
import psutil
from silik_magics import Silik
with Silik() as one:
    with Silik() as two:
        kernel = two.start("python3", preload=["colorsys"])
        pid = int(kernel.run("import os; os.getppid()").text)
    print(psutil.pid_exists(pid))
print(psutil.pid_exists(pid))
"""


def test_a_template_ends_with_the_last_silik() -> None:
    done = subprocess.run([sys.executable, "-c", LAST], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["True", "False"], "")


HOST = """\
import sys, time
from silik_magics import Silik
silik = Silik()
pids = []
silik.command("start python3 -n 3 -l k")
for kernel in silik:
    pids += kernel.run("import os; print(os.getpid(), os.getppid())").text.split()
print(*pids, flush=True)
stuck = "import re; re.match('(a+)+$', 'a' * 64 + 'b')"  # holds the lock of the interpreter
silik.run(stuck, "k3.py")
"""


def test_all_are_gone_within_five_seconds_of_a_kill_of_the_host() -> None:
    host = subprocess.Popen([sys.executable, "-c", HOST], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    with host.stdout:
        pids = sorted({int(word) for word in host.stdout.readline().split()})
    assert len(pids) == 5  # the kernels, their template, and the host that spawned the first
    pids.remove(host.pid)
    assert all(_alive(pid) for pid in pids)
    time.sleep(1)
    host.kill()
    host.wait()
    print("gone after", wait_until(lambda: not any(_alive(pid) for pid in pids), 5))


# Other interpreters, and preloading


@pytest.fixture
def other(tmp_path: Path, kernels_dir: Path) -> Callable[[], Path]:
    """Make a virtual environment with ipykernel and a module `only_there`, and its kernelspec."""

    def make() -> Path:
        directory = tmp_path / "venv"
        venv.create(directory, symlinks=True)
        (packages,) = directory.glob("lib/python*/site-packages")
        ours = [path for path in sys.path if path.endswith("-packages")]
        packages.joinpath("ours.pth").write_text("\n".join(ours))
        packages.joinpath("only_there.py").write_text("value = 19")
        argv = [str(directory / "bin/python"), "-m", "ipykernel_launcher", "-f"]
        write_spec(
            kernels_dir,
            "other",
            {"argv": [*argv, "{connection_file}"], "display_name": "Other", "language": "python"},
        )
        return packages

    return make


def test_another_interpreter_has_a_template_and_packages_of_its_own(
    silik: Silik, other: Callable[[], Path]
) -> None:
    packages = other()
    warm_up(silik, "other")
    warm_up(silik)
    first, second = silik.start("other", "there"), silik.start("python3", "here")
    assert _is_forked(first)
    assert _parent(first) != _parent(second)
    code = "import only_there, sys; print(only_there.value, sys.prefix)"
    assert first.run(code).text == f"19 {packages.parents[2]}"
    error = second.run(code).error
    assert error is not None
    assert error.ename == "ModuleNotFoundError"
    packages.joinpath("new_there.py").write_text("value = 20")  # installed meanwhile
    third = silik.start("other", "again", preload=["only_there"])
    warm_up(silik, "other")
    fourth = silik.start("other", "anew")
    assert _parent(fourth) != _parent(first)
    assert len({_parent(handle) for handle in (first, third, fourth)}) == 3
    assert fourth.run("import new_there; new_there.value").text == "20"
    assert first.run("1").text == "1"


def test_an_interpreter_without_ipykernel_fails_as_ever(
    silik: Silik, other: Callable[[], Path]
) -> None:
    packages = other()
    packages.joinpath("ours.pth").unlink()
    with pytest.raises(KernelDied, match="No module named ipykernel_launcher"):
        silik.start("other", env={"PYTHONPATH": ""})
    assert silik.tree == ""


def test_preloaded_modules_are_there(silik: Silik) -> None:
    silik.command("start python3 -l k1 --preload numpy,colorsys")
    code = "import sys; print('numpy' in sys.modules, 'colorsys' in sys.modules, 'numpy' in vars())"
    assert silik["k1.py"].run(code).text == "True True False"
    assert silik["k1.py"].run("import numpy as np; (np.ones((500, 500)) @ np.ones(500))[0]").text
    silik.manager.preload = ["wave"]
    assert silik.start("python3", "k2").run("import sys; 'wave' in sys.modules").text == "True"
    silik.command("start python3 -l k3 --preload ''")
    assert silik["k3.py"].run("import sys; 'wave' in sys.modules").text == "False"


def test_a_module_that_can_not_be_preloaded_is_named_and_nothing_is_left(
    silik: Silik, runtime_dir: Path
) -> None:
    before = set(runtime_dir.iterdir())
    silik.start("python3", "k1")
    templates = len(running())
    for _ in range(2):
        with pytest.raises(CommandError) as caught:
            silik.command("start python3 -l k2 --preload json,nosuch")
        assert caught.value.message == (
            "nosuch can not be imported: ModuleNotFoundError: No module named 'nosuch'"
        )
        assert "-m pip install nosuch" in caught.value.hint
        assert "--preload ''" in caught.value.hint
    assert silik.tree == "╰─ k1.py"
    assert len(running()) == templates
    silik.stop("k1.py")
    assert set(runtime_dir.iterdir()) == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("start bare --preload json", "modules can not be preloaded for bare"),
        ("start python3 --preload 1,2", "--preload 1 is no name of a module"),
    ],
)
def test_a_preload_that_makes_no_sense_is_an_error(silik: Silik, line: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        silik.command(line)


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("channel", ["shell", "iopub"])
def test_a_port_that_is_taken_ends_the_kernel_at_once(channel: str, tmp_path: Path) -> None:
    """A spawned ipykernel waits for ever at its exit, when it could not bind iopub."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = {f"{channel}_port": taken.getsockname()[1]}
        file = str(tmp_path / "kernel.json")
        manager = KernelManager(connection_file=file, cache_ports=False, **port)
        manager.provisioner = ForkProvisioner(
            kernel_id="taken", kernel_spec=manager.kernel_spec, parent=manager
        )
        log = tmp_path / "log"
        with log.open("w") as output:
            manager.start_kernel(stdout=output, stderr=output)
        wait_until(lambda: not manager.is_alive(), 20)
        assert asyncio.run(manager.provisioner.poll()) == 1
        assert "Address already in use" in log.read_text()
        manager.shutdown_kernel(now=True)
        manager.context.destroy(linger=0)


# Spawned instead


def test_what_can_not_be_forked_is_spawned_and_says_why(
    silik: Silik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "threaded_on_import.py"
    code = "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    module.write_text(f"import threading, time\n{code}")
    started = silik.start("python3", env={"PYTHONPATH": str(tmp_path)})
    assert "PYTHONPATH" in _provisioner(started).why_spawned
    assert started.run("import sys; sys.path").text.count(str(tmp_path)) == 1
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    started = silik.start("python3", preload=["threaded_on_import"])
    assert _provisioner(started).why_spawned == (
        "1 native threads were started by what it imported"
    )
    assert started.run("1").text == "1"


def test_forking_can_be_switched_off(spawning: Silik) -> None:
    started = spawning.start("python3")
    assert _parent(started) == os.getpid()
    with pytest.raises(CommandError, match="kernels that are forked only"):
        spawning.start("python3", preload=["json"])


def test_it_is_a_provisioner_for_every_jupyter_application(
    monkeypatch: pytest.MonkeyPatch, runtime_dir: Path
) -> None:
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())
    ((name, value),) = project["project"]["entry-points"][
        KernelProvisionerFactory.GROUP_NAME
    ].items()
    factory = KernelProvisionerFactory.instance()
    entry = EntryPoint(name, value, KernelProvisionerFactory.GROUP_NAME)
    monkeypatch.setitem(factory.provisioners, name, entry)
    monkeypatch.setattr(factory, "default_provisioner_name", name)
    manager = KernelManager(kernel_name="python3", connection_file=str(runtime_dir / "app.json"))
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    try:
        assert isinstance(manager.provisioner, ForkProvisioner)
        assert manager.provisioner.why_spawned == ""
        client.wait_for_ready(timeout=20)
        assert client.execute("1", reply=True, timeout=10)["content"]["status"] == "ok"
        manager.interrupt_kernel()
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=20)
        assert manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.context.destroy(linger=0)
    assert not manager.is_alive()
