from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from papermill import iorw
from papermill.iorw import local_file_io_cwd, papermill_io

from silik_magics.batch.files import Output, WholeFile, replace


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """papermill's handlers are left as they were."""
    before = list(papermill_io._handlers)
    yield
    papermill_io._handlers[:] = before


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])


def test_a_file_is_made_with_the_rights_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    assert replace(tmp_path / "new.ipynb", "é")
    assert (tmp_path / "new.ipynb").read_text(encoding="utf-8") == "é"
    assert (tmp_path / "new.ipynb").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert {path.name for path in tmp_path.iterdir()} == {"new.ipynb", "other"}


def test_a_file_is_replaced_and_keeps_its_rights(tmp_path: Path) -> None:
    target = tmp_path / "out.ipynb"
    target.write_text("old")
    target.chmod(0o640)
    with target.open() as reader:  # whoever reads it meanwhile has the old one, whole
        assert replace(target, "new")
        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "out.ipynb", tmp_path / "link.ipynb"
    target.write_text("old")
    link.symlink_to(target)
    assert replace(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_a_new_file_would_not_be_the_same_as_is_left_to_papermill(tmp_path: Path) -> None:
    first, second, pipe = tmp_path / "1.ipynb", tmp_path / "2.ipynb", tmp_path / "pipe"
    first.write_text("old")
    second.hardlink_to(first)
    os.mkfifo(pipe)
    assert not replace(first, "new")
    assert not replace(pipe, "new")
    assert not replace(tmp_path / "nowhere" / "out.ipynb", "new")
    assert not replace(tmp_path / f"{'x' * 250}", "no room beside it for another name")
    assert second.read_text() == "old"


def test_a_file_that_can_not_be_written_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.ipynb"
    target.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        replace(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_output_is_what_papermill_writes(
    tmp_path: Path, notebook: nbformat.NotebookNode
) -> None:
    iorw.write_ipynb(notebook, str(tmp_path / "theirs.ipynb"))
    Output(str(tmp_path / "ours.ipynb")).write(notebook)
    assert (tmp_path / "ours.ipynb").read_text() == (tmp_path / "theirs.ipynb").read_text()


def test_the_last_write_of_papermill_replaces_the_file_too(
    tmp_path: Path, notebook: nbformat.NotebookNode
) -> None:
    path = str(tmp_path / "out.ipynb")
    Output(path)
    iorw.write_ipynb(notebook, path)
    before = Path(path).stat().st_ino
    with Path(path).open() as reader:
        iorw.write_ipynb(notebook, path)
        assert Path(path).stat().st_ino != before
        assert reader.read() == nbformat.writes(notebook)
    assert papermill_io.read(path) == nbformat.writes(notebook)


def test_a_path_is_registered_once(tmp_path: Path) -> None:
    path = str(tmp_path / "out.ipynb")
    Output(path)
    count = len(papermill_io._handlers)
    Output(path)
    assert len(papermill_io._handlers) == count


def test_a_path_that_could_be_the_beginning_of_others_is_not_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notebook: nbformat.NotebookNode
) -> None:
    monkeypatch.chdir(tmp_path)
    Output("s3").write(notebook)
    assert Path("s3").exists()
    assert not isinstance(papermill_io.get_handler("s3://bucket/out.ipynb"), WholeFile)


def test_a_relative_path_begins_where_it_does_for_papermill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notebook: nbformat.NotebookNode
) -> None:
    """papermill executes in the directory of `cwd=`, and writes where it was called."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    output = Output("out.ipynb")
    with local_file_io_cwd(str(tmp_path)):
        output.write(notebook)
        iorw.write_ipynb(notebook, "out.ipynb")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.ipynb"]
    assert not list((tmp_path / "there").iterdir())
    output.write(notebook)
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["out.ipynb"]


def test_a_folder_that_is_not_there_is_papermills_own_error(
    tmp_path: Path, notebook: nbformat.NotebookNode
) -> None:
    with pytest.raises(FileNotFoundError, match="doesn't exist"):
        Output(str(tmp_path / "nowhere" / "out.ipynb")).write(notebook)


def test_what_is_not_local_is_written_by_papermills_own_handler(
    notebook: nbformat.NotebookNode,
) -> None:
    written: dict[str, str] = {}

    class Bucket:
        def write(self, text: str, path: str) -> None:
            written[path] = text

    papermill_io.register("bucket://", Bucket())
    Output("bucket://a/out.ipynb").write(notebook)
    assert written == {"bucket://a/out.ipynb": nbformat.writes(notebook)}


def test_nothing_is_written_where_there_is_no_output(notebook: nbformat.NotebookNode) -> None:
    Output(None).write(notebook)
