"""A run keeps which sub-kernels it had, and the notebook's kernel does not notice the question."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from support.kernel import until_as_before
from support.runs import LOAD, Run, code_cells, read, statuses, without_times, write_notebook
from support.runs import papermill as begin

START = "%silik start python3 -l k1"
SILIK = ("--engine", "silik", "--no-progress-bar")


def run(path: Path, engine: str | None = "silik", **options: Any) -> nbformat.NotebookNode:
    """Run a notebook, and return what is written whether it fails or not."""
    out = path.with_name("out.ipynb")
    with suppress(PapermillExecutionError, DeadKernelError):
        papermill.execute_notebook(path, out, engine_name=engine, progress_bar=False, **options)
    return read(out)


def ends(done: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(row["path"], row["end"]) for row in done.metadata.silik.kernels]


def test_each_sub_kernel_is_on_record_with_its_end(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "in.ipynb",
        LOAD,
        "%%silik\nmkdir w\ncd w\nstart python3 -n 4 -l k\ncd ~\nstart bash -l b1",
        "%%silik w/k1.py\n1",
        "%silik stop w/k2.py",
        "%silik kill w/k3.py",
        "try:\n    %silik run 'import os; os._exit(7)' w/k4.py\nexcept Exception:\n    pass",
        "%silik restart w/k4.py",
        "%silik stop w/k3.py",
    )
    done = run(path)
    assert statuses(done) == ["completed"] * 8
    assert ends(done) == [
        ("w/k1.py", "running at the end"),
        ("w/k2.py", "stopped"),
        ("w/k3.py", "killed by SIGKILL"),
        ("w/k4.py", "exited with code 7"),
        ("b1.sh", "running at the end"),
        ("w/k4.py", "running at the end"),
    ]
    first = done.metadata.silik.kernels[0]
    assert 0 < first.pop("seconds") < 60
    assert first.pop("language_version").startswith("3.")
    assert first == {
        "path": "w/k1.py",
        "kernelspec": "python3",
        "attached": False,
        "language": "python",
        "executions": 1,
        "end": "running at the end",
    }
    deaths = [row.get("death") for row in done.metadata.silik.kernels]
    assert [death is not None for death in deaths] == [False, False, True, True, False, False]
    assert deaths[3].pop("peak_memory") is None or deaths[2].peak_memory > 10_000_000
    assert deaths[3].pop("running_seconds") < 5
    assert deaths[3] == {
        "how": "exited with code 7",
        "returncode": 7,
        "out_of_memory": False,
        "running": "import os; os._exit(7)",
        "executions_lost": 0,
        "last_lines": [],
    }


def test_the_record_outlives_a_reload_of_the_extension(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", LOAD, START, "%reload_ext silik_magics", START)
    assert ends(run(path)) == [("k1.py", "stopped"), ("k1.py", "running at the end")]


def test_a_notebook_that_fails_keeps_its_record_too(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", LOAD, START, "%%silik k1.py\n1 / 0", "1")
    done = run(path)
    assert statuses(done) == ["completed", "completed", "failed", "pending"]
    assert ends(done) == [("k1.py", "running at the end")]


def test_a_cell_that_is_too_slow_is_interrupted_and_the_record_kept(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "in.ipynb", LOAD, START, "%%silik k1.py\nimport time; time.sleep(100)"
    )
    with pytest.raises(TimeoutError):
        run(path, execution_timeout=5)
    assert ends(read(tmp_path / "out.ipynb")) == [("k1.py", "running at the end")]
    assert read(tmp_path / "out.ipynb").metadata.silik.kernels[0].executions == 1


def test_a_connected_notebook_tells_of_itself_and_not_of_the_other_kernel(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", LOAD, START, "%silik > k1.py", "x = 1")
    assert ends(run(path)) == [("k1.py", "running at the end")]


def test_a_notebook_on_the_silik_kernel_has_a_record_too(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "in.ipynb",
        "start python3 -l k1\nstart bash -l b1\nstop b1.sh",
        "> k1.py",
        "x = 1",
        kernel="silik",
    )
    done = run(path)
    assert ends(done) == [("k1.py", "running at the end"), ("b1.sh", "stopped")]
    assert done.metadata.silik.kernels[0].executions == 1


def test_what_was_known_when_the_notebooks_kernel_died_is_kept(tmp_path: Path) -> None:
    path = write_notebook(
        tmp_path / "in.ipynb",
        LOAD,
        f"{START}\n%silik stop k1.py\n{START}",
        "import os; os._exit(7)",
    )
    assert ends(run(path)) == [
        ("k1.py", "stopped"),
        ("k1.py", "lost with the notebook's kernel"),
    ]


@pytest.mark.lang("r")
def test_kernels_that_outlive_the_notebooks_kernel_are_ended(
    tmp_path: Path, runtime_dir: Path
) -> None:
    before = set(runtime_dir.iterdir())
    write_notebook(tmp_path / "in.ipynb", LOAD, "%silik start ir -l r1", "import os; os._exit(7)")
    with begin(tmp_path, "in.ipynb", "out.ipynb", *SILIK) as begun:
        code, _ = begun.end()
        assert begun.left(5) == []
    assert code == 138
    assert ends(read(tmp_path / "out.ipynb")) == [("r1.r", "lost with the notebook's kernel")]
    until_as_before(runtime_dir, before)


@pytest.mark.parametrize(
    ("kernel", "cells"),
    [
        ("python3", [LOAD, START, "1", "%history", "In, len(Out)", "sorted(globals())"]),
        ("python3", ["1", "", "2", "%history", "1 / 0"]),
        ("silik", ["start python3 -l k1\n> k1.py", "1", "len(In)", "/cmd", "history k1.py", "ls"]),
    ],
)
def test_a_notebook_shows_what_it_shows_with_papermills_own_engine(
    tmp_path: Path, kernel: str, cells: list[str]
) -> None:
    path = write_notebook(tmp_path / "in.ipynb", *cells, kernel=kernel)
    theirs, ours = run(path, None), run(path)
    kernels = ours.metadata.pop("silik", None)
    assert (kernels is not None) == any("start" in cell for cell in cells)
    assert without_times(ours) == without_times(theirs)
    assert [c.execution_count for c in code_cells(ours)] == [
        c.execution_count for c in code_cells(theirs)
    ]


def test_the_record_of_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "1")
    made = read(path)
    made.metadata["silik"] = {"kernels": [{"path": "k9.py", "end": "stopped"}]}
    nbformat.write(made, path)
    assert "silik" not in run(path).metadata


# Answers

ASKING = {
    "python3": [
        LOAD,
        START,
        "print('host', input('name? '))",
        "%%silik k1.py\nimport getpass\nprint('sub', len(getpass.getpass('word? ')))",
        "print('third', input('more? '))",
        "1",
    ],
    "silik": [
        "start python3 -l k1",
        "%%silik k1.py\nprint('host', input('name? '))",
        "> k1.py",
        "import getpass\nprint('sub', len(getpass.getpass('word? ')))",
        "print('third', input('more? '))",
        "1",
    ],
}


def ask(folder: Path, kernel: str, answers: str) -> tuple[int, str, nbformat.NotebookNode]:
    """Run cells that ask, with papermill's command line."""
    write_notebook(folder / "in.ipynb", *ASKING[kernel], kernel=kernel)
    (folder / "answers.txt").write_text(answers)
    env = {"SILIK_ANSWERS": "answers.txt"}
    begun: Run
    with begin(folder, "in.ipynb", "out.ipynb", *SILIK, env=env) as begun:
        code, shown = begun.end()
        assert begun.left() == []
    return code, shown, read(folder / "out.ipynb")


