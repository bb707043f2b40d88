from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from silik_magics.commands.table import (
    TABLE,
    SilikCommand,
    commands,
    lookup,
    names,
    read_call,
    usage,
)
from silik_magics.errors import CommandError, UnknownCommand
from silik_magics.language.words import quote, split


def read(line: str):
    ((parsed),) = split(line)
    return read_call([word.expand({}) for word in parsed.words])


def parameters(line: str) -> dict[str, object]:
    return read(line).parameters


def mistake(line: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        read(line)
    return caught.value


EACH = pytest.mark.parametrize("found", commands(), ids=lambda found: str(found.name))


# Declarations


@EACH
def test_every_command_says_what_it_does_in_one_sentence(found: SilikCommand) -> None:
    first = (found.help or "").split("\n\n")[0]
    assert first.endswith(".")
    assert first[0].isupper()


@EACH
def test_every_command_has_an_example_that_types_it(found: SilikCommand) -> None:
    typed = [x.removeprefix("silik> ") for x in found.example.splitlines() if x[:7] == "silik> "]
    assert str(found.name) in {line.split()[0] for line in typed}


@EACH
def test_every_option_says_what_it_is_for(found: SilikCommand) -> None:
    for param in found.params:
        if param.param_type_name == "option":
            assert param.to_info_dict()["help"].endswith("."), param.name


@pytest.mark.parametrize(
    ("alias", "name"),
    [("new", "start"), ("connect_info", "info"), ("quit", "exit"), ("gateway", ">"), ("<", "/cmd")],
)
def test_aliases_are_the_same_command(alias: str, name: str) -> None:
    assert lookup(alias) is lookup(name)


def test_every_name_that_can_be_typed_is_a_command_that_is_told_of() -> None:
    assert {lookup(name) for name in names()} == set(commands())
    assert "%%silik" not in names()


def test_the_commands_of_the_reference_are_there() -> None:
    reference = """
        kernels start new stop restart interrupt signal kill run > gateway /cmd < tree ls pwd cd
        mkdir mv rm ps info connect_info history set unset source cat help exit quit
    """
    assert set(names()) >= set(reference.split())


def test_usage_shows_options_and_arguments() -> None:
    assert usage(lookup("start")) == "start [OPTIONS] SPEC"
    assert usage(lookup("run")) == "run [OPTIONS] CODE PATH..."
    assert usage(lookup("pwd")) == "pwd [OPTIONS]"


# Reading a line


def test_options_may_stand_anywhere() -> None:
    expected = {
        "code": "x",
        "paths": ("k1.py", "k2.py"),
        "timeout": 2.5,
        "on_timeout": "restart",
    }
    assert parameters("run x k1.py k2.py --timeout 2.5 --on-timeout restart") == expected
    assert parameters("run --timeout=2.5 x k1.py --on-timeout=restart k2.py") == expected


@pytest.mark.parametrize(
    "line", ["start python3 -l k1", "start python3 -lk1", "start --label=k1 python3"]
)
def test_ways_to_write_an_option(line: str) -> None:
    assert parameters(line)["label"] == "k1"


@pytest.mark.parametrize("code", ["'-1'", '"-1"', "\\-1", "-- -1"])
def test_a_quoted_word_is_never_an_option(code: str) -> None:
    assert parameters(f"run {code} k1.py")["code"] == "-1"
    assert parameters(f"run {code} k1.py")["paths"] == ("k1.py",)


def test_a_quoted_word_is_not_even_the_option_for_help() -> None:
    assert parameters("run '-h' k1.py")["code"] == "-h"


def test_a_quoted_value_of_an_option_may_begin_with_a_dash() -> None:
    assert parameters("start python3 --env 'A=1' --cwd '-x'")["cwd"] == "-x"


@given(st.lists(st.text(), min_size=1))
@example(["\0", "\0-1", "-1", "--", ""])
def test_any_quoted_words_reach_the_command_as_they_are(words: list[str]) -> None:
    line = " ".join(["run", "x", *(quote(word) for word in words)])
    assert parameters(line)["paths"] == tuple(words)


@pytest.mark.parametrize("flag", ["-h", "--help"])
@EACH
def test_help_is_an_option_of_every_command(found: SilikCommand, flag: str) -> None:
    call = read(f"{found.name} {flag}")
    assert call.command is lookup("help")
    assert call.parameters["name"] == found.name


# Mistakes


def test_an_unknown_command_is_named_with_what_was_meant() -> None:
    error = mistake("strat python3")
    assert isinstance(error, UnknownCommand)
    assert error.message == "strat (did you mean start or restart?)"
    assert "the commands are" in error.hint
    assert "%%silik" not in error.hint


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("start", "start: missing argument 'SPEC'", "write `start [OPTIONS] SPEC`"),
        ("run x", "run: missing argument 'PATH...'", "write `run [OPTIONS] CODE PATH...`"),
        ("pwd here", "pwd: got unexpected extra argument (here)", "write `pwd [OPTIONS]`"),
        ("start python3 --lable k1", "start has no option --lable", "did you mean --label"),
        ("run x k1 --timeuot 3", "run has no option --timeuot", "did you mean"),
        ("run -1 k1", "run has no option -1", "Quote a word that is no option."),
        ("start python3 -l", "start: option '-l' requires an argument", "`help start` tells more."),
        ("start python3 -n 0", "start: invalid value for '-n' / '--count'", "`help start`"),
        ("start python3 -n x", "start: invalid value for '-n' / '--count'", "`help start`"),
        ("run x k1 --timeout -1", "run: invalid value for '--timeout'", "`help run`"),
        ("run x k1 --timeout 0", "run: invalid value for '--timeout'", "`help run`"),
        ("run x k1 --timeout nan", "run: invalid value for '--timeout'", "`help run`"),
        ("run x k1 --timeout inf", "run: invalid value for '--timeout'", "`help run`"),
        ("run x k1 --on-timeout wait", "run: invalid value for '--on-timeout'", "`help run`"),
        ("signal SIGFOO k1", "signal: invalid value for 'SIG': 'SIGFOO' is no signal", "`help"),
        ("signal ² k1", "signal: invalid value for 'SIG': '²' is no signal", "`help signal`"),
    ],
)
def test_a_mistake_names_the_thing_and_how_it_is_written(
    line: str, message: str, hint: str
) -> None:
    error = mistake(line)
    assert error.message.startswith(message)
    assert hint in error.hint


def test_a_wrong_choice_names_the_choices() -> None:
    message = mistake("run x k1 --on-timeout wait").message
    assert all(choice in message for choice in ("interrupt", "restart", "stop"))


ANY_WORD = st.sampled_from([*TABLE.commands, "-h", "--", "--timeout", "-n", "=", "-"]) | st.text()


@given(st.lists(ANY_WORD, min_size=1, max_size=6))
def test_reading_any_line_raises_nothing_but_a_command_error(words: list[str]) -> None:
    try:
        lines = split(" ".join(words))
        for line in lines:
            read_call([word.expand({}) for word in line.words])
    except CommandError:
        return
