from __future__ import annotations

from silik_magics.display.answers import Answer, Table, table

ROWS = [{"name": "k1.py", "count": 3}, {"name": "<b>", "count": 12}]


def numbers() -> Table:
    return table(("name", "count"), ROWS)


def test_an_answer_is_its_text() -> None:
    answer = Answer("~/models/")
    assert str(answer) == repr(answer) == "~/models/"
    assert answer.bundle() == {"text/plain": "~/models/"}


def test_an_answer_with_markup_has_both_forms() -> None:
    answer = Answer("x", "<b>x</b>")
    assert answer._repr_mimebundle_() == {"text/plain": "x", "text/html": "<b>x</b>"}


def test_the_columns_of_a_table_stand_under_each_other() -> None:
    assert str(numbers()) == "name   count\nk1.py  3\n<b>    12"
    assert repr(numbers()) == str(numbers())


def test_no_line_of_a_table_ends_in_blanks() -> None:
    shown = table(("name", "note"), [{"name": "a", "note": ""}, {"name": "b", "note": "long"}])
    assert [line.rstrip() for line in shown.text.splitlines()] == shown.text.splitlines()


def test_a_value_of_several_lines_stays_in_its_row() -> None:
    assert table(("code",), [{"code": "a\nb"}]).text == "code\na\\nb"


def test_a_table_is_html_with_its_values_escaped() -> None:
    markup = numbers().markup
    assert markup.count("<tr>") == 3
    assert "&lt;b&gt;" in markup
    assert "<b>" not in markup


def test_a_table_gives_its_rows_as_data() -> None:
    assert list(numbers()) == ROWS == numbers().data
    assert len(numbers()) == 2
    assert numbers()[1] == {"name": "<b>", "count": 12}


def test_what_is_shown_may_differ_from_the_data() -> None:
    shown = table(("memory",), [{"memory": 36_000_000}], [["36 MB"]])
    assert shown.text == "memory\n36 MB"
    assert shown[0]["memory"] == 36_000_000


def test_a_table_without_rows_says_so() -> None:
    shown = table(("name",), [], empty="No kernel is here.")
    assert str(shown) == "No kernel is here."
    assert list(shown) == []
    assert shown.bundle() == {"text/plain": "No kernel is here."}


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e\x07\n\"'&"


def test_nothing_in_a_table_moves_the_cursor() -> None:
    found = table(("a",), [{"a": HOSTILE}])
    assert found.text == ("a\n<script>alert(1)</script>\\x1b[2J\\u202e\\x07\\n\"'&")
    assert "\x1b" not in found.markup


def test_an_answer_can_be_sent_whatever_it_names() -> None:
    bundle = Answer("a\ud800", "<b>\udfff</b>").bundle()
    assert bundle == {"text/plain": "a?", "text/html": "<b>?</b>"}
