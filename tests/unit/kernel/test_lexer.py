from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Name, Operator, String, Token, is_token_subtype

from silik_magics_kernel.lexer import SilikLexer


def tokens(text: str) -> list[tuple[object, str]]:
    return [(kind, value) for kind, value in SilikLexer().get_tokens(text) if value.strip()]


def test_pygments_finds_the_lexer_by_name_and_by_file_name() -> None:
    assert isinstance(get_lexer_by_name("silik"), SilikLexer)
    assert isinstance(get_lexer_for_filename("jobs.silik"), SilikLexer)


def test_a_command_its_options_and_its_words_are_told_apart() -> None:
    assert tokens("start python3 --label k1 # no comment") == [
        (Keyword, "start"),
        (Token.Text, "python3"),
        (Name.Attribute, "--label"),
        (Token.Text, "k1"),
        (Token.Text, "#"),
        (Token.Text, "no"),
        (Token.Text, "comment"),
    ]
    assert tokens("# a note") == [(Comment.Single, "# a note")]
    assert tokens("starts x")[0] == (Token.Text, "starts")


def test_quoted_words_may_span_lines_and_show_their_variables() -> None:
    found = tokens('run "a\n${x} b" k1.py\ntree')
    assert (Name.Variable, "${x}") in found
    assert (Keyword, "tree") in found
    assert (String.Double, " b") in found


def test_the_body_of_a_code_cell_has_the_colours_of_its_language() -> None:
    assert tokens("%%silik k1.py\nimport os") == [
        (Keyword, "%%silik"),
        (Name.Variable, "k1.py"),
        (Keyword.Namespace, "import"),
        (Name.Namespace, "os"),
    ]
    assert (Keyword, "%%silik") in tokens("%%silik\nstart python3")
    assert (Keyword, "start") in tokens("%%silik\nstart python3")


def test_the_body_is_not_taken_for_a_rarer_language_of_the_same_extension() -> None:
    assert (Operator, "<-") in tokens("%%silik models/stats.r\nx <- 1")
    assert (Operator, "^") in tokens("%%silik o.m\nx = 2 ^ 3;")
    assert (Keyword, "let") in tokens("%%silik f.fs\nlet x = 1")


@pytest.mark.parametrize("text", ["'open", '"open', "\\", "$", "${", "%%silik x\n", "run 'a\nb"])
def test_what_is_not_finished_yet_is_coloured_too(text: str) -> None:
    assert not any(is_token_subtype(kind, Error) for kind, _ in tokens(text))


@given(st.text(alphabet=st.sampled_from("start run 'x\"${}\\\n#%silik->k.py")))
def test_no_text_is_lost(text: str) -> None:
    found = SilikLexer(ensurenl=False, stripnl=False).get_tokens_unprocessed(text)
    assert "".join(value for _, _, value in found) == text
