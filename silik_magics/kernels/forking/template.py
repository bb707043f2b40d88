"""The process that has imported ipykernel already, and forks a kernel for each request.

It is run by path, with the interpreter of a kernelspec: `python template.py HOST_PID MODULE...`.
So it may import nothing but the standard library and ipykernel, and no syntax newer than what
ipykernel's oldest Python reads. The host says what it wants through a Unix socket, which is the
template's stdin:

* It says one byte itself, when it can fork.
* One byte comes with three descriptors: the kernel's *channel*, its stdout and its stderr.
  In the channel lies a request, as `host.py` packs it. `b"."` instead of it sets the template free.
* Into the channel goes a line of JSON: `{"pid": 7}` when it was forked, or `{"refused": "why"}`;
  and `{"status": -9, "peak": 7}` when it has ended: as subprocess has it, and the most memory
  that it used at once, in the unit of `ru_maxrss`.
* The other end of the channel is held by the host alone, and nothing more is ever written there.
  It closes with the host, however that ended, and the kernel ends with it.

A fork copies one thread only, and what others hold at that moment is lost. So the template starts
no thread, counts those that imports started before each fork, and refuses when there is one.
"""

from __future__ import annotations

import sys

if sys.path and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # the folder of this file, which no kernel has on its path

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import struct
import threading
import time
import traceback

LAUNCHER = "ipykernel_launcher"
GRACE_SECONDS = 2.0  # for kernels whose host is gone; then they are killed
OLD = "old"  # the refusal after which a new template can do it

# LC_CTYPE is set by Python itself where the locale is C.
STARTED_WITH = {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}

# What a kernel imports between its start and its first result, beside ipykernel.kernelapp.
WARM = (
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "ipykernel.displayhook",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "faulthandler",
    "psutil",
    "pygments.formatters.terminal256",
    "sqlite3",
    "stack_data",
    "tornado.platform.asyncio",
)


class Born(Exception):  # noqa: N818 - no error
    """Raised in the new process: leave everything that belongs to the template."""


class Template:
    """Forks kernels for one host.

    Args:
        control: where requests come from.
        host: the process id of the host.
        problem: why no kernel can be forked, as it is answered; None if nothing is known.
    """

    def __init__(self, control, host, problem):
        self._control = control
        self._host = host
        self._problem = problem
        self._packages = _packages()
        self._channels = {}  # of the living kernels, by process id
        self._free = False

    def serve(self):
        """Answer requests until the host is gone; raises Born in each new process."""
        woken, wake = os.pipe()
        for descriptor in (woken, wake):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        with contextlib.suppress(OSError):
            self._control.send(b"r")
        for descriptor in (self._control.fileno(), woken):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if woken in ready:
                os.read(woken, 4096)
            self._reap()
            if self._control.fileno() in ready and not self._answer():
                break
        poll.unregister(self._control.fileno())
        deadline = time.monotonic() + GRACE_SECONDS
        while self._channels:  # they end by themselves, unless they are stuck
            poll.poll(None if self._free else 100)
            self._reap()
            if not self._free and time.monotonic() > deadline:
                self._kill()

    def _answer(self):
        """Answer one request; False when there will be no more."""
        byte, descriptors = _received(self._control)
        if not descriptors:
            self._free = byte == b"."
            return False
        channel = socket.socket(fileno=descriptors[0])
        answer = self._refused() or self._forked(channel, descriptors[1:])
        _say(channel, answer)
        if "pid" in answer:
            self._channels[answer["pid"]] = channel
        else:
            channel.close()
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        return True

    def _forked(self, channel, outputs):
        request = _unpacked(channel)
        try:
            pid = os.fork()
        except OSError as error:  # no memory, or too many processes
            return {"refused": f"it can not fork: {error}"}
        if pid == 0:
            raise Born(request, channel, outputs, self._host)
        return {"pid": pid}

    def _refused(self):
        if self._problem is not None:
            return self._problem
        if _packages() != self._packages:
            return {"refused": OLD}  # what it has imported may not be what is installed now
        threads = native_threads()
        if threads > 1:
            return {"refused": f"{threads - 1} native threads were started by what it imported"}
        return None

    def _reap(self):
        while self._channels:
            pid, status, used = os.wait4(-1, os.WNOHANG)
            if not pid:
                break
            channel = self._channels.pop(pid, None)
            if channel is None:  # an import started it
                continue
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            _say(channel, {"status": code, "peak": used.ru_maxrss})
            channel.close()

    def _kill(self):
        for pid in self._channels:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:  # before its setsid
                os.kill(pid, signal.SIGKILL)


def _received(control):
    """Return a byte and the descriptors that came with it."""
    numbers = array.array("i")
    try:
        byte, ancillary, _, _ = control.recvmsg(1, socket.CMSG_LEN(3 * numbers.itemsize))
    except ConnectionResetError:
        return b"", []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    for number in numbers:
        os.set_inheritable(number, False)
    return byte, list(numbers)


def _unpacked(channel):
    (length,) = struct.unpack("!I", _exactly(channel, 4))
    return json.loads(_exactly(channel, length).decode("utf-8", "surrogateescape"))


def _exactly(channel, length):
    data = b""
    while len(data) < length:
        data += channel.recv(length - len(data))
    return data


def _say(channel, what):
    with contextlib.suppress(OSError):  # the host does not listen any more
        channel.send(json.dumps(what).encode() + b"\n")


