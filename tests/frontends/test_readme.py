"""What the README shows is what happens; its blocks are read out of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import picture
import pytest
from support.host import Host, host

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANSI = re.compile(r"\x1b\[[0-9;]*m")

QUICKSTART = "python -m pip install . && papermill notebooks/quickstart.ipynb quickstart.out.ipynb"
TESTS = "python -m pip install '.[test]' && python -m pytest"


def section(title: str) -> str:
    """Return the text below a heading, up to the next."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE
    )
    assert found, f"the README has no section {title!r}"
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, without their last newline."""
    return re.findall(rf"^```{language}\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)


def local_links() -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", README)
    return [target for target in targets if "://" not in target]


@pytest.fixture(scope="module")
def fresh() -> Iterator[Host]:
    """A Python kernel that knows nothing of the extension yet."""
    with host() as opened:
        yield opened


def test_the_python_door_prints_42(tmp_path: Path) -> None:
    [code] = blocks(section("Four doors"), "python")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")


def test_the_first_three_cells_do_what_is_said_of_them(fresh: Host) -> None:
    first, second, third = blocks(section("The first three cells"), "python")
    assert fresh.ok(first).plain == ["╰─ k1.py"]
    assert fresh.ok(second).stream() == "19\n"
    assert fresh.value("'x' in globals()") == "False"
    fresh.ok(third)
    assert fresh.ok("x").plain == ["19"]
    fresh.ok("y = 20")
    fresh.ok("/cmd")
    assert fresh.ok("'x' in globals() or 'y' in globals()").plain == ["False"]


def test_help_shows_the_commands_as_the_readme_says(fresh: Host) -> None:
    assert "`%silik help` shows all commands" in " ".join(README.split())
    fresh.ok("%load_ext silik_magics")
    [shown] = fresh.ok("%silik help").plain
    assert {"start", "run", "restart", "tree"} <= set(shown.split())


def execute(target: Path, env: dict[str, str]) -> nbformat.NotebookNode:
    """Execute the quickstart with the command of the README, but for the place of the result."""
    program, source, _ = shlex.split(QUICKSTART.partition(" && ")[2])
    done = subprocess.run(
        [sys.executable, "-m", program, source, str(target), "--no-progress-bar"],
        capture_output=True,
        encoding="utf-8",
        env=env,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return nbformat.read(target, as_version=4)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The quickstart, executed with all the kernels that are installed."""
    target = tmp_path_factory.mktemp("quickstart") / "out.ipynb"
    return execute(target, dict(os.environ))


