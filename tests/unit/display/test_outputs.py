from __future__ import annotations

import time
from itertools import pairwise

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import display, message, stream

from silik_magics.display.outputs import Outputs, collect, plain, text_of
from silik_magics.kernels.messages import Message


def result(text: str, count: int = 1) -> Message:
    return message("execute_result", execution_count=count, data={"text/plain": text}, metadata={})


ERROR = message("error", ename="ValueError", evalue="no", traceback=["line 1", "line 2"])


def test_pieces_of_one_stream_become_one_output() -> None:
    assert collect([stream("a"), stream("b\n"), stream("c")]) == [
        {"output_type": "stream", "name": "stdout", "text": "ab\nc"}
    ]


def test_stdout_and_stderr_stay_apart_and_in_order() -> None:
    outputs = collect([stream("a"), stream("oops", "stderr"), stream("b")])
    assert [(x["name"], x["text"]) for x in outputs] == [
        ("stdout", "a"),
        ("stderr", "oops"),
        ("stdout", "b"),
    ]


def test_a_display_between_two_pieces_keeps_them_apart() -> None:
    kinds = [x["output_type"] for x in collect([stream("a"), display("<1>"), stream("b")])]
    assert kinds == ["stream", "display_data", "stream"]


def test_a_result_keeps_its_count_and_an_error_its_traceback() -> None:
    assert collect([result("42", 7), ERROR]) == [
        {
            "output_type": "execute_result",
            "execution_count": 7,
            "data": {"text/plain": "42"},
            "metadata": {},
        },
        {
            "output_type": "error",
            "ename": "ValueError",
            "evalue": "no",
            "traceback": ["line 1", "line 2"],
        },
    ]


def test_what_is_no_output_of_a_cell_changes_nothing() -> None:
    messages = [message("status", execution_state="busy"), message("comm_open"), message("novel")]
    assert collect(messages) == []


@pytest.mark.parametrize("kind", ["stream", "display_data", "execute_result", "error"])
def test_a_message_that_lacks_fields_still_makes_an_output_of_the_format(kind: str) -> None:
    (output,) = collect([message(kind)])
    nbformat.validate(
        {"output_type": kind, **output}, relax_add_props=False, ref="output", version=4
    )


def test_outputs_that_lack_fields_share_nothing() -> None:
    first, second = collect([message("display_data"), message("display_data")])
    first["metadata"]["mark"] = True
    assert second["metadata"] == {}


def test_a_display_is_updated_wherever_it_stands() -> None:
    outputs = collect(
        [
            display("0 %", "bar"),
            stream("working"),
            display("0 %", "bar"),
            display("100 %", "bar", "update_display_data"),
        ]
    )
    assert [x.get("data", {}).get("text/plain") for x in outputs] == ["100 %", None, "100 %"]


def test_an_update_of_a_display_that_is_not_there_changes_nothing() -> None:
    assert collect([display("new", "other", "update_display_data")]) == []
    assert collect([display("a"), display("b", "", "update_display_data")])[0]["data"] == {
        "text/plain": "a"
    }


def test_clearing_takes_away_what_was_shown_before() -> None:
    assert collect([stream("a"), display("b"), message("clear_output", wait=False)]) == []


def test_clearing_may_wait_for_the_next_output() -> None:
    outputs = Outputs()
    for item in (stream("a"), message("clear_output", wait=True)):
        outputs.add(item)
    assert text_of(outputs.items) == "a"
    outputs.add(stream("b"))
    assert text_of(outputs.items) == "b"


def test_a_stream_goes_on_after_somebody_looked() -> None:
    outputs = Outputs()
    outputs.add(stream("a"))
    assert text_of(outputs.items) == "a"
    outputs.add(stream("b"))
    assert text_of(outputs.items) == "ab"


def test_a_hundred_thousand_lines_are_joined_in_linear_time() -> None:
    messages = [stream(f"{'x' * 50}\n") for _ in range(100_000)]
    started = time.process_time()
    (output,) = collect(messages)
    assert len(output["text"]) == 5_100_000
    assert time.process_time() - started < 10  # joined one by one it takes a minute


STREAMS = st.lists(st.tuples(st.text(max_size=3), st.sampled_from(["stdout", "stderr"])))


@given(STREAMS)
def test_no_text_is_lost_and_neighbours_differ(pieces: list[tuple[str, str]]) -> None:
    outputs = collect([stream(text, name) for text, name in pieces])
    for name in ("stdout", "stderr"):
        sent = "".join(text for text, where in pieces if where == name)
        assert "".join(x["text"] for x in outputs if x["name"] == name) == sent
    names = [x["name"] for x in outputs]
    assert all(one != other for one, other in pairwise(names))


def test_the_text_of_outputs_is_what_a_terminal_shows() -> None:
    outputs = collect([stream("19\n"), display("<Figure>"), result("42"), ERROR])
    assert text_of(outputs) == "19\n<Figure>\n42\nValueError: no"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"text/plain": "x", "text/html": "<b>x</b>"}, "x"),
        ({"text/markdown": "**x**", "text/html": "<b>x</b>"}, "**x**"),
        ({"application/json": {"a": 1}}, '{"a": 1}'),
        ({"application/vnd.plotly.v1+json": [1]}, "[1]"),
        ({"image/png": "iVBOR"}, "<image/png>"),
        ({}, ""),
    ],
)
def test_what_has_no_text_is_named(data: dict[str, object], text: str) -> None:
    assert plain(data) == text
