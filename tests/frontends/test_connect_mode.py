"""`%silik > PATH` in a notebook: the following cells are code for that kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.host import Host

CONNECTED = (
    "All cells are executed on kernel k1.py. Run /cmd to exit this mode and select a new kernel."
)
COMMAND_MODE = (
    "Command mode. You can create and select kernels. Send `help` for the list of commands."
)


@pytest.fixture(autouse=True)
def connected(notebook: Host) -> Iterator[None]:
    notebook.ok("%silik start python3 -l k1 --if-missing")
    assert notebook.ok("%silik > k1.py").plain == [CONNECTED]
    notebook.ok("where = 'sub'")
    yield
    notebook.ok("%silik /cmd")


def test_cells_go_to_the_connected_kernel(notebook: Host) -> None:
    cell = notebook.ok("print(where)\nwhere")
    assert cell.types == ["stream", "execute_result"]
    assert cell.stream() == "sub\n"
    assert cell.plain == ["'sub'"]


def test_cells_arrive_untouched(notebook: Host) -> None:
    code = "if True:\n    y = 3\n\n# {y} $y ${y}\ny"
    assert notebook.ok(code).plain == ["3"]
    sent = notebook.ok("print(ascii(get_ipython().history_manager.input_hist_raw[-2]))")
    assert sent.stream() == ascii(code) + "\n"


def test_magics_of_the_connected_kernel_are_its_own(notebook: Host) -> None:
    assert "where" in notebook.ok("%who_ls").plain[0]
    assert notebook.ok("%%capture kept\nprint('caught')").messages == []
    assert notebook.ok("kept.stdout").plain == ["'caught\\n'"]


@pytest.mark.parametrize("code", ["", "\n\n", "  "])
def test_an_empty_cell_does_nothing(notebook: Host, code: str) -> None:
    assert notebook.ok(code).messages == []


def test_cells_of_our_magics_stay_with_the_host(notebook: Host) -> None:
    notebook.ok("%silik start python3 -l k2 --if-missing")
    assert notebook.ok("%silik pwd").plain == ["~/"]
    assert notebook.ok("%%silik k2\n'where' in globals()").plain == ["False"]
    assert notebook.ok("%%silik\npwd").plain == ["~/"]
    assert notebook.ok("where").plain == ["'sub'"]


@pytest.mark.parametrize("code", ["/cmd", "<", "%silik /cmd", "%silik <", "  /cmd\n"])
def test_a_word_leaves_the_mode(notebook: Host, code: str) -> None:
    assert notebook.ok(code).plain == [COMMAND_MODE]
    assert notebook.ok("'where' in globals()").plain == ["False"]


def test_an_error_of_the_cell_is_the_kernels_own(notebook: Host) -> None:
    cell = notebook.run("before = 1\n1 / 0")
    assert cell.status == "error"
    (error,) = cell.errors
    assert error["ename"] == "ZeroDivisionError"
    assert "File" not in "".join(error["traceback"])
    assert notebook.ok("before").plain == ["1"]


def test_a_syntax_error_is_the_kernels_own(notebook: Host) -> None:
    (error,) = notebook.run("if True\n  x = ?").errors
    assert error["ename"] == "SyntaxError"


def test_code_that_is_no_python_is_not_touched_by_the_host(notebook: Host) -> None:
    notebook.ok("%silik start bash -l b1 --if-missing")
    notebook.ok("%silik > b1")
    cell = notebook.ok('for i in 1 2\ndo echo "$i"\ndone\necho ${i} {where} $where why?')
    assert cell.stream() == "1\n2\n2 {where} why?\n"


def test_when_the_kernel_dies_it_is_command_mode_again(notebook: Host) -> None:
    cell = notebook.run("import os; os._exit(7)")
    (error,) = cell.errors
    assert error["ename"] == "KernelDied"
    assert "exited with code 7" in error["evalue"]
    assert "command mode again" in error["traceback"][-1]
    assert notebook.ok("'where' in globals()").plain == ["False"]
    notebook.ok("%silik restart k1.py")


def test_when_the_idle_kernel_has_died_the_next_cell_says_so(notebook: Host) -> None:
    notebook.ok("import os, threading; threading.Timer(0.2, os._exit, [7]).start()")
    cell = notebook.run("import time; time.sleep(3)")
    assert [error["ename"] for error in cell.errors] == ["KernelDied"]
    assert cell.seconds < 2
    assert notebook.ok("'where' in globals()").plain == ["False"]
    notebook.ok("%silik restart k1.py")


def test_stopping_the_connected_kernel_ends_the_mode(notebook: Host) -> None:
    notebook.ok("%silik stop k1.py")
    assert notebook.ok("'where' in globals()").plain == ["False"]


def test_a_failed_switch_leaves_the_mode_as_it_was(notebook: Host) -> None:
    assert notebook.run("%silik > nowhere.py").errors[0]["ename"] == "CommandError"
    assert notebook.ok("where").plain == ["'sub'"]


def test_what_follows_a_switch_in_a_cell_is_left_out_with_a_note(notebook: Host) -> None:
    notebook.ok("/cmd")
    cell = notebook.ok("%%silik\n> k1.py\nwhere = 'lost'\nmore")
    assert cell.plain[0] == CONNECTED
    assert "2 lines were left out" in cell.plain[1]
    assert notebook.ok("where").plain == ["'sub'"]


def test_input_and_interrupt_work_in_connect_mode(notebook: Host) -> None:
    cell = notebook.run("input('name? ')", answers=["Ada"])
    assert cell.plain == ["'Ada'"]
    request = notebook.begin("print('in'); import time; time.sleep(100)")
    request.until_seen("in")
    notebook.interrupt()
    cell = request.end(timeout=5)
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]
    assert notebook.ok("where").plain == ["'sub'"]
