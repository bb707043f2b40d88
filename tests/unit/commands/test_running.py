from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from silik_magics.commands.running import read_text
from silik_magics.errors import CommandError

Say = Callable[..., str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_source_runs_the_lines_of_a_file(say: Say) -> None:
    Path("first.silik").write_text("# a note\nmkdir été\r\ncd été\n", encoding="utf-8")
    assert say("source first.silik", "pwd") == "~/été/\n"


def test_a_sourced_file_may_source_another(say: Say) -> None:
    Path("one.silik").write_text("source two.silik\npwd")
    Path("two.silik").write_text("mkdir a\ncd a")
    assert say("source one.silik") == "╰─ a\n~/a/\n~/a/\n"


def test_a_mistake_in_a_sourced_file_ends_it_and_the_cell(say: Say) -> None:
    Path("bad.silik").write_text("mkdir a\ncd nowhere\nmkdir b")
    shown = say("source bad.silik\nmkdir c")
    assert shown == "╰─ a\nCommandError: nowhere is not in ~/\nHint: there is a\n"


def test_cat_shows_a_file_as_it_is(say: Say) -> None:
    Path("a b.txt").write_text("one\n\n  two # no comment\n")
    assert say("cat 'a b.txt'") == "one\n\n  two # no comment\n"


def test_a_byte_order_mark_is_left_out(say: Say) -> None:
    Path("bom.silik").write_bytes(b"\xef\xbb\xbfpwd\n")
    assert say("source bom.silik") == "~/\n"


def test_the_home_directory_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("x.txt").write_text("here")
    assert read_text("~/x.txt") == "here"


@pytest.mark.parametrize(
    ("file", "message", "hint"),
    [
        ("none.txt", "none.txt: No such file or directory", "paths are relative to /"),
        (".", ".: Is a directory", "paths are relative to /"),
        ("latin.txt", "latin.txt is no UTF-8 text", "only text files can be read."),
        ("a\0b", "'a\\x00b' is no path", "name a file that exists."),
        ("~no-such-user/x", "'~no-such-user/x' is no path", "name a file that exists."),
    ],
)
def test_a_file_that_can_not_be_read_is_named(file: str, message: str, hint: str) -> None:
    Path("latin.txt").write_bytes("été".encode("latin-1"))
    with pytest.raises(CommandError) as caught:
        read_text(file)
    assert caught.value.message.startswith(message)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("command", ["cat", "source"])
@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("huge.txt", "huge.txt can not be read: it holds more than 10 MB"),
        ("fifo", "fifo can not be read: it is no regular file"),
        ("/dev/zero", "/dev/zero can not be read: it is no regular file"),
        ("binary", "binary is no UTF-8 text"),
        (".", ".: Is a directory"),
        ("loop", "loop: Too many levels of symbolic links"),
        ("x" * 5000, "File name too long"),
        ("'\ud800'", "is no path: "),
    ],
)
def test_what_can_not_be_read_whole_is_an_error_at_once(
    say: Say, command: str, file: str, why: str
) -> None:
    with Path("huge.txt").open("wb") as huge:
        huge.truncate(10_000_000_000)  # it takes no room on the disk
    os.mkfifo("fifo")
    Path("binary").write_bytes(b"\x7fELF\x00\xff")
    Path("loop").symlink_to("loop")
    shown = say(f"{command} {file}")
    assert why in shown
    assert shown.startswith("CommandError: ")
    assert say("pwd") == "~/\n"


@pytest.mark.parametrize("files", [("a",), ("a", "b"), ("a", "b", "c")])
def test_files_that_source_one_another_without_end_are_an_error(
    say: Say, files: tuple[str, ...]
) -> None:
    for file, following in zip(files, (*files[1:], files[0]), strict=True):
        Path(file).write_text(f"source {following}")
    shown = say("source a")
    assert "20 files that read one another are too many" in shown
    assert shown.startswith("CommandError: ")


def test_a_file_may_be_sourced_any_number_of_times_one_after_the_other(say: Say) -> None:
    Path("a").write_text("pwd")
    assert say("source a\n" * 50) == "~/\n" * 50