def said(done: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in code_cells(done) for output in cell.outputs]
    return [output.text.strip() for output in outputs if output.output_type == "stream"]


@pytest.mark.parametrize("kernel", ASKING)
def test_questions_of_all_kernels_are_answered_in_order(tmp_path: Path, kernel: str) -> None:
    code, shown, done = ask(tmp_path, kernel, "Ada\nsecret\nyes\nunused\n")
    assert code == 0, shown
    assert said(done) == ["host Ada", "sub 6", "third yes"]
    assert "answers.txt: 1 of its answers were not asked for" in shown
    assert "secret" not in shown + str(done)


@pytest.mark.parametrize("kernel", ASKING)
def test_a_question_without_an_answer_fails_its_cell_and_says_what_to_do(
    tmp_path: Path, kernel: str
) -> None:
    code, shown, done = ask(tmp_path, kernel, "Ada\nsecret\n")
    assert code == 1
    message = "the notebook asked 'more?', and answers.txt has no answer left"
    assert f"CommandError: {message}: its 2 answers are given" in shown
    assert "Hint: it needs a line for each question" in shown
    assert statuses(done)[-2:] == ["failed", "pending"]
    [error] = [o for c in code_cells(done) for o in c.outputs if o.output_type == "error"]
    assert error.ename == "CommandError"
    assert message in error.evalue
    assert "secret" not in shown + str(done)


def test_a_cell_that_asks_again_and_again_is_given_up(tmp_path: Path) -> None:
    again = """\
while True:
    try:
        input('y/n? ')
    except KeyboardInterrupt:
        pass"""
    path = write_notebook(tmp_path / "in.ipynb", again)
    (tmp_path / "answers.txt").write_text("")
    done = run(path, answers=tmp_path / "answers.txt")
    [error] = done.cells[-1].outputs
    assert error.evalue == f"the notebook asked 'y/n?', and {tmp_path}/answers.txt holds no answer"


def test_answers_are_an_option_in_python(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "print(input(), input(), sep='|')")
    (tmp_path / "answers.txt").write_text("a b\n\n")
    done = run(path, answers=tmp_path / "answers.txt")
    assert done.cells[0].outputs[0].text == "a b|\n"


def test_without_answers_asking_is_the_kernels_own_error(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "input('name? ')")
    assert run(path).cells[-1].outputs[0].ename == "StdinNotImplementedError"
