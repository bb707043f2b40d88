from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from silik_magics.errors import CommandError
from silik_magics.language.words import Argument, quote, read, split

VARIABLES = {"name": "value", "dash": "-1", "empty": ""}


def texts(cell: str) -> list[list[str]]:
    """Return the words of each line, with the variables replaced."""
    return [[word.expand(VARIABLES).text for word in line.words] for line in split(cell)]


def word(text: str) -> Argument:
    """Return the one word that a text is."""
    ((found,),) = ([x.expand(VARIABLES) for x in line.words] for line in split(text))
    return found


# Lines


@pytest.mark.parametrize("cell", ["", "\n", " \t\n\n", "# a note", "  # one\n# two\n", "\\\n"])
def test_an_empty_cell_has_no_lines(cell: str) -> None:
    assert split(cell) == []


def test_each_line_is_a_command() -> None:
    assert texts("start python3 -l k1\n\n  # then\n\trun x k1\r\ntree") == [
        ["start", "python3", "-l", "k1"],
        ["run", "x", "k1"],
        ["tree"],
    ]


def test_a_number_sign_begins_a_comment_only_as_the_first_thing_of_a_line() -> None:
    assert texts("run # k1\nrun a#b k1") == [["run", "#", "k1"], ["run", "a#b", "k1"]]


def test_a_quote_in_a_comment_opens_nothing() -> None:
    assert texts("# don't\ntree") == [["tree"]]


def test_a_quoted_word_may_span_lines() -> None:
    assert texts('run "for i in range(2):\n    print(i)\n" k1\ntree') == [
        ["run", "for i in range(2):\n    print(i)\n", "k1"],
        ["tree"],
    ]


def test_a_line_may_go_on_behind_a_backslash() -> None:
    assert texts("start python3 \\\n  -l k1\nst\\\nop k1") == [
        ["start", "python3", "-l", "k1"],
        ["stop", "k1"],
    ]


def test_lines_and_words_know_where_they_stand() -> None:
    cell = "tree\n\nrun 'x y' k1"
    _, line = split(cell)
    assert cell[line.start : line.end] == "run 'x y' k1"
    assert [cell[x.start : x.end] for x in line.words] == ["run", "'x y'", "k1"]


@pytest.mark.parametrize("cell", [">k1.py", "> k1.py", "  >k1.py", ">  k1.py"])
def test_the_greater_sign_is_a_word_of_its_own_at_the_beginning(cell: str) -> None:
    assert texts(cell) == [[">", "k1.py"]]


def test_elsewhere_the_greater_sign_is_like_any_other_character() -> None:
    assert texts("run >x a>b '>y'") == [["run", ">x", "a>b", ">y"]]


# Quoting


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain", "plain"),
        ("'a b'", "a b"),
        ('"a b"', "a b"),
        ("''", ""),
        ('""', ""),
        ("a\\ b", "a b"),
        ("\\'", "'"),
        ("\\\\", "\\"),
        ("\\", "\\"),
        ("a'b c'd", "ab cd"),
        ("'a'\"'\"'b'", "a'b"),
        ("'\\n \\' ", "\\n \\"),
        (r'"a\nb"', r"a\nb"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"\\ \$ \`"', r"\ $ `"),
        ('"one\\\ntwo"', "onetwo"),
        ("'one\\\ntwo'", "one\\\ntwo"),
        (r'"print(\'x\')"', r"print(\'x\')"),
    ],
)
def test_quoting_is_that_of_a_posix_shell(written: str, meant: str) -> None:
    assert word(written).text == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${name}", "value"),
        ('"x = ${name}!"', "x = value!"),
        ("a${name}b${name}", "avaluebvalue"),
        ("${empty}", ""),
        ("'${name}'", "${name}"),
        ("\\${name}", "${name}"),
        ('"\\${name}"', "${name}"),
        ("$'{name}'", "${name}"),
        ("${other}", "${other}"),
        ("$name", "$name"),
        ("$(date)", "$(date)"),
        ("${name:-x}", "${name:-x}"),
        ("${ name }", ["${", "name", "}"]),
    ],
)
def test_only_a_variable_that_exists_is_replaced(written: str, meant: str | list[str]) -> None:
    assert texts(written) == [[meant] if isinstance(meant, str) else meant]


