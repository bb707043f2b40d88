from __future__ import annotations

import pytest

from silik_magics.batch.answers import Answers
from silik_magics.errors import CommandError


def all_of(answers: Answers) -> list[str]:
    return [answers.give("") for _ in range(answers.left)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("Ada", ["Ada"]),
        ("Ada\n36\n", ["Ada", "36"]),
        ("\n36\n", ["", "36"]),
        ("Ada\n\n", ["Ada", ""]),
        ("Ada\r\n36\r\n", ["Ada", "36"]),
        ("\ufeffAda\n", ["Ada"]),
        ("  a b \n", ["  a b "]),
        ("a\x0cb\u2028c\n", ["a\x0cb\u2028c"]),
    ],
)
def test_each_line_is_an_answer_as_it_stands_there(text: str, lines: list[str]) -> None:
    assert all_of(Answers.read(text, "answers.txt")) == lines


def test_answers_are_given_in_order_and_counted() -> None:
    answers = Answers(["Ada", "36"], "answers.txt")
    assert answers.give("Name: ") == "Ada"
    assert answers.left == 1


def test_a_question_without_an_answer_is_an_error_that_names_the_question_and_the_file() -> None:
    answers = Answers(["Ada", "36"], "answers.txt")
    all_of(answers)
    with pytest.raises(CommandError) as caught:
        answers.give("Age? ")
    assert caught.value.message == (
        "the notebook asked 'Age?', and answers.txt has no answer left: its 2 answers are given"
    )
    assert "a line for each question" in caught.value.hint


def test_an_error_names_what_can_be_named() -> None:
    with pytest.raises(CommandError, match=r"^the notebook asked, and a\.txt holds no answer$"):
        Answers([], "a.txt").give("")
    one = Answers(["x"], "a.txt")
    one.give("")
    with pytest.raises(CommandError, match=r"its one answer is given$"):
        one.give("")


def test_no_answer_is_in_the_error_or_in_the_text_of_the_object() -> None:
    answers = Answers(["secret", "other"], "a.txt")
    assert "secret" not in repr(answers) + repr(vars(answers)["source"])
    all_of(answers)
    with pytest.raises(CommandError) as caught:
        answers.give("Password: ")
    assert "secret" not in str(caught.value.content())
