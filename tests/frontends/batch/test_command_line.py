"""The command line `silik`: scripts, notebooks, kernels, doctor, completion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pexpect
import psutil
import pytest
from support.kernel import until_as_before
from support.languages import write_spec
from support.sweeps import SILIK, Running, all_end, run, write_notebook

from silik_magics import __version__

SLEEP = "import time; print('asleep', flush=True); time.sleep(100)"


@pytest.fixture(autouse=True)
def _nothing_left(runtime_dir: Path) -> Iterator[None]:
    files = set(runtime_dir.iterdir())
    before = set(psutil.Process().children(recursive=True))
    yield
    left = set(psutil.Process().children(recursive=True)) - before
    assert all_end(list(left)), [process.cmdline() for process in left if process.is_running()]
    until_as_before(runtime_dir, files)


def script(folder: Path, *lines: str) -> None:
    (folder / "s.silik").write_text("\n".join(lines) + "\n", encoding="utf-8")


def until_asleep(running: Running, name: str) -> None:
    """Wait until the code of a command has said so, in a file."""
    running.until((running.folder / name).exists)


# Scripts


def test_a_script_shows_outputs_where_they_belong(tmp_path: Path) -> None:
    script(
        tmp_path,
        "# a comment",
        "start python3 -l k1",
        "run \"import sys; print('out'); print('err', file=sys.stderr)\" k1.py",
        'run "6 * 7" k1.py',
    )
    done = run(tmp_path, "run", "s.silik")
    assert (done.code, done.out, done.err) == (0, "╰─ k1.py\nout\n42\n", "err\n")


def test_parameters_are_variables_of_a_script(tmp_path: Path) -> None:
    script(tmp_path, "start python3 -l k1", "run \"print('${name}', ${n})\" k1.py", "set")
    done = run(tmp_path, "run", "s.silik", "-p", "name", "a b", "-p", "n", "7")
    assert done.out == "╰─ k1.py\na b 7\nname  value\nn     7\nname  a b\n"


def test_outputs_come_as_they_are_made(tmp_path: Path) -> None:
    script(tmp_path, "start python3 -l k1", f'run "{SLEEP}" k1.py')
    terminal = pexpect.spawn(SILIK, ["run", "s.silik"], cwd=tmp_path, encoding="utf-8")
    terminal.expect("asleep", timeout=30)
    terminal.sendintr()
    terminal.expect("KeyboardInterrupt", timeout=5)
    terminal.expect("Interrupted.", timeout=5)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130


def test_a_script_asks_on_the_terminal(tmp_path: Path) -> None:
    script(tmp_path, "start python3 -l k1", "run \"print('hello', input('who? '))\" k1.py")
    terminal = pexpect.spawn(SILIK, ["run", "s.silik"], cwd=tmp_path, encoding="utf-8")
    terminal.expect("who\\? ", timeout=30)
    terminal.sendline("me")
    terminal.expect("hello me", timeout=10)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_where_nobody_can_be_asked_a_question_is_an_error(tmp_path: Path) -> None:
    script(tmp_path, "start python3 -l k1", "run \"input('who? ')\" k1.py")
    done = run(tmp_path, "run", "s.silik")
    assert done.code == 1
    assert "input" in done.err


def test_an_error_ends_a_script_with_the_kernels_own_traceback(tmp_path: Path) -> None:
    script(tmp_path, "start python3 -l k1", 'run "1 / 0" k1.py', 'run "print(1)" k1.py')
    done = run(tmp_path, "run", "s.silik")
    assert done.code == 1
    assert done.out == "╰─ k1.py\n"
    assert done.err.endswith("ZeroDivisionError: division by zero\n")
    assert "silik_magics" not in done.err
    assert "\x1b" not in done.err  # no colours where no terminal is


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("strat python3", "UnknownCommand: strat (did you mean start or restart?)"),
        ("start python3 -l k1\nrun 'import os; os._exit(7)' k1.py", "KernelDied: k1.py died: exit"),
        ("run 'unclosed", "CommandError: "),
    ],
)
def test_an_error_of_ours_has_a_hint_and_the_code_1(line: str, told: str, tmp_path: Path) -> None:
    script(tmp_path, line)
    done = run(tmp_path, "run", "s.silik")
    assert done.code == 1
    assert told in done.err
    assert "\nHint: " in done.err


def test_after_exit_a_script_does_nothing_more(tmp_path: Path) -> None:
    script(tmp_path, "start python3 -l k1", "exit", "pwd")
    done = run(tmp_path, "run", "s.silik")
    assert (done.code, done.out) == (0, "╰─ k1.py\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_script_and_its_kernels(number: int, code: int, tmp_path: Path) -> None:
    sleeps = "open('asleep', 'w').close(); import time; time.sleep(100)"
    script(tmp_path, "start python3 -l k1", f'run "{sleeps}" k1.py', "pwd")
    running = Running(tmp_path, "run", "s.silik")
    until_asleep(running, "asleep")
    kernels = running.descendants()
    assert kernels
    started = time.monotonic()
    running.signal(number)
    done = running.end()
    assert time.monotonic() - started < 3
    assert done.code == code
    assert done.out == "╰─ k1.py\n"
    assert "Interrupted." in done.err
    assert ("KeyboardInterrupt" in done.err) == (number == signal.SIGINT)
    assert "silik_magics" not in done.err
    assert all_end(kernels, 0.5)


def test_a_reader_that_leaves_ends_a_script_and_its_kernels(tmp_path: Path) -> None:
    code = "import time\nfor i in range(1000): print(i, flush=True); time.sleep(0.01)"
    script(tmp_path, "start python3 -l k1", f'run "{code}" k1.py')
    done = subprocess.run(
        f"{SILIK} run s.silik | head -3",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "╰─ k1.py\n0\n1\n"
    assert "Traceback" not in done.stderr


# Notebooks


def test_a_notebook_is_executed_beside_itself_and_shows_its_outputs(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "n.ipynb",
        "%load_ext silik_magics",
        "%silik start python3 -l k1",
        "%%silik k1.py\nimport sys; print('sub'); print('err', file=sys.stderr)\n{'a': 1}",
        "x * 2",
        "from IPython.display import HTML; HTML('<b>bold</b>')",
    )
    done = run(tmp_path, "run", "n.ipynb", "-p", "x", "21")
    assert done.code == 0, done.err
    assert done.out == "╰─ k1.py\nsub\n{'a': 1}\n42\n<IPython.core.display.HTML object>\n"
    assert done.err == "err\nThe executed notebook is n.out.ipynb\n"
    made = nbformat.read(tmp_path / "n.out.ipynb", as_version=4)
    assert made.metadata.papermill.parameters == {"x": 21}
    assert made.cells[5].outputs[0]["data"]["text/plain"] == "42"


def test_the_output_notebook_can_be_named(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", "print(type(x).__name__)")
    for value, kind in (("1", "int"), ("1.5", "float"), ("True", "bool"), ("a", "str")):
        done = run(tmp_path, "run", "n.ipynb", "-p", "x", value, "-o", f"{{{kind}}}.ipynb")
        assert done.out == f"{kind}\n", done.err
        assert (tmp_path / f"{{{kind}}}.ipynb").exists()
    assert not (tmp_path / "n.out.ipynb").exists()


def test_an_error_in_a_cell_ends_the_notebook_with_the_code_1(tmp_path: Path) -> None:
    write_notebook(tmp_path / "n.ipynb", "print('before')", "1 / 0", "print('not reached')")
    done = run(tmp_path, "run", "n.ipynb")
    assert (done.code, done.out) == (1, "before\n")
    assert done.err.endswith("ZeroDivisionError: division by zero\n")
    assert done.err.count("ZeroDivisionError") == 2  # the head and the end of one traceback
    assert "papermill" not in done.err
    made = nbformat.read(tmp_path / "n.out.ipynb", as_version=4)
    assert "error" in [o.output_type for cell in made.cells for o in cell.get("outputs", ())]


def test_the_death_of_the_notebooks_kernel_is_told(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "n.ipynb",
        "import os, sys\nos.write(sys.__stderr__.fileno(), b'last words\\n')\nos._exit(7)",
    )
    done = run(tmp_path, "run", "n.ipynb")
    assert done.code == 1
    assert "KernelDied: the kernel of n.ipynb died\n" in done.err
    assert "    last words\n" in done.err
    assert "Traceback" not in done.err


def notebook_for(folder: Path, kernels_dir: Path, first: str) -> None:
    """Write a notebook, and the kernelspec `shaky` for it, whose program does something first."""
    program = folder / "program"
    python = f"exec {sys.executable} -m ipykernel_launcher"
    program.write_text(f'#!/bin/sh\n{first}\n{python} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    argv = [str(program), "-f", "{connection_file}"]
    write_spec(kernels_dir, "shaky", {"argv": argv, "language": "python"})
    made = nbformat.read(write_notebook(folder / "n.ipynb", "print('hello')"), as_version=4)
    made.metadata.kernelspec.name = "shaky"
    nbformat.write(made, folder / "n.ipynb")


@pytest.mark.parametrize("words", [["run", "n.ipynb"], ["sweep", "n.ipynb", "-p", "x=1"]])
def test_a_kernel_that_does_not_start_is_started_again(
    words: list[str], tmp_path: Path, kernels_dir: Path
) -> None:
    # As when somebody else was faster to bind one of its ports.
    first = f"test -e {tmp_path}/flag || {{ touch {tmp_path}/flag; exit 1; }}"
    notebook_for(tmp_path, kernels_dir, first)
    done = run(tmp_path, *words)
    assert done.code == 0, done.err
    assert (tmp_path / "flag").exists()


def test_a_kernel_that_never_starts_is_told_with_its_last_words(
    tmp_path: Path, kernels_dir: Path
) -> None:
    notebook_for(tmp_path, kernels_dir, "echo no libfoo >&2; exit 1")
    done = run(tmp_path, "run", "n.ipynb")
    assert done.code == 1
    assert "KernelDied: the kernel of n.ipynb did not start: Kernel died before" in done.err
    assert "    no libfoo\nHint: `silik doctor SPEC` tells why" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_signal_ends_a_notebook_and_keeps_what_it_did(
    number: int, code: int, tmp_path: Path
) -> None:
    write_notebook(
        tmp_path / "n.ipynb",
        "%load_ext silik_magics",
        "%silik start python3 -l k1",
        "print('done')",
        "%%silik k1.py\nopen('asleep', 'w').close(); import time; time.sleep(100)",
    )
    running = Running(tmp_path, "run", "n.ipynb")
    until_asleep(running, "asleep")
    kernels = running.descendants()
    assert len(kernels) >= 2
    running.signal(number)
    done = running.end()
    assert done.code == code
    assert all_end(kernels, 1)
    assert "Traceback (most recent call last)\n" not in done.err
    made = nbformat.read(tmp_path / "n.out.ipynb", as_version=4)
    assert made.cells[3].outputs[0]["text"] == "done\n"


# What is not right on the command line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "Missing argument 'FILE'"),
        (["run", "gone.silik"], "gone.silik: No such file"),
        (["run", "gone.ipynb"], "there is no notebook at gone.ipynb"),
        (["run", "n.txt"], "neither a .silik script nor an .ipynb notebook"),
        (["run", "s.silik", "-o", "x"], "a script has no output notebook"),
        (["run", "s.silik", "-p", "1a", "x"], "1a is no name of a variable"),
        (["run", "n.ipynb", "-p", "y", "1"], "n.ipynb has no parameter y\nHint: there is x"),
        (["run", "n.ipynb", "-o", "no/out.ipynb"], "there is no folder "),
        (["run", "n.ipynb", "-o", "."], ". is a folder"),
        (["run", "broken.ipynb"], "broken.ipynb is no notebook"),
        (["doctor", "python3", "--timeout", "-1"], "doctor: invalid value for '--timeout'"),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_what_is_not_right_has_the_code_2_and_one_message(
    words: list[str], message: str, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "n.ipynb")
    script(tmp_path, "pwd")
    (tmp_path / "broken.ipynb").write_text("{")
    before = sorted(tmp_path.iterdir())
    done = run(tmp_path, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert sorted(tmp_path.iterdir()) == before


# Facts


def test_kernels_shows_the_kernelspecs(tmp_path: Path) -> None:
    done = run(tmp_path, "kernels")
    assert done.code == 0
    assert done.out.startswith("name ")
    assert "\npython3 " in done.out


def test_the_doctors_code_says_whether_a_kernel_starts(tmp_path: Path, kernels_dir: Path) -> None:
    write_spec(kernels_dir, "ill", {"argv": ["silik-test-no-such-program"]})
    fine = run(tmp_path, "doctor", "python3")
    assert fine.code == 0
    assert fine.out.startswith("python3 starts: ready after ")
    ill = run(tmp_path, "doctor", "ill")
    assert (ill.code, ill.err) == (1, "")
    assert ill.out.startswith("ill does not start: ")
    none = run(tmp_path, "doctor", "pyton3")
    assert none.code == 1
    assert "did you mean python3?" in none.out


def test_the_version_is_told_at_once(tmp_path: Path) -> None:
    run(tmp_path, "--version")
    started = time.monotonic()
    assert run(tmp_path, "--version").out == f"silik, version {__version__}\n"
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("words", [["--version"], ["kernels"], ["sweep", "--help"], ["run", "-h"]])
def test_papermill_is_not_imported_where_no_notebook_is_run(
    words: list[str], tmp_path: Path
) -> None:
    program = (
        "import sys\nfrom silik_magics.batch.command_line import main\n"
        f"main({words!r}, standalone_mode=False)\n"
        "heavy = {'papermill', 'nbclient', 'nbformat', 'distributed', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


# Completion


def completed(folder: Path, *words: str) -> list[str]:
    env = {
        **os.environ,
        "_SILIK_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["silik", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([SILIK], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_a_shell_completes_commands_options_and_kernelspecs(tmp_path: Path) -> None:
    assert completed(tmp_path, "sw") == ["sweep"]
    assert completed(tmp_path, "") == ["doctor", "gc", "kernels", "run", "sweep"]
    assert "--resume" in completed(tmp_path, "sweep", "--re")
    assert completed(tmp_path, "doctor", "pyth") == ["python3"]


def test_click_writes_what_a_shell_must_load(tmp_path: Path) -> None:
    env = {**os.environ, "_SILIK_COMPLETE": "zsh_source"}
    done = subprocess.run([SILIK], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "#compdef silik" in done.stdout
