from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from silik_magics.shell import Shell
from silik_magics.tree import Leaf

Say = Callable[..., str]


def with_shell(use: Callable[[Shell], Coroutine[Any, Any, Any]]) -> Any:
    """Return what a coroutine makes of a new shell."""

    async def run() -> Any:
        shell = Shell()
        try:
            return await use(shell)
        finally:
            await shell.close()

    return asyncio.run(run())


# Running


@pytest.mark.parametrize("cell", ["", "\n\n", "# only a note", "  \n # note\n"])
def test_an_empty_cell_does_nothing(say: Say, cell: str) -> None:
    assert say(cell) == ""


def test_commands_run_in_order_and_each_shows_its_answer(say: Say) -> None:
    assert say("mkdir a\ncd a\npwd") == "╰─ a\n~/a/\n~/a/\n"


def test_the_first_command_that_fails_ends_the_cell(say: Say) -> None:
    shown = say("pwd\ncd nowhere\nmkdir a", "tree")
    assert shown == ""
    assert say("pwd\ncd nowhere\npwd").startswith("~/\nCommandError: nowhere is not in ~/\n")


def test_an_open_quote_runs_nothing(say: Say) -> None:
    assert say('mkdir a\nrun "x', "tree") == ""


def test_variables_are_replaced_when_their_line_runs(say: Say) -> None:
    assert say("set n a\nmkdir ${n}\nset n b\nmkdir ${n}\nmkdir '${n}'").endswith(
        "├─ a\n├─ b\n╰─ ${n}\n"
    )


def test_a_cell_under_a_bare_magic_is_commands(say: Say) -> None:
    assert say("%%silik\nmkdir a") == "╰─ a\n"
    assert say("  %%silik  \n\npwd") == "~/\n"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("strat python3", "UnknownCommand: strat (did you mean start or restart?)\nHint: the"),
        ("start pyhton3", "CommandError: no kernelspec is called pyhton3\nHint: did you mean"),
        ("start nothing.json", "CommandError: no connection file is at nothing.json\nHint: give"),
        ("start python3 -l a/b", "CommandError: 'a/b' is no label\nHint: a label is not empty"),
        ("start python3 --env A", "CommandError: --env A is no assignment\nHint: write `--env"),
        ("start python3 --if-missing --replace", "CommandError: --if-missing and --replace excl"),
        (
            "start python3 --if-missing",
            "CommandError: --if-missing needs a label to look for\nHint",
        ),
        ("start python3 --replace", "CommandError: --replace needs a label to look for\nHint: add"),
        ("start python3 --cwd none", "CommandError: none is not a directory\nHint: give `--cwd`"),
        ("stop k1.py", "CommandError: k1.py is not in ~/\nHint: the folder is empty; `start` adds"),
        ("stop *", "CommandError: no kernel is at *\nHint: `tree` shows what there is"),
        ("restart k1", "CommandError: k1 is not in ~/\nHint: "),
        ("interrupt k1", "CommandError: k1 is not in ~/\nHint: "),
        ("signal TERM k1", "CommandError: k1 is not in ~/\nHint: "),
        ("kill ~", "CommandError: no kernel is at ~\nHint: "),
        ("run 1 k1", "CommandError: k1 is not in ~/\nHint: "),
        ("> k1", "CommandError: k1 is not in ~/\nHint: "),
        ("> ~", "CommandError: ~/ is a folder, not a kernel\nHint: name one of its kernels"),
        ("ls k1", "CommandError: k1 is not in ~/\nHint: "),
        ("cd k1", "CommandError: k1 is not in ~/\nHint: "),
        ("mv k1 k2", "CommandError: k1 is not in ~/\nHint: "),
        ("rm k1", "CommandError: k1 is not in ~/\nHint: "),
        ("ps k1", "CommandError: k1 is not in ~/\nHint: "),
        ("info k1", "CommandError: k1 is not in ~/\nHint: "),
        ("history k1", "CommandError: k1 is not in ~/\nHint: "),
        ("source none.silik", "CommandError: none.silik: No such file or directory\nHint: paths"),
        ("cat none.txt", "CommandError: none.txt: No such file or directory\nHint: paths are rela"),
        ("help strat", "UnknownCommand: strat (did you mean start or restart?)\nHint: "),
        ("%%silik k1.py\n1", "CommandError: k1.py is not in ~/\nHint: "),
        ("%%silik tree\n1", "CommandError: tree is a command"),
        ("pwd\n%%silik k1.py k2.py\n1", "~/\nCommandError: %%silik begins a cell"),
    ],
)
def test_every_mistake_is_a_short_message_with_a_hint(say: Say, cell: str, shown: str) -> None:
    told = say(cell)
    assert told.startswith(shown)
    assert "\nHint: " in told
    assert "Traceback" not in told


