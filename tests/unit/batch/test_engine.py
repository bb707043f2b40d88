from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.engines import Engine, NBClientEngine, papermill_engines

from silik_magics.batch.engine import SilikEngine
from silik_magics.batch.execution import client_options, read_answers
from silik_magics.errors import CommandError

ASK = (
    "from papermill.engines import papermill_engines;"
    "from papermill.translators import papermill_translators;"
    "print(papermill_engines.get_engine('silik').__name__,"
    " papermill_translators.find_translator('silik', 'silik').__name__)"
)


def test_papermill_finds_the_engine_by_its_entry_point() -> None:
    assert papermill_engines.get_engine("silik") is SilikEngine


@pytest.mark.parametrize(
    "first", ["papermill", "silik_magics.batch.engine", "silik_magics.batch.translator"]
)
def test_engine_and_translator_are_there_whatever_is_imported_first(first: str) -> None:
    """papermill loads the engine in the middle of its own import."""
    done = subprocess.run(
        [sys.executable, "-c", f"import {first}; {ASK}"], capture_output=True, text=True
    )
    assert (done.stdout.split(), done.stderr) == (["SilikEngine", "SilikTranslator"], "")


def test_the_engine_does_all_that_papermill_asks_of_one() -> None:
    public = [name for name in vars(Engine) if not name.startswith("_")]
    asked = [name for name in public if name != "execute_managed_notebook"]  # Engine's own
    assert [name for name in asked if not hasattr(SilikEngine, name)] == []


@pytest.mark.parametrize("given", [None, "other"])
def test_kernel_and_language_of_a_notebook_are_found_as_papermill_finds_them(
    given: str | None,
) -> None:
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    )
    assert SilikEngine.nb_kernel_name(notebook, given) == Engine.nb_kernel_name(notebook, given)
    assert SilikEngine.nb_language(notebook, given) == Engine.nb_language(notebook, given)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"execution_timeout": 7, "start_timeout": 8},
        {"timeout": 9, "startup_timeout": 10},
        {"execution_timeout": 7, "timeout": 9, "iopub_timeout": 1, "allow_errors": True},
        {"input_path": "in.ipynb", "stdout_file": sys.stdout, "stderr_file": sys.stderr},
    ],
)
def test_the_client_is_given_what_papermills_own_engine_gives_it(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs: list[dict[str, Any]] = []

    class Client:
        def __init__(self, _: object, **options: Any) -> None:
            theirs.append(options)

        def execute(self) -> None:
            pass

    monkeypatch.setattr("papermill.engines.PapermillNotebookClient", Client)
    NBClientEngine.execute_managed_notebook(None, "python3", log_output=True, **options)
    assert client_options("python3", True, **options) == theirs[0]


def test_no_option_of_papermills_own_engine_is_lost() -> None:
    theirs = inspect.signature(NBClientEngine.execute_managed_notebook).parameters
    ours = inspect.signature(client_options).parameters
    assert set(theirs) - {"nb_man", "kwargs"} <= set(ours)


def test_answers_are_read_where_papermill_reads(tmp_path: Path) -> None:
    (tmp_path / "answers.txt").write_text("Ada\n36\n")
    found = read_answers(tmp_path / "answers.txt")
    assert found is not None
    assert (found.left, found.source) == (2, str(tmp_path / "answers.txt"))
    assert read_answers(None) is None
    assert read_answers("") is None


def test_answers_that_can_not_be_read_are_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can not be read: No such file") as caught:
        read_answers(tmp_path / "nowhere.txt")
    assert "an answer a line" in caught.value.hint
    assert "Hint" in caught.value.__notes__[0]
    (tmp_path / "latin").write_bytes(b"\xe9\n")
    with pytest.raises(CommandError, match="can not be read: 'utf-8' codec"):
        read_answers(tmp_path / "latin")
