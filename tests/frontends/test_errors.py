"""Errors are for people: short, with a hint, and without a line of ours."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.host import Cell, Host
from support.languages import write_spec

ANSI = re.compile(r"\x1b\[[0-9;]*m")

WRONG = [
    # what is typed, the ename, what the message names, what the hint names
    ("strat python3", "UnknownCommand", "strat", "start"),
    ("frobnicate", "UnknownCommand", "frobnicate", "help"),
    ("start", "CommandError", "SPEC", "start [OPTIONS] SPEC"),
    ("start pyton3", "CommandError", "pyton3", "python3"),
    ("start python3 -l k1", "CommandError", "k1.py", "--if-missing"),
    ("start python3 -l a/b", "CommandError", "a/b", ""),
    ("start python3 -l 'a*'", "CommandError", "a*", ""),
    ("start python3 --lable x", "CommandError", "--lable", "--label"),
    ("start python3 -n many", "CommandError", "many", "start"),
    ("start python3 -n 0", "CommandError", "0", "start"),
    ("start python3 --cwd /no/such", "CommandError", "/no/such", "--cwd"),
    ("start python3 --env A", "CommandError", "A", "NAME=VALUE"),
    ("start /no/such/kernel.json", "CommandError", "/no/such/kernel.json", ""),
    ("start python3 -l x --if-missing --replace", "CommandError", "--replace", "one"),
    ("start python3 --timeout soon", "CommandError", "soon", "start"),
    ("stop nowhere.py", "CommandError", "nowhere.py", "k1.py"),
    ("stop", "CommandError", "PATH", "stop"),
    ("restart k1.pi", "CommandError", "k1.pi", "k1.py"),
    ("interrupt models/k9", "CommandError", "k9 is not in ~/models/", "m1.py"),
    ("signal SIGFOO k1.py", "CommandError", "SIGFOO", "SIGINT"),
    ("signal 2", "CommandError", "PATH", "signal"),
    ("kill empty", "CommandError", "empty", ""),
    ("run 1", "CommandError", "PATH", "run"),
    ("run 1 nowhere", "CommandError", "nowhere", "k1.py"),
    ("run 1 'k[7-9].py'", "CommandError", "k[7-9].py", ""),
    ("run 1 empty", "CommandError", "empty", ""),
    ("run 1 k1.py --on-timeout explode", "CommandError", "explode", "interrupt"),
    ("run 1 k1.py --timeout -1", "CommandError", "-1", "run"),
    ("run 'print(1) k1.py", "CommandError", "quote", ""),
    ("> empty", "CommandError", "empty", ""),
    ("> nowhere", "CommandError", "nowhere", ""),
    (">", "CommandError", "PATH", ">"),
    ("ls k1.py", "CommandError", "k1.py", ""),
    ("cd nowhere", "CommandError", "nowhere", ""),
    ("cd k1.py", "CommandError", "k1.py", ""),
    ("mkdir empty", "CommandError", "empty", ""),
    ("mkdir a/b/c", "CommandError", "a", "-p"),
    ("mv nowhere k1.py", "CommandError", "nowhere", ""),
    ("mv k1.py", "CommandError", "mv", "mv"),
    ("rm models", "CommandError", "models", "-r"),
    ("rm /", "CommandError", "root", ""),
    ("ps nowhere", "CommandError", "nowhere", ""),
    ("info empty", "CommandError", "empty", ""),
    ("history nowhere", "CommandError", "nowhere", ""),
    ("set 1a x", "CommandError", "1a", "letters"),
    ("set name", "CommandError", "name", "VALUE"),
    ("unset nothing", "CommandError", "nothing", ""),
    ("source no_such_file.silik", "CommandError", "no_such_file.silik", "relative"),
    ("cat no_such_file.silik", "CommandError", "no_such_file.silik", "relative"),
    ("help frobnicate", "UnknownCommand", "frobnicate", "help"),
]
WRONG_FIRST_LINES = [
    ("nowhere.py", "CommandError", "nowhere.py", "k1.py"),
    ("k1.py --tiemout 3", "CommandError", "--tiemout", "--timeout"),
    ("k1.py --capture 1a", "CommandError", "1a", "name"),
    ("run", "CommandError", "kernel", "PATH"),
    (">", "CommandError", "kernel", "PATH"),
    ("start python3", "CommandError", "start", "%silik"),
    ("--capture kept", "CommandError", "", ""),
    ("empty", "CommandError", "empty", ""),
    ("'k1.py", "CommandError", "quote", ""),
]


@pytest.fixture(autouse=True, scope="module")
def kernels(notebook: Host) -> None:
    notebook.ok(
        "%%silik\nstart python3 -l k1\nmkdir empty\nmkdir models\ncd models\n"
        "start python3 -l m1\ncd"
    )


def check(cell: Cell, ename: str, named: str, hint: str) -> dict[str, Any]:
    """Check what every error of ours must be, and return it."""
    assert cell.status == "error"
    assert cell.types == ["error"], cell.messages
    (error,) = cell.errors
    assert error["ename"] == ename
    assert named in error["evalue"]
    lines = [ANSI.sub("", line) for line in error["traceback"]]
    assert lines[-1].startswith("Hint: "), lines
    assert hint in lines[-1] + error["evalue"], lines
    assert len("\n".join(lines)) < 1000
    text = "\n".join(lines)
    assert "silik_magics" not in text
    assert "Traceback" not in text
    assert '.py", line' not in text
    assert (cell.reply["ename"], cell.reply["evalue"]) == (error["ename"], error["evalue"])
    return error


@pytest.mark.parametrize(("line", "ename", "named", "hint"), WRONG, ids=[x[0] for x in WRONG])
def test_a_wrong_line_is_one_short_error_with_a_hint(
    notebook: Host, line: str, ename: str, named: str, hint: str
) -> None:
    before = notebook.ok("%silik tree").plain
    from_line = check(notebook.run(f"%silik {line}"), ename, named, hint)
    from_cell = check(notebook.run(f"%%silik\n{line}"), ename, named, hint)
    assert from_line == from_cell
    assert notebook.ok("%silik tree").plain == before


@pytest.mark.parametrize(
    ("line", "ename", "named", "hint"), WRONG_FIRST_LINES, ids=[x[0] for x in WRONG_FIRST_LINES]
)
def test_a_wrong_first_line_is_one_short_error_with_a_hint(
    notebook: Host, line: str, ename: str, named: str, hint: str
) -> None:
    check(notebook.run(f"%%silik {line}\nprint(1)"), ename, named, hint)


def test_a_magic_without_a_command_says_what_to_type(notebook: Host) -> None:
    check(notebook.run("%silik"), "CommandError", "command", "help")


def test_an_unclosed_quote_says_where_it_was_opened(notebook: Host) -> None:
    error = check(notebook.run("%%silik\npwd\nrun 'abc k1.py"), "CommandError", "quote", "")
    assert "line 2" in "\n".join(error["traceback"])


def test_an_error_of_the_code_is_the_kernels_own(notebook: Host) -> None:
    cell = notebook.run("%silik run \"raise KeyError('no such')\" k1.py")
    (error,) = cell.errors
    assert (error["ename"], error["evalue"]) == ("KeyError", "'no such'")
    text = "".join(error["traceback"])
    assert "silik_magics" not in text
    assert "raise" in text


def test_an_error_of_the_code_can_be_caught_in_python(notebook: Host) -> None:
    cell = notebook.ok(
        "from silik_magics.errors import RemoteError\n"
        "try:\n    get_ipython().run_line_magic('silik', 'run 1/0 k1.py')\n"
        "except RemoteError as error:\n    print(error.ename, error.evalue)"
    )
    assert cell.stream() == "ZeroDivisionError division by zero\n"
    assert cell.types == ["stream"]


def test_a_dead_kernel_is_named_with_its_end(notebook: Host) -> None:
    notebook.ok("%silik start python3 -l doomed")
    cell = notebook.run(
        "%%silik doomed\nimport os, time\nprint('before', flush=True)\ntime.sleep(0.2)\n"
        "os.kill(os.getpid(), 9)"
    )
    (error,) = cell.errors
    assert error["ename"] == "KernelDied"
    assert "doomed.py" in error["evalue"]
    assert "SIGKILL" in error["evalue"]
    assert cell.stream() == "before\n"
    assert cell.seconds < 3
    check(notebook.run("%%silik doomed\n1"), "KernelDied", "SIGKILL", "restart doomed.py")
    assert "✗ killed by SIGKILL" in notebook.ok("%silik tree").plain[0]
    notebook.ok("%silik rm doomed")


def test_a_kernel_whose_program_is_absent_says_so(notebook: Host, kernels_dir) -> None:
    for program in ("no-such-program", "no-other-program"):  # it is read anew, too
        argv = [program, "{connection_file}"]
        spec = {"argv": argv, "display_name": "Absent", "language": "x"}
        write_spec(kernels_dir, "absent", spec)
        check(notebook.run("%silik start absent"), "KernelDied", program, f"install {program}")


def test_a_kernel_that_dies_while_it_starts_shows_its_last_words(
    notebook: Host, kernels_dir
) -> None:
    argv = ["sh", "-c", "echo 'no licence found' >&2; exit 3"]
    write_spec(kernels_dir, "broken", {"argv": argv, "display_name": "Broken", "language": "x"})
    cell = notebook.run("%silik start broken -l b")
    (error,) = cell.errors
    assert error["ename"] == "KernelDied"
    assert "no licence found" in "\n".join(error["traceback"])
    assert "code 3" in error["evalue"]
    assert cell.seconds < 3
    assert "b." not in notebook.ok("%silik tree").plain[0]


def test_a_kernel_that_is_not_ready_in_time_is_an_error_and_is_gone(
    notebook: Host, kernels_dir
) -> None:
    argv = ["sleep", "100"]
    write_spec(kernels_dir, "sleepy", {"argv": argv, "display_name": "Sleepy", "language": "x"})
    before = notebook.pids()
    cell = notebook.run("%silik start sleepy --timeout 0.5")
    check(cell, "KernelTimeout", "0.5 s", "--timeout")
    assert cell.seconds < 4
    assert notebook.pids() == before