PURE = ["mkdir", "cd", "ls", "tree", "pwd", "mv", "rm", "set", "unset", "help", "ps", "kernels"]
PIECES = st.sampled_from(
    [*PURE, "a", "b/c", "..", "~", "*", "-p", "-r", "-h", " ", " ", " ", "\n", "${a}", "'", '"']
)


@settings(max_examples=50)
@given(st.lists(PIECES).map("".join))
@example("mkdir a\ncd a\nrm -r ~/a\npwd")
@example("mkdir a\nmkdir a/b\nrm -r a a/b")
@example("mkdir '${a}'\nset a '${a}'\ncd ${a}")
def test_any_cell_of_these_pieces_ends_well_or_in_an_error_for_people(cell: str) -> None:
    # Session shows our errors as text; anything else would be raised here.
    from support.session import Session

    async def run() -> str:
        async with Session() as session:
            return await session.type(cell)

    assert "Traceback" not in asyncio.run(run())


# Modes


@pytest.fixture
def connected() -> Shell:
    shell = Shell()
    shell.state.connected = Leaf("k1.py", None)
    return shell


@pytest.mark.parametrize(
    "text", ["/cmd", "<", "  /cmd\n", "/cmd\nstart python3", "< ", "%%silik k1.py\n1"]
)
def test_these_cells_are_ours_in_connect_mode(connected: Shell, text: str) -> None:
    assert not connected.is_code(text)


@pytest.mark.parametrize(
    "text", ["", "x < y", "/cmds", "<x", "print('/cmd')", "# /cmd", "%silik tree", "%%silikon"]
)
def test_these_cells_are_code_in_connect_mode(connected: Shell, text: str) -> None:
    assert connected.is_code(text)
    assert not Shell().is_code(text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("tree", "complete"),
        ("", "complete"),
        ("run 'x", "incomplete"),
        ('run "a\nb', "incomplete"),
        ('run "a\nb" k1.py', "complete"),
        ("nonsense --x", "complete"),
        ("%%silik k1.py", "incomplete"),
        ("%%silik k1.py\nx = 1", "incomplete"),
        ("%%silik k1.py\nx = 1\n", "complete"),
    ],
)
def test_an_open_quote_and_an_open_cell_are_incomplete(text: str, status: str) -> None:
    assert asyncio.run(Shell().is_complete(text))["status"] == status


def test_a_line_may_begin_with_the_line_magic(say: Say) -> None:
    assert say("%silik mkdir a") == "╰─ a\n"


def test_the_silik_kernel_has_no_variables_to_capture_into(say: Say) -> None:
    assert say("%%silik k1.py --capture x\n1").startswith("CommandError: --capture")


def test_leaving_connect_mode_without_having_entered_it_is_fine(say: Say) -> None:
    expected = (
        "Command mode. You can create and select kernels. Send `help` for the list of commands.\n"
    )
    assert say("/cmd") == say("<") == expected


# Helping to type


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("tr|", 0, "tree"),
        ("%%silik\ntr|", 8, "tree"),
        ("%%silik a|", 8, "a/"),
        ("%%silik --ti|", 8, "--timeout"),
        ("%%silik a --on-timeout=s|", 10, "--on-timeout=stop"),
        ("  %%silik\ncd a|", 13, "a/"),
        ("%%silik\nmkdir x\nls |", 19, "a/"),
    ],
)
def test_completion_counts_from_the_beginning_of_the_cell(
    text: str, start: int, expected: str
) -> None:
    async def use(shell: Shell) -> Any:
        shell.state.tree.mkdir("a")
        return await shell.complete(text.replace("|", ""), text.index("|"))

    found = with_shell(use)
    assert found.start == start
    assert expected in [item.text for item in found.items]


CELLS = st.lists(
    st.sampled_from(["%%silik", " ", "\n", "k1", "'", "run", ">", "--timeout", "é", "-h"])
).map("".join)


@settings(max_examples=50)
@given(CELLS, st.integers(0, 40))
def test_completion_and_inspection_never_raise(text: str, cursor: int) -> None:
    async def use(shell: Shell) -> None:
        found = await shell.complete(text, cursor)
        assert 0 <= found.start <= found.end
        assert (await shell.inspect(text, cursor))["status"] == "ok"

    with_shell(use)


@pytest.mark.parametrize("text", ["pwd", "mkdir a\npwd", "%silik pwd", "  pwd -h"])
def test_inspecting_a_command_shows_its_help(text: str) -> None:
    async def use(shell: Shell) -> Any:
        return await shell.inspect(text, len(text))

    assert with_shell(use)["data"]["text/plain"].startswith("Usage: pwd")


def test_inspecting_another_word_finds_nothing() -> None:
    async def use(shell: Shell) -> Any:
        return await shell.inspect("nothing here", 3)

    assert with_shell(use) == {"status": "ok", "found": False, "data": {}, "metadata": {}}
