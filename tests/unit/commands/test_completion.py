from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from silik_magics.commands.completion import Completions, Item, complete
from silik_magics.commands.context import State
from silik_magics.commands.table import names
from silik_magics.language.words import read


def texts(state: State, text: str) -> list[str]:
    """Return what could be typed where `|` stands."""
    return [item.text for item in at(state, text).items]


def at(state: State, text: str) -> Completions:
    before, _, behind = text.partition("|")
    return complete(state, before + behind, len(before))


# Command names


@pytest.mark.parametrize("text", ["|", "tree\n|", "\n  |", "tree \\\n\n|"])
def test_a_line_begins_with_a_command(state: State, text: str) -> None:
    assert texts(state, text) == names()


def test_commands_are_those_that_begin_as_typed(state: State) -> None:
    assert texts(state, "st|") == ["start", "stop"]
    assert texts(state, "/|") == ["/cmd"]
    assert texts(state, "nothing|") == []
    assert at(state, "st|").items[0] == Item("start", "command")


def test_the_magic_itself_is_not_offered(state: State) -> None:
    assert texts(state, "%|") == []


def test_nothing_is_offered_behind_a_word_that_is_no_command(state: State) -> None:
    assert texts(state, "strat |") == []
    assert texts(state, "strat k|") == []


def test_nothing_is_offered_in_a_comment(state: State) -> None:
    assert texts(state, "# st|") == []
    assert texts(state, "tree\n  #|") == []


def test_command_is_offered_after_help(state: State) -> None:
    assert texts(state, "help st|") == ["start", "stop"]
    assert texts(state, "help --cmd st|") == ["start", "stop"]
    assert ">" in texts(state, "help |")


# Options


def test_options_are_offered_once_a_dash_is_typed(state: State) -> None:
    assert texts(state, "run x k1.py --|") == ["--timeout", "--on-timeout", "--help"]
    assert texts(state, "start --i|") == ["--if-missing"]
    assert set(texts(state, "stop -|")) == {"--now", "-h", "--help"}


def test_an_option_that_was_used_is_not_offered_again(state: State) -> None:
    assert texts(state, "run x k1.py --timeout 3 --|") == ["--on-timeout", "--help"]
    assert "--label" not in texts(state, "start -l k1 --|")


def test_an_option_that_may_be_repeated_is_offered_again(state: State) -> None:
    assert "--env" in texts(state, "start --env A=1 --e|")


@pytest.mark.parametrize("text", ["run x k1 --on-timeout |", "run --on-timeout |"])
def test_the_values_of_an_option_are_offered(state: State, text: str) -> None:
    assert texts(state, text) == ["interrupt", "restart", "stop"]


def test_the_values_of_an_option_are_offered_behind_its_equals_sign(state: State) -> None:
    assert texts(state, "run x --on-timeout=re|") == ["--on-timeout=restart"]
    assert len(texts(state, "run x --on-timeout=|")) == 3


def test_in_a_quoted_word_no_option_is_offered(state: State) -> None:
    assert texts(state, "run '-|") == []
    assert texts(state, 'run "--ti|" k1') == []


def test_a_quoted_word_before_the_cursor_is_no_option(state: State) -> None:
    assert texts(state, "run '--on-timeout' |") == texts(state, "run x |")


# Values


def test_kernelspecs_are_offered_for_start(state: State) -> None:
    found = at(state, "start py|")
    assert Item("python3", "kernelspec") in found.items


def test_tree_paths_are_offered_with_folders_ending_in_a_slash(state: State) -> None:
    assert texts(state, "stop |") == ["models/", "k1.py"]
    assert texts(state, "run x models/|") == [
        "models/old/",
        "models/k1.py",
        "models/b1.sh",
    ]
    assert [item.kind for item in at(state, "stop |").items] == ["folder", "kernel"]


def test_paths_are_offered_one_after_the_other(state: State) -> None:
    assert texts(state, "stop k1.py models/b|") == ["models/b1.sh"]