def _packages():
    """Return when packages were last installed or removed."""
    found = {}
    for entry in sys.path:
        if entry.endswith("-packages"):
            try:
                found[entry] = os.stat(entry).st_mtime_ns  # noqa: PTH116 - no pathlib in a template
            except OSError:
                continue
    return found


def native_threads():
    """Return how many threads this process has, those that Python does not know of too."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208
    except OSError:
        return threading.active_count()


def prepare(modules):
    """Import what kernels need, and these modules; return why that failed, or None."""
    try:
        importlib.import_module("ipykernel.kernelapp")
        importlib.import_module(LAUNCHER)
    except ImportError as error:
        return {"refused": f"{sys.executable} has no ipykernel: {error}"}
    for name in WARM:
        try:
            importlib.import_module(name)
        except ImportError:  # another version of it
            continue
    for name in modules:
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - whatever a module does, the user is told
            said = f"{type(error).__name__}: {error}"
            return {"refused": f"{name} can not be imported: {said}", "module": name, "said": said}
    if native_threads() > 1:
        # Libraries that know of forks (OpenBLAS does) end their threads before one, until needed.
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return None


# In the new process


def become_kernel(request, channel, outputs, host):
    """Make this process what `python -m ipykernel_launcher` would be, and run the kernel."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(outputs, 1):
        os.dup2(descriptor, number)
    _close_all_but(channel.fileno())
    os.umask(request["umask"])
    os.chdir(request["cwd"])
    _set_environment(request["env"])
    time.tzset()
    _reseed()
    sys.argv = ["-m", *request["argv"]]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [*request["command"], "-m", LAUNCHER, *request["argv"]]
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path.insert(0, request["cwd"])  # the launcher removes it
    _end_with_host(channel, host)
    gc.enable()

    from ipykernel import kernelapp
    from jupyter_client import connect
    from zmq import ZMQError

    # ipykernel's own poller watches its parent, and that is the template.
    application = kernelapp.IPKernelApp
    setattr(application, "init_poller", lambda _: None)  # noqa: B010 - not of its exact type
    _settle(application)
    whole = _whole(connect.write_connection_file)
    setattr(kernelapp, "write_connection_file", whole)  # noqa: B010 - it does not export it
    kernelapp.launch_new_instance = lambda *args: application.launch_instance(
        *args, parent_handle=host
    )
    try:
        runpy.run_module(LAUNCHER, run_name="__main__", alter_sys=True)
    except ZMQError:
        # A port was taken. With the socket for iopub open, ipykernel would wait for ever at exit.
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _settle(application):
    """Have outputs kept that are not read yet, however many, and its threads end in order.

    By default a socket drops outputs, and the thread for outputs ends before the one for control,
    which may be using it and then waits for ever, or aborts.
    """
    init_iopub = application.init_iopub

    def init_settled(self, context):
        context.sndhwm = 0  # of the sockets that are made from now on
        init_iopub(self, context)
        atexit.register(end_control, self)  # registered later, called sooner

    def end_control(self):
        thread = self.control_thread
        if thread is not None and thread.is_alive():
            thread.stop()
            thread.join()

    application.init_iopub = init_settled


def _whole(write):
    """Let a connection file be replaced as a whole: a host may be reading it just then.

    Encrypted kernels would write what it says already, for they compare bytes with text.
    """

    def write_connection_file(fname=None, **info):
        if not fname:
            return write(fname, **info)
        if _says(fname, info):
            return fname, info
        beside = f"{fname}.{os.getpid()}"
        _, written = write(beside, **info)
        os.replace(beside, fname)  # noqa: PTH105 - no pathlib in a template
        return fname, written

    return write_connection_file


def _says(path, info):
    """Say whether a connection file is there and says this."""
    info = {name: v.decode() if isinstance(v, bytes) else v for name, v in info.items()}
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - no pathlib in a template
            return json.load(file) == info
    except (OSError, ValueError):
        return False


def _set_environment(wanted):
    """Set it, and leave what imports have set, as they would have done in the kernel."""
    changed = {
        name: value
        for name, value in os.environ.items()
        if value != STARTED_WITH.get(name) and wanted.get(name) == STARTED_WITH.get(name)
    }
    os.environ.clear()
    os.environ.update(wanted)
    os.environ.update(changed)


def _close_all_but(kept):
    limit = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, kept)
    os.closerange(kept + 1, limit if limit > 0 else 65536)


def _reseed():
    random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()


def _end_with_host(channel, host):
    """End this process when the host is gone, even if a fork of the host holds its descriptors."""
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # gone, or the system forbids it: the channel tells
            poll.register(os.pidfd_open(host), select.POLLIN)

    def watch():
        while True:
            for descriptor, event in poll.poll():
                if not event & select.POLLNVAL:
                    os._exit(1)
                poll.unregister(descriptor)  # the user's code has closed it

    thread = threading.Thread(target=watch, name="Host", daemon=True)
    vars(thread).update(pydev_do_not_trace=True, is_pydev_daemon_thread=True)  # as ipykernel's own
    thread.start()


def main():
    """Serve the host at the other end of stdin."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    gc.disable()
    problem = prepare(sys.argv[2:])
    gc.freeze()
    Template(control, int(sys.argv[1]), problem).serve()


if __name__ == "__main__":
    try:
        main()
    except Born as born:
        kernel = born.args
    else:
        os._exit(0)  # nothing is worth tidying up, and the host waits
    become_kernel(*kernel)
