"""A sub-kernel asks the user through the front-end of the host."""

from __future__ import annotations

import os
import signal
import time

import pytest
from support.host import Host

NAME = "input('name? ')"
SECRET = "import getpass; getpass.getpass('secret? ')"


@pytest.fixture(autouse=True, scope="module")
def kernels(notebook: Host) -> None:
    notebook.ok("%silik start python3 -n 2 -l k")


def test_input_asks_in_the_host(notebook: Host) -> None:
    cell = notebook.run(f"%%silik k1.py\n{NAME}", answers=["Ada"])
    assert cell.questions == [{"prompt": "name? ", "password": False}]
    assert cell.plain == ["'Ada'"]


def test_getpass_asks_for_a_password(notebook: Host) -> None:
    cell = notebook.run(f"%%silik k1.py\n{SECRET}; print('taken')", answers=["sesame"])
    assert cell.questions == [{"prompt": "secret? ", "password": True}]
    assert cell.stream() == "taken\n"
    assert "sesame" not in str(cell.messages)


def test_questions_are_asked_one_after_the_other(notebook: Host) -> None:
    cell = notebook.run(
        "%%silik k1.py\nprint('first'); a = input('a? '); print('then'); b = input('b? '); a + b",
        answers=["1", "2"],
    )
    assert [question["prompt"] for question in cell.questions] == ["a? ", "b? "]
    assert cell.plain == ["'12'"]
    assert cell.stream() == "first\nthen\n"


def test_a_run_in_a_line_asks_too(notebook: Host) -> None:
    cell = notebook.run("%silik run \"print(input('a? '))\" k1.py", answers=["1"])
    assert cell.stream() == "1\n"


def test_several_kernels_may_ask_in_one_cell(notebook: Host) -> None:
    cell = notebook.run(f"%%silik k1.py k2.py\nprint({NAME})", answers=["Ada", "Ada"])
    assert len(cell.questions) == 2
    assert cell.stream() == "Ada\nAda\n"


def test_a_captured_cell_still_asks(notebook: Host) -> None:
    cell = notebook.run(f"%%silik k1.py --capture kept\n{NAME}", answers=["Ada"])
    assert [question["prompt"] for question in cell.questions] == ["name? "]
    assert notebook.value("kept.text") == "\"'Ada'\""


@pytest.mark.parametrize("code", [NAME, SECRET])
def test_a_question_ends_with_the_kernel_that_asked(notebook: Host, code: str) -> None:
    victim = notebook.ok("%%silik k2.py\nimport os; os.getpid()").plain[0]
    request = notebook.begin(f"%%silik k2.py\n{code}", ask=True)
    request.until_asked()
    os.kill(int(victim), signal.SIGKILL)
    cell = request.end(timeout=5)
    assert [error["ename"] for error in cell.errors] == ["KernelDied"]
    notebook.ok("%silik restart k2.py")
    assert notebook.run("%silik run \"print(input('a? '))\" k2.py", answers=["1"]).stream() == "1\n"


def test_a_question_after_an_interrupt_that_came_too_early_is_not_asked(notebook: Host) -> None:
    pids = [int(notebook.ok(f"%%silik k{n}.py\nimport os; os.getpid()").plain[0]) for n in (1, 2)]
    os.kill(pids[1], signal.SIGSTOP)
    request = notebook.begin(f"%%silik k1.py k2.py\n{NAME}", ask=True)
    request.until_asked()
    notebook.interrupt()
    time.sleep(0.3)
    os.kill(pids[1], signal.SIGCONT)
    cell = request.end(timeout=5)
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"] * 3
    assert len(cell.questions) == 1
    assert notebook.run(f"%%silik k2.py\n{NAME}", answers=["on"]).plain == ["'on'"]


@pytest.mark.parametrize("code", [NAME, SECRET])
def test_without_somebody_to_ask_it_is_an_error(notebook: Host, code: str) -> None:
    cell = notebook.run(f"%%silik k1.py\nprint('before')\n{code}")
    assert cell.seconds < 5
    assert cell.stream() == "before\n"
    assert len(cell.errors) == 1
    assert "input" in cell.errors[0]["evalue"] + cell.errors[0]["ename"]
    assert notebook.ok("%%silik k1.py\n6 * 7").plain == ["42"]


def test_the_host_can_ask_after_a_sub_kernel_did(notebook: Host) -> None:
    notebook.run(f"%%silik k1.py\n{NAME}", answers=["Ada"])
    cell = notebook.run("input('of the host? ')", answers=["Grace"])
    assert cell.questions == [{"prompt": "of the host? ", "password": False}]
    assert cell.plain == ["'Grace'"]