@pytest.mark.parametrize("text", [">|", "> |", ">k|", "> k|", "gateway k|"])
def test_kernels_are_offered_behind_the_greater_sign(state: State, text: str) -> None:
    assert "k1.py" in texts(state, text)


def test_for_cd_only_folders_are_offered(state: State) -> None:
    assert texts(state, "cd |") == ["models/"]
    assert texts(state, "mkdir models/|") == ["models/old/"]


def test_variables_are_offered_for_set_and_unset(state: State) -> None:
    state.variables["alpha"] = "1"
    assert texts(state, "unset |") == ["alpha"]
    assert texts(state, "set a|") == ["alpha"]


@pytest.mark.parametrize("name", ["source", "cat"])
def test_files_are_offered_for_source_and_cat(
    state: State, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "first.silik").touch()
    (tmp_path / "-x y").touch()
    monkeypatch.chdir(tmp_path)
    assert texts(state, f"{name} |") == ["'-x y'", "first.silik", "sub/"]
    assert texts(state, f"{name} f|") == ["first.silik"]
    assert texts(state, f'{name} "fi|') == ['"first.silik"']


# Places


def test_what_is_replaced_is_the_word_up_to_the_cursor(state: State) -> None:
    found = at(state, "tree\nrun x mod|els k1.py\nls")
    assert (found.start, found.end) == (11, 14)
    assert [item.text for item in found.items] == ["models/"]


def test_with_nothing_typed_nothing_is_replaced(state: State) -> None:
    found = at(state, "stop |")
    assert (found.start, found.end) == (5, 5)


def test_the_cursor_may_stand_in_the_middle_of_a_cell(state: State) -> None:
    assert texts(state, "stop k|\nrun 'never closed") == ["k1.py"]


def test_a_quote_before_the_cursor_may_span_lines(state: State) -> None:
    assert texts(state, "run 'a\nb' k|") == ["k1.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stop 'mod|", "'models/"),
        ('stop "mod|', '"models/'),
        ("stop 'k|", "'k1.py'"),
        ('stop "k|"', '"k1.py"'),
        ("stop 'models/old/m|", "'models/old/my kernel.r'"),
        ("stop models/old/m|", "'models/old/my kernel.r'"),
        ("stop 'models/'k|", "models/k1.py"),
        ("stop mod'els/b|", "models/b1.sh"),
        ("stop 'k'|", "k1.py"),
        ("'sto|", "stop"),
    ],
)
def test_inside_quotes_a_path_stays_quoted(state: State, text: str, expected: str) -> None:
    assert expected in texts(state, text)


AWKWARD = ["my kernel", "a'b", 'a"b', "$HOME", "a`b", "#1", ">x y", "<x", "a;b", "été", "${v}"]


@pytest.mark.parametrize("label", AWKWARD)
@pytest.mark.parametrize("mark", ["", "'", '"'])
def test_what_is_completed_is_read_as_the_path_that_was_meant(
    state: State, label: str, mark: str
) -> None:
    state.variables["v"] = "replaced"
    state.tree.mkdir(f"models/{label}")
    found = at(state, f"ls {mark}models/|")
    written = [f"ls {item.text}" for item in found.items]
    words = [read(text)[-1].words[-1].expand(state.variables).text for text in written]
    assert f"models/{label}/" in words


# Any text

PIECES = st.sampled_from(
    ["run", "start", "stop", "%%silik", ">", "--", "--timeout", "-h", "=", "~", "~x/", "/", "..",
     "models/", "'", '"', "\\", "\n", " ", " ", "#", "-", "\0", "${", "k1", "[", "kernel-"]
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES).map("".join) | st.text(), st.integers(-3, 60))
def test_completion_never_raises_and_stays_inside_the_cell(
    state: State, cell: str, cursor: int
) -> None:
    found = complete(state, cell, cursor)
    assert 0 <= found.start <= found.end <= len(cell)


def test_completions_can_be_shifted() -> None:
    shifted = Completions(1, 2, (Item("x"),)).shifted(10)
    assert shifted == Completions(11, 12, (Item("x"),))
