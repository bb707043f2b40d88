"""`jupyter console --kernel silik`, in a real terminal."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import pexpect
import psutil
import pytest
from support.kernel import until_gone

COLOUR = r"(?:\x1b\[[\d;]*m)*"
PROMPT = rf"In \[{COLOUR}\d+{COLOUR}\]: "
PORT_TAKEN = "Address already in use"
ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
UP = "\x1b[A"
ASK = "input('na' + 'me? ')"  # the line that is typed does not show what is looked for
SLEEP = "import time; print('i' + 'n', flush=True); time.sleep(100)"


class Console:
    """A console in a pseudo-terminal, with all that its prompt can do."""

    def __init__(self) -> None:
        self.child = self._spawned()
        while self.child.expect([PROMPT, PORT_TAKEN]) == 1:  # by another process of the tests
            self.child.close(force=True)
            self.child = self._spawned()
        self.greeting = ANSI.sub("", self.child.before or "")

    @staticmethod
    def _spawned() -> Any:
        return pexpect.spawn(
            sys.executable,
            ["-m", "jupyter_console", "--kernel", "silik"],
            encoding="utf-8",
            timeout=10,
            dimensions=(50, 160),
            # A terminal that is asked where its cursor stands would have to answer.
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
        )

    def type(self, text: str, expected: str = "") -> str:
        """Type a line and return what is shown, up to the next prompt; it must hold a text."""
        self.child.send(text + "\r")
        self.child.expect_exact("\r\n")  # the line is taken
        return self.shown(expected)

    def shown(self, expected: str = "") -> str:
        shown = ""
        while not shown or expected not in shown:  # the prompt is drawn again with each line
            self.child.expect(PROMPT)
            shown += ANSI.sub("", self.child.before or "") or " "
        return shown

    def tab(self, text: str, rest: str) -> None:
        """Type the beginning of a word and TAB, which must add the rest."""
        self.child.send(text)
        self.child.expect_exact(text[-1])
        time.sleep(0.1)
        self.child.send("\t")
        self.child.expect_exact(rest)

    def begin(self, line: str) -> None:
        """Type a line that prints `in` and goes on; return when it has begun."""
        self.child.send(line + "\r")
        self.child.expect_exact("in\r\n")
        time.sleep(0.2)

    def interrupt(self, expected: str = "KeyboardInterrupt") -> tuple[str, float]:
        """Press Ctrl-C, and return what is shown until it was told, and how long that took."""
        pressed = time.monotonic()
        self.child.sendintr()
        return self.shown(expected), time.monotonic() - pressed

    def pids(self) -> list[int]:
        return [p.pid for p in psutil.Process(self.child.pid).children(recursive=True)]

    def leave(self) -> float:
        """Type `exit`; nothing is left then. Returns how long that took."""
        pids = [*self.pids(), self.child.pid]
        begun = time.monotonic()
        self.child.send("exit\r")
        self.child.expect(pexpect.EOF)
        self.child.wait()
        until_gone(pids)
        return time.monotonic() - begun


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    opened = Console()
    opened.tab("sta", "rt")
    opened.type(" python3 -l k1", "╰─ k1.py")
    yield opened
    opened.leave()


def test_the_console_greets_with_the_banner(console: Console) -> None:
    assert "silik" in console.greeting
    assert "`help` the commands" in console.greeting
    assert "Debugger" not in console.greeting


def test_tab_completes_commands_and_paths(console: Console) -> None:
    console.tab("run 6*7 k", "1.py")
    console.type("", "42")


def test_ctrl_c_ends_a_watch(console: Console) -> None:
    console.child.send("ps --watch\r")
    console.child.expect_exact("k1.py   idle")
    time.sleep(0.3)
    shown, seconds = console.interrupt("")
    assert seconds < 1
    assert "Interrupt" not in shown
    assert "42" in console.type("run 'print(6 * 7)' k1.py", "42")


def test_an_open_quote_asks_for_more(console: Console) -> None:
    console.child.send('run "x = 6\r')
    time.sleep(0.3)
    console.type('x * 7" k1.py', "42")


def test_an_error_is_shown_with_its_hint(console: Console) -> None:
    shown = console.type("strat python3", "UnknownCommand: strat (did you mean start")
    assert "Hint: " in shown
    assert "Traceback" not in shown


def test_ctrl_c_interrupts_a_run(console: Console) -> None:
    console.begin(f'run "{SLEEP}" k1.py')
    _, seconds = console.interrupt()
    assert seconds < 1
    console.type("run 6*7 k1.py", "42")


def test_connected_the_console_is_one_of_the_kernel(console: Console) -> None:
    console.type("> k1.py", "All cells are executed on kernel k1.py.")
    console.type("my_long_name = 14")
    console.tab("my_lon", "g_name")
    console.type(" * 3", "42")
    console.child.send("for i in range(2):\r")
    time.sleep(0.3)
    console.child.send("print('line', i)\r")
    time.sleep(0.3)
    console.type("", "line 0\r\nline 1")
    console.begin(SLEEP)
    _, seconds = console.interrupt()
    assert seconds < 1
    console.child.send(f"name = {ASK}\r")
    console.child.expect_exact("name? ")
    console.child.send("Ada\r")
    console.shown()
    console.type("name + '!'", "'Ada!'")
    console.type("/cmd", "Command mode.")
    console.type("tree", "╰─ k1.py")


def test_ctrl_c_while_the_user_is_asked_ends_the_cell(console: Console) -> None:
    console.child.send(f'run "{ASK}" k1.py\r')
    console.child.expect_exact("name? ")
    time.sleep(0.2)
    _, seconds = console.interrupt()
    assert seconds < 1
    console.type("pwd", "~/")


def test_up_arrow_recalls_what_was_typed_also_in_a_new_console(console: Console) -> None:
    console.type("mkdir up", "╰─ up")
    console.type("cd up", "~/up/")
    console.type(UP + UP, "╰─ up")  # `mkdir up` again, in there
    console.type("cd ~", "~/")
    another = Console()
    another.type(UP, "~/")
    another.type(UP + UP, "╰─ up")
    another.leave()


def test_exit_leaves_nothing_running() -> None:
    opened = Console()
    opened.type("start python3 -n 2 -l k", "╰─ k2.py")
    opened.type("start bare -l b1", "╰─ b1")
    assert len(opened.pids()) >= 4  # silik and its kernels, and perhaps a template
    seconds = opened.leave()
    print("left after", seconds)
    assert seconds < 2


def test_a_console_that_is_killed_leaves_nothing_running() -> None:
    opened = Console()
    opened.type("start bare -l b1", "╰─ b1")  # which does not look for its parent itself
    pids = opened.pids()
    opened.child.kill(9)
    opened.child.wait()
    assert until_gone(pids) < 1.5
