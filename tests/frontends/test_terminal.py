"""The magics in a terminal's IPython."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator

import pexpect
import psutil
import pytest
from support.kernel import words_of

PROMPT = r"In \[\d+\]: $"
ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """IPython with a simple prompt, in a pseudo-terminal."""

    def __init__(self) -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            encoding="utf-8",
            timeout=8,
            dimensions=(50, 200),
        )
        self.child.setecho(False)
        self.child.expect(PROMPT)

    def type(self, *lines: str) -> str:
        """Type a cell and return what was shown before the next prompt.

        A cell magic ends, at a simple prompt, with two empty lines.
        """
        for line in lines[:-1]:
            self.child.sendline(line)
            self.child.expect(r"\.\.\.+: $")
        self.child.sendline(lines[-1])
        return self.shown()

    def shown(self) -> str:
        self.child.expect(PROMPT)
        return ANSI.sub("", self.child.before or "").replace("\r\n", "\n")

    def pids(self) -> list[int]:
        return [p.pid for p in psutil.Process(self.child.pid).children(recursive=True)]

    def leave(self) -> None:
        """Type `exit`; nothing is left then."""
        pids = [*self.pids(), self.child.pid]
        self.child.sendline("exit")
        self.child.expect(pexpect.EOF)
        self.child.wait()
        assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.fixture(scope="module")
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    opened.type("%load_ext silik_magics")
    assert "╰─ k1.py" in opened.type("%silik start python3 -l k1")
    yield opened
    opened.leave()


def test_a_cell_shows_its_outputs_as_text(terminal: Terminal) -> None:
    shown = terminal.type("%%silik k1.py", "print('out')", "6 * 7", "", "")
    assert shown.strip().splitlines()[-2:] == ["out", "42"]


def test_a_cell_of_commands_shows_their_answers(terminal: Terminal) -> None:
    shown = terminal.type("%%silik", "pwd", "run 'print(1 + 1)' k1.py", "tree", "", "")
    assert shown.strip().splitlines()[-3:] == ["~/", "2", "╰─ k1.py"]


def test_a_line_answers_with_a_value(terminal: Terminal) -> None:
    terminal.type("t = %silik ps")
    assert "k1.py idle" in terminal.type("print(t[0]['kernel'], t[0]['state'])")


def test_what_has_no_text_is_named(terminal: Terminal) -> None:
    code = "from IPython.display import Image, display; display(Image(data=b'x', format='png'))"
    assert "<IPython.core.display.Image object>" in terminal.type(f'%silik run "{code}" k1.py')


def test_an_error_shows_the_kernels_own_traceback(terminal: Terminal) -> None:
    shown = terminal.type("%silik run 1/0 k1.py")
    assert shown.count("ZeroDivisionError: division by zero") == 1
    assert "silik_magics" not in shown


def test_an_error_of_ours_is_short(terminal: Terminal) -> None:
    shown = terminal.type("%silik strat python3")
    assert "UnknownCommand: strat (did you mean start" in shown
    assert "Hint: " in shown
    assert "Traceback" not in shown
    assert "silik_magics" not in shown


def test_the_user_is_asked(terminal: Terminal) -> None:
    terminal.child.sendline("%silik run \"print('got', input('name? '))\" k1.py")
    terminal.child.expect_exact("name? ")
    terminal.child.sendline("Ada")
    assert "got Ada" in terminal.shown()


def test_ctrl_c_interrupts_the_sub_kernel(terminal: Terminal) -> None:
    code = "print('i' + 'n', flush=True); import time; time.sleep(100)"
    terminal.child.sendline(f'%silik run "{code}" k1.py')
    terminal.child.expect_exact("in\r\n")
    time.sleep(0.2)
    pressed = time.monotonic()
    terminal.child.sendintr()
    shown = terminal.shown()
    assert time.monotonic() - pressed < 2
    assert "KeyboardInterrupt" in shown
    assert "silik_magics" not in shown
    assert "42" in terminal.type("%silik run 'print(6 * 7)' k1.py")


def test_ctrl_c_while_the_user_is_asked_ends_the_cell(terminal: Terminal) -> None:
    terminal.child.sendline("%silik run \"input('name? ')\" k1.py")
    terminal.child.expect_exact("name? ")
    time.sleep(0.2)  # Python itself misses a Ctrl-C between the question and reading its answer
    terminal.child.sendintr()
    assert "KeyboardInterrupt" in terminal.shown()
    assert "42" in terminal.type("%silik run 'print(6 * 7)' k1.py")


REDRAWN = "\r\x1b[2A\x1b[J\x1b[?7lkernel"  # two lines up, and what is below is gone


def test_a_watch_is_drawn_anew_until_ctrl_c(terminal: Terminal) -> None:
    terminal.child.sendline("%silik ps --watch")
    terminal.child.expect_exact(REDRAWN)
    terminal.child.sendintr()
    shown = terminal.shown()
    assert "k1.py   idle" in shown
    assert "Interrupt" not in shown
    assert "42" in terminal.type("%silik run 'print(6 * 7)' k1.py")


def test_the_last_line_tells_which_kernels_are_still_running(terminal: Terminal) -> None:
    terminal.type("%silik start python3 -l k2")
    code = "import time; time.sleep(1.2); print('done')"
    terminal.child.sendline(f'%silik run "{code}" k1.py k2.py')
    terminal.child.expect_exact("2 of 2 still running: k1.py, k2.py (1 s)")
    terminal.child.expect_exact("\r\x1b[1A\x1b[J── k1.py ──")
    assert "still running" not in terminal.shown().partition("── k2.py ──")[2]
    terminal.type("%silik stop k2.py")


def test_connect_mode_takes_cells_of_several_lines(terminal: Terminal) -> None:
    assert "All cells are executed on kernel k1.py" in terminal.type("%silik > k1.py")
    terminal.type("where = 'sub'")
    terminal.type("def double(x):", "    y = x * 2", "    return y", "", "")
    assert "'subsub'" in terminal.type("double(where)")
    shown = terminal.type("for i in range(2):", "    j = i", "    print('line', j)", "", "")
    assert "line 0\nline 1\n" in shown
    assert "~/" in terminal.type("%silik pwd")
    assert "Command mode" in terminal.type("/cmd")
    assert "False" in terminal.type("'where' in globals()")


def test_connect_mode_takes_several_lines_of_another_language(terminal: Terminal) -> None:
    terminal.type("%silik start bash -l b1")
    terminal.type("%silik > b1.sh")
    shown = terminal.type("for i in 1 2; do echo $i; done")
    assert "1\n2\n" in shown
    terminal.type("/cmd")
    terminal.type("%silik stop --now b1.sh")


def test_exit_leaves_no_process_behind() -> None:
    opened = Terminal()
    opened.type("%load_ext silik_magics")
    opened.type("%silik start python3 -n 2 -l k")
    opened.type('%silik run \'import subprocess; p = subprocess.Popen(["sleep", "5"])\' k1.py')
    assert len(opened.pids()) >= 3
    sleepers = [pid for pid in opened.pids() if "sleep" in words_of(pid)]
    kernels = [pid for pid in opened.pids() if pid not in sleepers]
    opened.child.sendline("exit")
    opened.child.expect(pexpect.EOF)
    opened.child.wait()
    assert not [pid for pid in kernels if psutil.pid_exists(pid)]


def test_exit_is_quick_while_a_kernel_is_busy() -> None:
    opened = Terminal()
    opened.type("%load_ext silik_magics")
    opened.type("%silik start python3 -l k1")
    code = "import threading, time; threading.Thread(target=time.sleep, args=[100]).start()"
    opened.type(f"%silik run '{code}' k1.py")
    began = time.monotonic()
    opened.leave()
    assert time.monotonic() - began < 8


def test_nothing_is_started_before_the_first_use() -> None:
    opened = Terminal()
    opened.type("import sys")
    opened.type("%load_ext silik_magics")
    assert "False" in opened.type("'zmq' in sys.modules")
    assert opened.pids() == []
    opened.leave()
