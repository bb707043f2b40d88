from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silik_magics.display.answers import Answer, drawing, heading, preformatted, record, table
from silik_magics.display.markup import COLOURS, LONG, TALL, WIDE, Twig, title

WHITE, DARK = "#ffffff", "#1e1e1e"
ATTRIBUTES = {"style", "title", "open", "start", "max", "value"}
HOSTILE = '</td></ul><script>alert(1)</script><img src=x onerror=alert(1)>"\' style="&amp;'


class Page(HTMLParser):
    """Reads markup, which must be well formed, as a list of tags and the text in between."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def answers_that_name(text: str) -> list[Answer]:
    return [
        table(("a", "state"), [{"a": text, "state": "idle"}], notes=[text], state="state"),
        table(("state",), [{"state": "dead"}], [[f"dead: {text}"]], state="state"),
        drawing(text, [Twig(0, text), Twig(1, text, "dead", f" ✗ {text}")]),
        heading(text),
        Answer(text, title(text, text, 0.5)),
        preformatted(text),
        record(text, [(text, text)], []),
    ]


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("state", COLOURS)
@pytest.mark.parametrize("page", [WHITE, DARK])
def test_the_colour_of_each_state_reads_on_white_and_on_dark(state: str, page: str) -> None:
    assert contrast(COLOURS[state], page) >= 3  # what WCAG asks of graphics


def test_every_state_has_a_colour_of_its_own() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert set(COLOURS) >= {"starting", "idle", "busy", "dead", "stopped", "silent", "ahead"}


def test_what_is_named_is_never_markup() -> None:
    for answer in answers_that_name(HOSTILE):
        page = Page(answer.markup)
        assert not {"script", "img"} & set(page.tags)
        assert {name for name, _ in page.attributes} <= {
            "style",
            "title",
            "open",
            "start",
            "max",
            "value",
        }
        assert HOSTILE in page.text.replace("\\n", "\n")


@given(st.text(max_size=60))
def test_the_markup_of_any_text_is_well_formed(text: str) -> None:
    for answer in answers_that_name(text):
        Page(answer.markup)


def test_nothing_is_loaded_and_no_text_has_a_colour_of_its_own() -> None:
    for answer in answers_that_name("k1.py"):
        assert not re.search(r"url\(|https?:|@import|<style|<link|\bon\w+=", answer.markup)
        coloured = re.findall(r'[";]color:[^"]*">([^<]*)<', answer.markup)
        assert set(coloured) <= {"●"}


def test_numbers_stand_to_the_right_and_text_to_the_left() -> None:
    rows = [{"name": "7", "count": 7, "share": None, "flag": True}]
    markup = table(("name", "count", "share", "flag"), rows).markup
    sides = re.findall(r"<td[^>]*text-align:(\w+)", markup)
    assert sides == ["left", "right", "right", "left"]


def test_a_state_is_a_word_with_a_colour_and_the_rest_stands_behind_it() -> None:
    rows = [{"state": "idle"}, {"state": "dead"}, {"state": "odd"}]
    markup = table(("state",), rows, [["idle"], ["dead: exit code 3"], ["odd"]], state="state")
    assert Page(markup.markup).text == "state● idle● dead exit code 3● odd"
    for state in ("idle", "dead"):
        assert f'title="{state}" style="color:{COLOURS[state]}"' in markup.markup


def test_only_long_texts_are_broken_and_very_long_ones_and_tables_scroll() -> None:
    short, wide, long = ("x" * count for count in (WIDE, WIDE + 1, LONG + 1))
    assert "overflow-wrap" not in table(("a",), [{"a": short}]).markup
    assert "overflow-wrap" in table(("a",), [{"a": wide}]).markup
    assert "max-height" not in table(("a",), [{"a": wide}] * TALL).markup
    assert "max-height:9em" in table(("a",), [{"a": long}]).markup
    tall = table(("a",), [{"a": short}] * (TALL + 1)).markup
    assert "max-height:36em" in tall
    assert "position:sticky" in tall


def test_folders_can_be_folded_and_lie_in_one_another_as_in_the_drawing() -> None:
    twigs = [
        Twig(0, "k1.py", "idle"),
        Twig(0, "a"),
        Twig(1, "b", is_current=True),
        Twig(2, "k2.py", "busy"),
        Twig(1, "k3.py", "dead", " ✗ exit code 3"),
        Twig(0, "empty"),
    ]
    page = Page(drawing("", twigs).markup)
    assert page.text == "● k1.pya/b/ <<● k2.py● k3.py ✗ exit code 3▹ empty/"
    assert page.tags.count("details") == page.tags.count("ul") - 1 == 2


def test_an_empty_tree_has_no_markup() -> None:
    assert drawing("").bundle() == {"text/plain": ""}


def test_a_tree_may_be_as_deep_as_it_is() -> None:
    page = Page(drawing("", [Twig(depth, "a") for depth in range(3000)]).markup)
    assert page.tags.count("details") == 2999


def test_a_record_without_outputs_holds_the_code_alone() -> None:
    assert Page(record("", [("a\n", ""), ("b", "c")], []).markup).text == "a\nbc"
    assert record("", [], []).bundle() == {"text/plain": ""}