def test_a_value_is_not_read_again() -> None:
    ((found,),) = (line.words for line in split("${a}"))
    assert found.expand({"a": "${b} c", "b": "no"}) == Argument("${b} c", literal=False)


@pytest.mark.parametrize("written", ["'-1'", '"-1"', "\\-1", "${dash}", "${empty}-1", '""-1'])
def test_a_quoted_word_is_never_an_option(written: str) -> None:
    assert word(written) == Argument("-1", literal=True)


@pytest.mark.parametrize("written", ["-1", "-l'k1'", "--label=${name}"])
def test_a_word_that_begins_with_a_bare_dash_may_be_an_option(written: str) -> None:
    assert not word(written).literal


# Mistakes


@pytest.mark.parametrize(
    ("cell", "mark", "row", "column"),
    [
        ("run 'x", "'", 1, 5),
        ('run "x', '"', 1, 5),
        ("tree\n  run \"it's\" k1 'oops\n  tree", "'", 2, 17),
        ("run 'a'\"b", '"', 1, 8),
        ("run a'b", "'", 1, 6),
        ('run "a\nb" "c', '"', 2, 4),
    ],
)
def test_an_open_quote_is_an_error_that_says_where(
    cell: str, mark: str, row: int, column: int
) -> None:
    with pytest.raises(CommandError) as caught:
        split(cell)
    where = f"a quote ({mark}) opened in line {row}, column {column} is never closed"
    assert caught.value.message == where
    assert caught.value.hint == f"close it with {mark}; a quoted word may span lines."


def test_reading_for_completion_forgives_an_open_quote() -> None:
    line = read('tree\nrun "x = ')[-1]
    assert [x.text for x in line.words] == ["run", "x = "]
    assert [x.open_quote for x in line.words] == ["", '"']


def test_reading_for_completion_keeps_the_empty_line_at_the_end() -> None:
    assert [len(line.words) for line in read("tree\n")] == [1, 0]
    assert [len(line.words) for line in read("")] == [0]


# Any text

WORDS = st.lists(st.text(), min_size=1)


@given(WORDS)
@example(["-x", "#", ">", "<", "", " ", "'", '"', "\\", "${name}", "a\nb"])
def test_any_words_survive_quoting(words: list[str]) -> None:
    ((line),) = split(" ".join(quote(x) for x in words))
    read_back = [x.expand(VARIABLES) for x in line.words]
    assert [x.text for x in read_back] == words
    assert all(x.literal for x in read_back if x.text.startswith("-"))


@given(st.lists(WORDS, max_size=4))
def test_any_lines_of_words_survive_quoting(lines: list[list[str]]) -> None:
    cell = "\n".join(" ".join(quote(x) for x in line) for line in lines)
    assert texts(cell) == lines


PIECES = st.sampled_from(["'", '"', "\\", "\n", "\r", " ", "$", "${name}", "#", ">", "a", "-", "é"])
ANY_CELL = st.text() | st.lists(PIECES).map("".join)


@given(ANY_CELL)
def test_reading_any_text_raises_nothing_but_a_command_error(cell: str) -> None:
    try:
        lines = split(cell)
    except CommandError:
        assert any(word.open_quote for line in read(cell) for word in line.words)
    else:
        assert all(line.words for line in lines)


@given(ANY_CELL)
def test_every_word_is_a_piece_of_the_text_and_none_overlaps_another(cell: str) -> None:
    position = 0
    for line in read(cell):
        assert position <= line.start <= line.end <= len(cell)
        position = line.start
        for found in line.words:
            assert position <= found.start < found.end <= line.end
            position = found.end


@pytest.mark.parametrize("text", ["k1.py", "a=b", "~/x/", "été", "x@y%z"])
def test_words_that_need_no_quotes_get_none(text: str) -> None:
    assert quote(text) == text
