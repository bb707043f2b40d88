from __future__ import annotations

import ast
import inspect
import json
import math
import subprocess
import sys
from array import array
from collections import OrderedDict
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from silik_magics.errors import CommandError
from silik_magics.language.literals import (
    LANGUAGES,
    Text,
    described,
    language_called,
    read_given,
    text_of,
    told,
    value_of,
)
from silik_magics.language.literals import plain as plain_module
from silik_magics.language.literals.plain import Unfit, finite, plain
from silik_magics.language.words import split

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def source(language: str, value: Any) -> str:
    """Return what `x` is given in a language."""
    return LANGUAGES[language].assignment("x", value)


def refused(language: str, value: Any, name: str = "x") -> CommandError:
    with pytest.raises(CommandError) as caught:
        LANGUAGES[language].assignment(name, value)
    return caught.value


# The text of a value


@given(VALUES)
@example("0.6")
@example("NaN")
@example("true")
@example('"quoted"')
@example("[1")
def test_a_value_survives_being_the_text_of_a_variable(value: Any) -> None:
    found = value_of(text_of(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.6", 0.6),
        ("6", 6),
        ("true", True),
        ("null", None),
        ("hello", "hello"),
        ("", ""),
        ('"0.6"', "0.6"),
        ('{"a": [1]}', {"a": [1]}),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("True", "True"),
        ('"\\ud800"', '"\\ud800"'),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ("[" * 10_000, "[" * 10_000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_the_text_of_a_variable_is_json_or_else_a_string(text: str, value: Any) -> None:
    assert value_of(text) == value
    assert value_of(Text(text)) == text
    assert type(value_of(Text(text))) is str


@pytest.mark.parametrize(
    "text", ["hello", "a b", "été", "/data/x.csv", "2024-01-31", "1.2.3", "12:30", "'a'", "3rd"]
)
def test_a_given_value_that_can_only_be_text_is_text(text: str) -> None:
    assert read_given("x", text) == text


@pytest.mark.parametrize(
    ("text", "as_text", "meant"),
    [
        ("True", 'x="True"', "x=true"),
        ("FALSE", 'x="FALSE"', "x=false"),
        ("None", 'x="None"', "x=null"),
        ("NA", 'x="NA"', "x=null"),
        ("undefined", 'x="undefined"', "x=null"),
        ("NaN", 'x="NaN"', ""),
        ("-inf", 'x="-inf"', ""),
        ("007", 'x="007"', ""),
        ("+5", 'x="+5"', ""),
        (".5", 'x=".5"', ""),
        ("1,5", 'x="1,5"', ""),
        ("1_000", 'x="1_000"', ""),
        ("0x1f", 'x="0x1f"', ""),
        ("", 'x=""', ""),
        ("[1", 'x="[1"', ""),
        ("{a: 1}", 'x="{a: 1}"', ""),
        ('"a', r'x="\"a"', ""),
        ('{"a": 1, "a": 2}', r'x="{\"a\": 1, \"a\": 2}"', ""),
    ],
)
def test_a_given_value_that_is_near_to_json_is_an_error(
    text: str, as_text: str, meant: str
) -> None:
    with pytest.raises(CommandError, match="is no JSON: ") as caught:
        read_given("x", text)
    ((line),) = split(caught.value.hint.removeprefix("as text it is ").partition("; ")[0])
    written = line.words[0].text
    assert written.removesuffix(".") == as_text
    assert read_given("x", as_text.removeprefix("x=")) == text
    assert (f"in JSON it is {meant}." in caught.value.hint) == bool(meant)


def test_a_number_that_is_too_large_is_named() -> None:
    with pytest.raises(CommandError, match=r"x\[1\] is inf, a number that JSON has not"):
        read_given("x", "[0, 1e999]")


@pytest.mark.parametrize(
    ("value", "type_and_size"),
    [
        (None, "None"),
        (True, "bool"),
        (1, "int"),
        (0.5, "float"),
        ("abc", "str of 3"),
        ([1, 2, 3], "list of 3"),
        ({}, "dict of 0"),
    ],
)
def test_a_value_is_described_by_type_and_size(value: Any, type_and_size: str) -> None:
    assert described(value) == type_and_size


def test_a_long_value_is_told_with_its_beginning_and_size() -> None:
    assert told([1, None, "é"]) == '[1, null, "é"]'
    assert told(list(range(1000))).endswith("… (list of 1000)")
    assert len(told("x" * 10_000)) < 100


# What is plain


class Colour(IntEnum):
    RED = 1


class Name(StrEnum):
    ANNE = "Anne"


class Fraction(float):
    def __repr__(self) -> str:
        return "about a half"


class Array:
    """As numpy's."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def tolist(self) -> Any:
        return self._values


class Column(Array):
    """As pandas' Series: it has labels, which a list would drop."""

    def to_frame(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (Colour.RED, 1),
        (Name.ANNE, "Anne"),
        (Fraction(0.5), 0.5),
        (OrderedDict(a=Colour.RED), {"a": 1}),
        (array("d", [1, 2]), [1.0, 2.0]),
        ([Array([[1, 2], [3, 4]])], [[[1, 2], [3, 4]]]),
        (Array(3), 3),
    ],
)
def test_what_is_equal_to_a_plain_value_becomes_plain(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert repr(found) == repr(expected)


SELF: list[Any] = []
SELF.append(SELF)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({1, 2}, " is a set; only None, bool, int, float, str, list and dict travel"),
        ({"a": [1, b"x"]}, '["a"][1] is a bytes; only '),
        ({1: 2}, " has the key 1, and keys must be text"),
        ([{"a": {2: 3}}], '[0]["a"] has the key 2'),
        (Column([1]), "perhaps what its `tolist` returns"),
        (json, " is a module; "),
        (Array, " is a type; "),
        ("a\ud800", " holds half of a surrogate pair"),
        ([2**20_000], "[0] is a whole number of more than 10000 bits"),
        (SELF, "[0… lies deeper than 100 levels, or in itself"),
    ],
)
def test_what_is_not_plain_says_where_and_why(value: Any, why: str) -> None:
    with pytest.raises(Unfit) as caught:
        plain(value)
    assert why in str(caught.value)


def test_json_has_no_infinity_and_the_place_is_named() -> None:
    with pytest.raises(Unfit, match=r'^\["a"\]\[1\] is nan, a number that JSON has not$'):
        finite({"a": [0, math.nan]})


def test_what_is_sent_to_python_kernels_is_good_for_old_ones() -> None:
    tree = ast.parse(inspect.getsource(plain_module), feature_version=(3, 7))
    imported = {name.name for node in tree.body for name in getattr(node, "names", ())}
    assert imported == {"annotations", "json", "math", "sys", "Any"}


# Languages


@given(VALUES)
@example([0.1, None, "é'\"\\\n", {"a": True}] * 1000)
def test_python_reads_the_source_of_any_value(value: Any) -> None:
    names: dict[str, Any] = {}
    exec(source("python", value), names)
    assert names["x"] == value
    assert type(names["x"]) is type(value)


def test_python_holds_what_json_does_not() -> None:
    x = eval(LANGUAGES["python"].source([math.nan, -math.inf]))
    assert math.isnan(x[0])
    assert x[1] == -math.inf


@pytest.mark.parametrize(
    ("language", "value", "written"),
    [
        ("r", [1, 2.5], "x <- c(1, 0x1.4000000000000p+1)"),
        ("r", [True], "x <- I(TRUE)"),
        ("r", ["a", "é"], 'x <- c("a", "\\u00e9")'),
        ("r", [True, 1, None], "x <- list(TRUE, 1, NULL)"),
        ("r", [], "x <- list()"),
        ("r", {}, "x <- structure(list(), names = character())"),
        ("r", {"": 1}, 'x <- structure(list(1), names = c(""))'),
        ("r", "😀\n\\", 'x <- "\\U0001f600\\u000a\\\\"'),
        ("r", math.nan, "x <- NaN"),
        ("javascript", "é\u2028", '"\\u00e9\\u2028"'),
        ("javascript", {"__proto__": None}, '{["__proto__"]: null}'),
        ("typescript", -math.inf, "-Infinity"),
        ("octave", "it's", "x = 'it''s';"),
        ("octave", "a\nb", "x = ['a', char(10), 'b'];"),
        ("octave", "", "x = '';"),
        ("octave", [1, 2.5], "x = [1, 2.5];"),
        ("octave", [1, True], "x = {1, true};"),
        ("octave", {}, "x = containers.Map();"),
        ("matlab", {"a": [1]}, "x = containers.Map({'a'}, {[1]}, 'UniformValues', false);"),
        ("bash", "it's $HOME!", "x=$'it\\047s $HOME\\041'"),
        ("bash", "a b", "x='a b'"),
        ("bash", "tab\té", "x=$'tab\\011\\303\\251'"),
        ("bash", [0.5, True, "a b"], "x=(0.5 true 'a b')"),
        ("bash", {"@": 1}, "declare -A x=([$'@']=1)"),
        ("silik", "0.6", "set x --text 0.6"),
        ("silik", "it's", "set x 'it'\"'\"'s'"),
        ("silik", [1, None], "set x '[1, null]'"),
    ],
)
def test_a_value_is_written_as_its_language_wants_it(
    language: str, value: Any, written: str
) -> None:
    assert written in source(language, value)


@pytest.mark.parametrize(
    ("language", "value", "written"),
    [
        ("julia", "a$é😀", 'x = "a\\$\\u00e9\\U0001f600"'),
        ("julia", [True, 1], "x = Any[true, 1]"),
        ("julia", [1.0, math.inf], "x = [1.0, Inf]"),
        ("julia", {"a": 1}, 'x = Dict{String,Any}("a" => 1)'),
        ("julia", None, "x = nothing"),
        ("scala", "é😀", 'val x = "\\u00e9\\ud83d\\ude00"'),
        ("scala", [1, 2.5], "val x = Seq[Any](1, 2.5)"),
        ("scala", math.nan, "val x = Double.NaN"),
        ("scala", 2**40, "val x = 1099511627776L"),
        ("c#", None, "var x = (object)null;"),
        ("c#", [], "var x = new object[] {  };"),
        ("c#", [1, 2], "var x = new [] { 1, 2 };"),
        ("c#", "éa", 'var x = "\\u00e9a";'),
        ("f#", math.inf, "let x = infinity"),
        ("powershell", "it’s $5\n", "$x = 'it’’s $5\n'"),
        ("powershell", [[1]], "$x = @(,@(1))"),
    ],
)
def test_what_papermill_writes_wrong_is_mended(language: str, value: Any, written: str) -> None:
    assert source(language, value) == written


@pytest.mark.parametrize(
    ("language", "value", "told_as"),
    [
        ("r", 2**53 + 1, "x is 9007199254740993, and R counts exactly only up to 9 007 199 254"),
        ("r", {"a": ["", "\0"]}, 'x["a"][1] is "\\u0000", and text in R can not hold'),
        ("javascript", 2**53, "x is 9007199254740992, and JavaScript counts exactly only up to"),
        ("bash", None, "x is null, and bash has no null"),
        ("bash", [[1]], "x[0] is [1], and arrays in bash hold only text"),
        ("bash", {"a": {}}, 'x["a"] is {}, and arrays in bash hold only text'),
        ("bash", {"": 1}, 'x is {"": 1}, and keys in bash can not be empty'),
        ("bash", {"\0": 1}, 'x is {"\\u0000": 1}, and text in bash can not hold the character NUL'),
        ("bash", math.nan, "x is NaN, and bash has no such number"),
        ("octave", [1, None], "x[1] is null, and Octave has no null"),
        ("silik", [math.inf], "x[0] is Infinity, and silik has no such number"),
        ("scala", 2**63, "x is 9223372036854775808, and Scala counts exactly only up to 9 223"),
        ("powershell", -(2**64), "x is -18446744073709551616, and PowerShell counts"),
    ],
)
def test_a_value_that_a_language_can_not_hold_is_refused(
    language: str, value: Any, told_as: str
) -> None:
    assert refused(language, value).message.startswith(told_as)


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("python", "class"),
        ("python", "1x"),
        ("r", "_x"),
        ("r", "if"),
        ("r", ".1"),
        ("javascript", "new"),
        ("javascript", "a.b"),
        ("bash", "x[0]"),
        ("bash", "été"),
        ("octave", "_x"),
        ("silik", "été"),
    ],
)
def test_a_name_that_a_language_does_not_know_is_refused(language: str, name: str) -> None:
    assert "is no name of a variable in " in refused(language, 1, name).message