@pytest.fixture(scope="module")
def quickstart_alone(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The quickstart, executed where python3 is the only kernel."""
    nothing = str(tmp_path_factory.mktemp("nothing"))
    hidden = dict.fromkeys(("JUPYTER_PATH", "JUPYTER_DATA_DIR", "XDG_DATA_DIRS"), nothing)
    target = tmp_path_factory.mktemp("quickstart") / "out.ipynb"
    return execute(target, {**os.environ, **hidden})


@pytest.fixture(params=["quickstart", "quickstart_alone"])
def either(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """The quickstart, executed with all kernels, and with python3 alone."""
    return request.getfixturevalue(request.param)


def shown_by(executed: nbformat.NotebookNode, code: str) -> list[str]:
    """Return the plain text of each output of the one cell that holds `code`."""
    [cell] = [c for c in executed.cells if c.cell_type == "code" and code in c.source]
    texts = [o["text"] if "text" in o else o["data"]["text/plain"] for o in cell.outputs]
    return [ANSI.sub("", text).rstrip("\n") for text in texts]


def test_the_quickstart_has_no_error(either: nbformat.NotebookNode) -> None:
    code = [cell for cell in either.cells if cell.cell_type == "code"]
    assert all(cell.metadata.papermill.status == "completed" for cell in code)
    assert [o for cell in code for o in cell.outputs if o.output_type == "error"] == []


def test_the_quickstart_fits_a_model_in_a_sub_kernel_and_draws_it(
    either: nbformat.NotebookNode,
) -> None:
    [cell] = [c for c in either.cells if "linear_regression" in c.source]
    said, drawn = cell.outputs
    assert re.fullmatch(r"fitted slope: 2\.0\d\n", said["text"])
    assert drawn["data"]["image/svg+xml"].count("<circle") == 40


def test_the_quickstart_shows_each_worker_under_its_name(either: nbformat.NotebookNode) -> None:
    shown = shown_by(either, "%%silik workers/\n")
    assert shown[::2] == ["── w1.py ──", "── w2.py ──", "── w3.py ──"]
    assert len(shown) == 6
    assert all(re.fullmatch(r"pi is about 3\.1\d\d", line) for line in shown[1::2])


def test_the_quickstart_captures_what_the_workers_answer(either: nbformat.NotebookNode) -> None:
    assert shown_by(either, "--capture") == []
    [mean] = shown_by(either, "answers.values()")
    assert 3.1 < float(mean) < 3.2


def test_the_quickstart_shows_an_error_with_the_traceback_of_its_kernel(
    either: nbformat.NotebookNode,
) -> None:
    [traceback] = shown_by(either, "except RemoteError")
    assert traceback.endswith("\nZeroDivisionError: division by zero")
    assert re.search(r"^-+> 1 1 / 0$", traceback, re.MULTILINE)


def test_the_quickstart_brings_a_kernel_that_died_back(either: nbformat.NotebookNode) -> None:
    [died] = shown_by(either, "except KernelDied")
    assert died.startswith("model.py died: exited with code 7")
    tree, restarted = shown_by(either, "restart model.py")
    assert tree.splitlines() == [
        "├─ model.py ✗ exited with code 7",
        "╰─ workers",
        "   ├─ w1.py",
        "   ├─ w2.py",
        "   ╰─ w3.py",
    ]
    assert restarted == "Restarted kernel model.py"
    [states] = shown_by(either, "%silik ps")
    assert states.splitlines()[0] == "idle model.py"


def test_the_quickstart_needs_no_other_language(quickstart_alone: nbformat.NotebookNode) -> None:
    [states] = shown_by(quickstart_alone, "%silik ps")
    assert states.split()[1::2] == ["model.py", *(f"workers/w{i}.py" for i in (1, 2, 3))]


@pytest.mark.lang("bash")
def test_the_quickstart_runs_bash_where_it_is_installed(quickstart: nbformat.NotebookNode) -> None:
    assert shown_by(quickstart, '"bash" in')[-1] == "hello from bash"


@pytest.mark.lang("r")
def test_the_quickstart_runs_r_where_it_is_installed(quickstart: nbformat.NotebookNode) -> None:
    assert shown_by(quickstart, '"ir" in')[-1] == "braking distance ~ speed: 0.8068949"


def test_the_readme_links_to_files_of_its_own() -> None:
    assert {"docs/polyglot.png", "docs/commands.md", "CHANGELOG.md"} <= set(local_links())


def test_the_picture_shows_three_languages_and_two_plots(tmp_path: Path) -> None:
    cells = picture.shown().cells
    assert set(picture.LANGUAGES) <= {cell.source.partition("\n")[0] for cell in cells}
    page = picture.page_of(picture.shown(), tmp_path).read_text(encoding="utf-8")
    assert page.count('src="data:image/png') == 2
    assert page.count("celltag_next-column") == 1 + picture.STYLE.count("celltag_next-column")


def test_the_readme_leads_to_every_notebook() -> None:
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there <= set(local_links())


@pytest.mark.parametrize("target", local_links())
def test_what_the_readme_links_to_is_there(target: str) -> None:
    assert (ROOT / target).is_file()


def test_the_readme_says_how_to_run_the_quickstart_and_the_tests() -> None:
    assert blocks(section("Run it"), "sh") == [QUICKSTART, TESTS]


def test_the_gate_runs_the_test_command_of_the_readme() -> None:
    assert TESTS in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
