"""The stop button: it reaches the sub-kernels, and the cell that was stopped says so."""

from __future__ import annotations

import time

import psutil
import pytest
from support.host import Host
from support.languages import Language, each_language, write_spec

STUBBORN = """\
import signal, time
signal.signal(signal.SIGINT, lambda *_: print('ignored', flush=True))
print('in', flush=True)
begin = time.time()
while time.time() < begin + {seconds}:
    time.sleep(0.1)
"""


@pytest.fixture(autouse=True, scope="module")
def kernels(notebook: Host) -> None:
    notebook.ok("%silik start python3 -n 2 -l k")


@each_language("python", "bash", "r")
def test_an_interrupt_ends_the_cell_with_an_error_of_its_own(
    notebook: Host, language: Language
) -> None:
    kernel = f"stopped{language.extension}"
    notebook.ok(f"%silik start {language.spec} --label stopped --if-missing")
    notebook.ok(f"%%silik {kernel}\n{language.assign}")
    request = notebook.begin(f"%%silik {kernel}\n{language.say}\n{language.sleep}")
    # bash_kernel and R show what was printed at once; wait a moment for the sleep to begin.
    request.until_seen("hello")
    time.sleep(0.3)
    pressed = time.monotonic()
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < 1.5
    assert cell.status == "error"
    assert len(cell.errors) == 1
    assert "Interrupt" in cell.errors[0]["ename"] + "".join(cell.errors[0]["traceback"])
    after = notebook.ok(f"%%silik {kernel}\n{language.show}")
    assert after.stream().split() == ["19"]
    notebook.ok(f"%silik stop --now {kernel}")


def test_an_interrupt_reaches_all_kernels_that_the_cell_runs_on(notebook: Host) -> None:
    request = notebook.begin(
        "%%silik k1.py k2.py\nprint('in', flush=True); import time; time.sleep(100)"
    )
    request.until_seen("in")
    time.sleep(0.3)
    pressed = time.monotonic()
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < 1.5
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"] * 3
    assert "2 of 2 kernels failed: k1.py, k2.py" in cell.errors[-1]["evalue"]
    assert notebook.ok("%%silik k1.py k2.py\nprint('on')").stream() == "on\non\n"


def test_an_interrupt_ends_the_rest_of_a_cell_of_commands(notebook: Host) -> None:
    request = notebook.begin(
        "%%silik\nrun \"print('in', flush=True); import time; time.sleep(100)\" k1.py\n"
        "run \"print('next')\" k1.py"
    )
    request.until_seen("in")
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    assert "next" not in cell.stream()


def test_an_interrupt_that_the_code_handles_is_no_error(notebook: Host) -> None:
    request = notebook.begin(
        "%%silik k1.py\nimport time\ntry:\n    print('in', flush=True); time.sleep(100)\n"
        "except KeyboardInterrupt:\n    print('handled')"
    )
    request.until_seen("in")
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert cell.status == "ok"
    assert cell.stream() == "in\nhandled\n"


def test_a_second_interrupt_abandons_a_kernel_that_ignores_the_first(notebook: Host) -> None:
    request = notebook.begin("%%silik k1.py\n" + STUBBORN.format(seconds=3))
    request.until_seen("in")
    notebook.interrupt()
    request.until_seen("ignored")
    pressed = time.monotonic()
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < 1
    (error,) = cell.errors
    assert error["ename"] == "KeyboardInterrupt"
    assert "k1.py" in error["evalue"]
    assert "may still be running" in error["evalue"]
    assert notebook.ok("%%silik k2.py\n1").plain == ["1"]
    assert notebook.ok("%%silik k1.py\n2").plain == ["2"]  # it waits for its turn


def test_an_interrupt_while_the_user_is_asked_ends_the_cell(notebook: Host) -> None:
    request = notebook.begin("%%silik k1.py\ninput('name? ')", ask=True)
    request.until_asked()
    pressed = time.monotonic()
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < 1.5
    (error,) = cell.errors
    assert error["ename"] == "KeyboardInterrupt"
    assert notebook.run("%%silik k1.py\ninput('again? ')", answers=["yes"]).plain == ["'yes'"]
    assert notebook.run("input('of the host? ')", answers=["yes"]).plain == ["'yes'"]


def test_an_interrupt_of_a_start_leaves_nothing_behind(
    notebook: Host, kernels_dir, runtime_dir
) -> None:
    write_spec(
        kernels_dir,
        "never_ready",
        {
            "argv": ["sleep", "100"],
            "display_name": "Never ready",
            "language": "none",
        },
    )
    processes, files = set(notebook.pids()), set(runtime_dir.iterdir())
    request = notebook.begin("%silik start never_ready -n 2 -l slow")
    deadline = time.monotonic() + 10
    while len(set(notebook.pids()) - processes) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    begun = set(notebook.pids()) - processes
    assert len(begun) == 2
    pressed = time.monotonic()
    notebook.interrupt()
    cell = request.end(timeout=10)
    assert time.monotonic() - pressed < 3
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    assert not any(psutil.pid_exists(pid) for pid in begun)
    assert set(runtime_dir.iterdir()) == files
    assert "slow" not in notebook.ok("%silik tree").plain[0]
    # the label is free again
    notebook.ok("%silik start python3 -l slow1")
    notebook.ok("%silik stop slow1")


def test_an_interrupt_of_a_captured_cell_reaches_the_kernel(notebook: Host) -> None:
    request = notebook.begin("%%silik k1.py --capture kept\nimport time; time.sleep(100)")
    time.sleep(0.5)
    notebook.interrupt()
    cell = request.end(timeout=5)
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    assert notebook.value("kept.error.ename") == "'KeyboardInterrupt'"


def test_an_interrupt_of_the_hosts_own_code_is_the_hosts(notebook: Host) -> None:
    notebook.ok("%%silik k1.py\nx = 1")
    request = notebook.begin("print('in', flush=True)\nimport time; time.sleep(100)")
    request.until_seen("in")
    notebook.interrupt()
    assert request.end(timeout=10).errors[0]["ename"] == "KeyboardInterrupt"
    assert notebook.ok("%%silik k1.py\nx").plain == ["1"]