@pytest.mark.parametrize(
    ("language", "name"),
    [("python", "été"), ("r", "my.var"), ("r", ".x"), ("javascript", "$x"), ("bash", "_")],
)
def test_names_are_those_of_the_language(language: str, name: str) -> None:
    assert LANGUAGES[language].assignment(name, 1)


def test_the_source_for_bash_is_one_line_of_printable_ascii() -> None:
    value = {chr(code): chr(code) for code in (*range(1, 256), 0x2028, 0x1F600)}
    written = source("bash", value)
    assert written.isascii()
    assert written.isprintable()
    assert "!" not in written
    assert LANGUAGES["bash"].showing("x", "mark").isprintable()


def test_a_language_that_can_not_print_json_says_so() -> None:
    with pytest.raises(CommandError, match="Julia has no way to print a value"):
        LANGUAGES["julia"].showing("x", "mark")


def test_bash_tells_text_lists_and_dicts_apart() -> None:
    def read(printed: str) -> Any:
        return LANGUAGES["bash"].read(printed.encode().hex())

    assert read("sa b\0") == "a b"
    assert read("s\0") == ""
    assert read("a") == []
    assert read("aa\0\0") == ["a", ""]
    assert read("Ak\0l\0v\0w\0") == {"k": "v", "l": "w"}
    with pytest.raises(Unfit, match="holds bytes that are no UTF-8"):
        LANGUAGES["bash"].read("73ff00")


