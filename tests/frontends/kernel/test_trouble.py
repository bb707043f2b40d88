"""Interrupts and deaths: the cell ends at once, says why, and the kernel can be used on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from support.host import Cell, Host, Request
from support.kernel import pid_of, until_gone

SECOND = 1.0
MODES = ["connected", "by name"]
HINT = "`restart k1.py` brings it back, empty; `rm k1.py` removes it."
AGAIN = "This is command mode again."


@pytest.fixture(autouse=True)
def kernels(kernel: Host) -> None:
    """In command mode, with `k1.py` and `k2.py` alive."""
    kernel.run("/cmd")
    kernel.ok("start python3 -n 2 -l k --if-missing")


@pytest.fixture
def connected(kernel: Host) -> Host:
    """The kernel, connected to `k1.py`."""
    kernel.ok("> k1.py")
    return kernel


@pytest.fixture(params=MODES)
def first_line(request: pytest.FixtureRequest) -> str:
    """What stands before code for `k1.py`: nothing when connected, else `%%silik k1.py`."""
    if request.param == "connected":
        request.getfixturevalue("connected")
        return ""
    request.getfixturevalue("kernel")
    return "%%silik k1.py\n"


def pid(kernel: Host) -> int:
    return int(kernel.ok("%%silik k1.py\nimport os; os.getpid()").plain[0])


def interrupted(kernel: Host, request: Request, within: float = SECOND) -> Cell:
    """Press stop, and return the cell, which must end soon."""
    pressed = time.monotonic()
    kernel.interrupt()
    cell = request.end(timeout=10)
    seconds = time.monotonic() - pressed
    print("ended after", seconds)
    assert seconds < within
    assert cell.status == "error"
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    return cell


@pytest.mark.parametrize(
    "flood",
    [
        "i = 0\nwhile True:\n    i += 1; print(i, 'x' * 50)",
        "while True:\n    time.sleep(0.001); display('x' * 1000)",
        "while True:\n    time.sleep(0.001); print('x' * 10_000, flush=True, file=sys.stderr)",
    ],
    ids=["lines", "displays", "blocks"],
)
def test_a_flood_of_outputs_is_interrupted(kernel: Host, first_line: str, flood: str) -> None:
    request = kernel.begin(f"{first_line}import sys, time\n{flood}")
    request.until_seen("x" * 50)
    interrupted(kernel, request, within=2 * SECOND)  # for this client reads slowly
    after = kernel.ok(first_line + "print('clean')")
    assert {*after.types} == {"stream"}  # a timer of the kernel may cut it in two
    assert (after.stream(), after.stream("stderr")) == ("clean\n", "")
    assert "x" * 50 not in str(after.others)


@pytest.mark.parametrize("ask", ["input('name? ')", "import getpass; getpass.getpass('key? ')"])
def test_a_question_is_interrupted(kernel: Host, first_line: str, ask: str) -> None:
    request = kernel.begin(first_line + ask, ask=True)
    request.until_asked()
    cell = interrupted(kernel, request)
    assert cell.types == ["error"]
    answered = kernel.run(first_line + "input('again? ')", answers=["yes"])
    assert answered.plain == ["'yes'"]


def test_questions_of_several_kernels_are_interrupted_at_once(kernel: Host, tmp_path: Path) -> None:
    code = f"import os; open(f'{tmp_path}/{{os.getpid()}}', 'w').close(); input('name? ')"
    request = kernel.begin(f"%%silik k1.py k2.py\n{code}", ask=True)
    request.until_asked()
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.01)
    time.sleep(0.2)  # only one question is shown; in its own code ipykernel shows no error
    pressed = time.monotonic()
    kernel.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < SECOND
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"] * 3
    assert "stream" not in cell.types
    cell = kernel.run("%%silik k1.py k2.py\ninput('name? ')", answers=["a", "b"])
    assert cell.status == "ok"


@pytest.mark.parametrize("code", ["import time; time.sleep(100)", "input('name? ')"])
def test_a_cell_that_has_not_begun_is_interrupted_when_it_does(
    kernel: Host, first_line: str, code: str
) -> None:
    os.kill(victim := pid(kernel), signal.SIGSTOP)
    request = kernel.begin(first_line + code, ask=True)
    time.sleep(0.2)
    kernel.interrupt()  # ipykernel ignores it: it runs nothing yet
    time.sleep(0.2)
    os.kill(victim, signal.SIGCONT)
    cell = request.end(timeout=5)
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    assert cell.questions == []
    assert kernel.ok(first_line + "6 * 7").plain == ["42"]


def test_a_kernel_that_computes_is_interrupted_while_another_asks(kernel: Host) -> None:
    code = (
        "import time\nprint('in', flush=True)\n"
        "time.sleep(0.3 if asks else 0)\ninput('name? ') if asks else time.sleep(100)"
    )
    kernel.ok("%%silik k1.py\nasks = False")
    kernel.ok("%%silik k2.py\nasks = True")
    request = kernel.begin(f"%%silik k1.py k2.py\n{code}", ask=True)
    request.until_asked()
    pressed = time.monotonic()
    kernel.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < SECOND
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"] * 3


def test_cells_behind_an_interrupted_one_are_aborted(kernel: Host, first_line: str) -> None:
    request = kernel.begin(first_line + "print('in', flush=True)\nimport time; time.sleep(100)")
    behind = [kernel.begin(first_line + "print('behind')") for _ in range(3)]
    request.until_seen("in")
    time.sleep(0.2)
    interrupted(kernel, request)
    assert [one.end().status for one in behind] == ["aborted"] * 3
    assert kernel.ok(first_line + "print('on')").stream() == "on\n"


def test_a_second_interrupt_gives_up_a_kernel_that_ignores_the_first(kernel: Host) -> None:
    kernel.ok("start stubborn -l s")
    request = kernel.begin("%%silik s\n30")
    time.sleep(0.2)
    kernel.interrupt()
    time.sleep(0.2)
    pressed = time.monotonic()
    kernel.interrupt()
    (error,) = request.end(timeout=10).errors
    assert time.monotonic() - pressed < SECOND
    assert error["ename"] == "KeyboardInterrupt"
    assert "may still be running" in error["evalue"]
    kernel.ok("stop --now s")


def test_an_interrupt_of_a_start_leaves_nothing_behind(kernel: Host) -> None:
    known = set(kernel.pids())
    request = kernel.begin("start deaf -n 2 -l d")
    while len(begun := set(kernel.pids()) - known) < 2:
        time.sleep(0.005)
    interrupted(kernel, request)
    until_gone(begun)
    assert "d1" not in kernel.ok("tree").plain[0]


def test_a_signal_interrupts_as_a_message_does(kernel: Host, first_line: str) -> None:
    request = kernel.begin(first_line + "print('in', flush=True)\nimport time; time.sleep(100)")
    request.until_seen("in")
    time.sleep(0.2)
    os.kill(pid_of(kernel), signal.SIGINT)
    assert [error["ename"] for error in request.end(timeout=5).errors] == ["KeyboardInterrupt"]


def test_an_interrupt_when_nothing_runs_does_nothing(kernel: Host) -> None:
    kernel.ok("%%silik k1.py\nx = 19")
    assert kernel.control("interrupt_request") == {"status": "ok"}
    assert kernel.ok("%%silik k1.py\nx").plain == ["19"]


def test_the_death_of_a_kernel_that_computes_ends_its_cell(kernel: Host, first_line: str) -> None:
    victim = pid(kernel)
    code = "print(1221, flush=True); import time; time.sleep(100)"
    request = kernel.begin(first_line + code)
    behind = [kernel.begin(first_line + "print('behind')"), kernel.begin("tree")]
    request.until_seen("1221")
    killed = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    cell = request.end(timeout=10)
    seconds = time.monotonic() - killed
    print("ended after", seconds)
    assert seconds < SECOND
    assert cell.stream() == "1221\n"
    (error,) = cell.errors
    assert error["ename"] == cell.reply["ename"] == "KernelDied"
    told, *_ = error["evalue"].splitlines()
    assert told.startswith(f"k1.py died: killed by SIGKILL while it was running `{code}`")
    assert error["traceback"][-1] == f"Hint: {HINT}" + ("" if first_line else f" {AGAIN}")
    assert [one.end(timeout=5).status for one in behind] == ["aborted"] * 2
    assert kernel.ok("tree").plain == ["├─ k1.py ✗ killed by SIGKILL\n╰─ k2.py"]
    kernel.ok("restart k1.py")
    assert kernel.ok("%%silik k1.py\n6 * 7").plain == ["42"]


def test_a_death_in_a_flood_ends_the_cell(connected: Host) -> None:
    victim = pid(connected)
    request = connected.begin("while True:\n    print('x' * 50)")
    request.until_seen("x" * 50)
    killed = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    cell = request.end(timeout=10)
    assert time.monotonic() - killed < 1.5
    assert [error["ename"] for error in cell.errors] == ["KernelDied"]
    assert cell.types[-1] == "error"
    assert connected.ok("pwd").plain == ["~/"]
    connected.ok("restart k1.py")


def test_a_death_while_the_user_is_asked_ends_the_cell(kernel: Host, first_line: str) -> None:
    victim = pid(kernel)
    request = kernel.begin(first_line + "input('name? ')", ask=True)
    request.until_asked()
    os.kill(victim, signal.SIGKILL)
    cell = request.end(timeout=10)
    assert cell.seconds < 2 * SECOND
    assert [error["ename"] for error in cell.errors] == ["KernelDied"]
    kernel.client.input("too late")
    kernel.ok("restart k1.py")
    assert kernel.run("%%silik k1.py\ninput('again? ')", answers=["yes"]).plain == ["'yes'"]


def test_the_death_of_an_idle_connected_kernel_is_an_error_at_the_next_cell(
    connected: Host,
) -> None:
    victim = pid(connected)
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.3)
    begun = time.monotonic()
    assert connected.complete("impo")["status"] == "ok"
    assert connected.inspect("print", 3)["status"] == "ok"
    assert connected.reply(connected.client.is_complete("for x in y:"))["status"] == "unknown"
    assert connected.kernel_info()["implementation"] == "silik"
    assert connected.comms() == {}
    assert connected.control("debug_request", {"seq": 1, "command": "x"})["success"] is False
    assert time.monotonic() - begun < SECOND
    cell = connected.run("print('not silent')")
    (error,) = cell.errors
    assert error["ename"] == "KernelDied"
    assert error["evalue"].splitlines()[0] == "k1.py died: killed by SIGKILL"
    assert error["traceback"][-1] == f"Hint: {HINT} {AGAIN}"
    assert connected.ok("tree").plain == ["├─ k1.py ✗ killed by SIGKILL\n╰─ k2.py"]
    connected.ok("restart k1.py\n> k1.py")
    assert connected.ok("6 * 7").plain == ["42"]


def test_questions_under_way_when_the_kernel_dies_are_answered(connected: Host) -> None:
    victim = pid(connected)
    client = connected.client
    request = connected.begin("import time; print('in', flush=True); time.sleep(100)")
    request.until_seen("in")
    os.kill(victim, signal.SIGSTOP)  # jedi would be killed while it writes its cache
    asked = [client.history(n=1), client.is_complete("x"), client.complete("impo")]
    os.kill(victim, signal.SIGKILL)
    assert [message["msg_type"] for message in request.until_idle()] == ["stream", "error"]
    replies = {}
    while not {request.msg_id, *asked} <= replies.keys():
        reply = client.get_shell_msg(timeout=5)
        replies[reply["parent_header"]["msg_id"]] = reply["content"]
    assert replies[request.msg_id]["ename"] == "KernelDied"


def test_a_restart_of_the_connected_kernel_keeps_the_connection(connected: Host) -> None:
    connected.ok("x = 19")
    connected.ok("%%silik\nrestart k1.py")
    (error,) = connected.run("x").errors
    assert error["ename"] == "NameError"
    assert connected.ok("6 * 7").plain == ["42"]


def test_stopping_the_connected_kernel_ends_connect_mode(connected: Host) -> None:
    connected.ok("%%silik\nstop k1.py")
    assert connected.ok("pwd").plain == ["~/"]
