from __future__ import annotations

from collections.abc import Callable

import pytest

Say = Callable[..., str]


def test_a_folder_is_made_entered_and_left(say: Say) -> None:
    assert say("mkdir a\ncd a\nmkdir b\ncd b", "pwd\ncd ../..\npwd") == "~/a/b/\n~/\n~/\n"


def test_cd_alone_goes_to_the_root(say: Say) -> None:
    assert say("mkdir -p a/b\ncd a/b", "cd") == "~/\n"


def test_the_current_folder_is_marked(say: Say) -> None:
    assert say("mkdir a\nmkdir b\ncd a", "tree") == "├─ a <<\n╰─ b\n"


def test_ls_shows_what_is_below_the_current_folder_or_another(say: Say) -> None:
    cells = ("mkdir -p a/b/c\nmkdir d\ncd a",)
    assert say(*cells, "ls") == "╰─ b\n   ╰─ c\n"
    assert say(*cells, "ls b") == "╰─ c\n"
    assert say(*cells, "ls ~") == "├─ a <<\n│  ╰─ b\n│     ╰─ c\n╰─ d\n"


def test_mv_moves_and_renames_folders(say: Say) -> None:
    assert say("mkdir a\nmkdir b", "mv a b") == "╰─ b\n   ╰─ a\n"
    assert say("mkdir a", "mv a c") == "╰─ c\n"


def test_rm_takes_away_empty_folders_and_with_r_all_that_is_in_them(say: Say) -> None:
    assert say("mkdir -p a/b\nmkdir c", "rm a/b c") == "╰─ a\n"
    assert say("mkdir -p a/b\nmkdir c", "rm -r a") == "╰─ c\n"
    assert say("mkdir -p a/b\nmkdir c", "rm -r *\ntree") == ""


def test_rm_of_a_folder_and_of_what_is_in_it_is_fine(say: Say) -> None:
    assert say("mkdir -p a/b\nmkdir c", "rm -r a a/b") == "╰─ c\n"
    assert say("mkdir -p a/b\nmkdir c", "rm -r a/b a") == "╰─ c\n"


def test_rm_of_the_current_folder_leads_one_up(say: Say) -> None:
    assert say("mkdir -p a/b\ncd a/b\nrm .", "pwd") == "~/a/\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("rm a", "~/a/ is not empty\nHint: `rm -r` removes what is in it too."),
        ("rm -r ~", "the root can not be removed\nHint: `rm -r ~/*` removes all that is in it."),
        ("rm -r z*", "nothing matches z*\nHint: `tree` shows what there is."),
        ("mkdir a", "a is in use in ~/\nHint: choose another label; `tree` shows what there is."),
        ("mkdir x/y", "x is not in ~/\nHint: `mkdir -p x/y` makes both."),
        ("mv a a/b", "~/a/ can not be moved into itself\nHint: choose a folder outside it."),
        ("mv ~ a", "the root can not be moved\nHint: move what is in it."),
        ("cd a/c", "c is not in ~/a/\nHint: there is b"),
    ],
)
def test_what_can_not_be_done_is_told_and_changes_nothing(say: Say, line: str, told: str) -> None:
    assert say("mkdir -p a/b", line) == f"CommandError: {told}\n"
    assert say("mkdir -p a/b", line, "tree") == "╰─ a\n   ╰─ b\n"