# Finding a language


def test_a_language_is_found_by_its_name_in_any_case() -> None:
    assert language_called("R") is LANGUAGES["r"]
    assert language_called("C#") is LANGUAGES["c#"]


def test_a_kernel_that_only_papermill_knows_is_found_by_its_kernelspec() -> None:
    found = language_called("Spark", "pysparkkernel")
    assert found.assignment("x", [1, None]) == "x = [1, None]"


def test_what_papermill_can_not_write_is_an_error() -> None:
    from papermill.translators import BashTranslator

    from silik_magics.language.literals.borrowed import Borrowed

    with pytest.raises(CommandError, match="papermill can not write that value in Fish: dict type"):
        Borrowed("Fish", BashTranslator).assignment("x", {"a": 1})


@pytest.mark.parametrize(("name", "shown"), [("klingon", "klingon"), ("", "a language without")])
def test_a_language_that_nobody_knows_is_an_error(name: str, shown: str) -> None:
    with pytest.raises(CommandError, match=f"silik can not write values in {shown}") as caught:
        language_called(name, "tlh")
    assert "Python, R, Scala, bash, silik" in caught.value.hint


def test_papermill_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, silik_magics.shell\n"
        "from silik_magics.language.literals import language_called\n"
        "language_called('r').assignment('x', [1])\n"
        "print('papermill' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
