"""What is noted of a sweep, and who may work on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from silik_magics.batch import sweep_session
from silik_magics.batch.sweep_journal import FILE, Journal, has_begun
from silik_magics.batch.sweep_row import ERROR, OK, Row
from silik_magics.errors import CommandError


def row(number: int, status: str = OK, attempt: int = 1) -> Row:
    return Row(f"a={number}", {"a": number}, status, 1.0, "", attempt, {"ö": [number]})


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "n.ipynb"
    path.write_text("{}")
    return path


def test_the_last_row_of_each_point_holds(tmp_path: Path, notebook: Path) -> None:
    with Journal(tmp_path, notebook) as journal:
        assert not journal.was_there
        sweep_id = journal.header.sweep
        for item in (row(1, ERROR), row(2), row(1, OK, 2)):
            journal.add(item)
    with Journal(tmp_path, notebook) as journal:
        assert journal.was_there
        assert journal.header.sweep == sweep_id
        assert list(journal.rows.values()) == [row(1, OK, 2), row(2)]


def test_a_journal_cut_off_anywhere_loses_no_whole_line(tmp_path: Path, notebook: Path) -> None:
    with Journal(tmp_path, notebook) as journal:
        journal.add(row(1))
        journal.add(row(2))
    whole = (tmp_path / FILE).read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        (tmp_path / FILE).write_bytes(whole[:cut])
        there = sum(end <= cut for end in ends)
        assert has_begun(tmp_path) == (there > 0)
        with Journal(tmp_path, notebook) as journal:
            assert list(journal.rows.values()) == [row(1), row(2)][: max(0, there - 1)]
            journal.add(row(3))
        with Journal(tmp_path, notebook) as journal:
            assert row(3) in journal.rows.values()


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, notebook: Path) -> None:
    (tmp_path / FILE).write_text('{"hello": 1}\n')
    with pytest.raises(CommandError, match="is no journal of a sweep"):
        Journal(tmp_path, notebook)


def test_a_journal_is_held_by_one(
    tmp_path: Path, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("silik_magics.batch.sweep_journal.LOCK_SECONDS", 0.1)
    with Journal(tmp_path, notebook), pytest.raises(CommandError, match="another `silik sweep`"):
        Journal(tmp_path, notebook)
    Journal(tmp_path, notebook).close()


# The session


def test_a_session_ends_when_it_is_stopped_or_another_begins(tmp_path: Path) -> None:
    first = sweep_session.begin(tmp_path)
    assert sweep_session.goes_on(tmp_path, first)
    second = sweep_session.begin(tmp_path)
    assert not sweep_session.goes_on(tmp_path, first)
    assert sweep_session.goes_on(tmp_path, second)
    sweep_session.stop(tmp_path)
    assert not sweep_session.goes_on(tmp_path, second)
    sweep_session.end(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_its_folder_a_session_is_over(tmp_path: Path) -> None:
    assert not sweep_session.goes_on(tmp_path / "gone", "x")
