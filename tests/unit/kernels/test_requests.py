from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.messages import message, stream

from silik_magics.kernels.messages import Message
from silik_magics.kernels.requests import REMEMBERED, Kind, Request, Requests


def execution(msg_id: str) -> Request:
    return Request(msg_id, expects_idle=True, on_output=lambda _: None)


def reply(parent: str) -> Message:
    return message("execute_reply", parent, "shell", status="ok")


def status(parent: str, state: str) -> Message:
    return message("status", parent, execution_state=state)


def parts(msg_id: str) -> list[Message]:
    """Return the messages of an execution, in the order in which they are sent."""
    return [
        status(msg_id, "busy"),
        stream("first", parent=msg_id),
        stream("second", parent=msg_id),
        status(msg_id, "idle"),
        reply(msg_id),
    ]


def test_an_execution_is_over_when_it_is_idle_and_replied_to_in_whatever_order() -> None:
    sent = parts("a")
    idle, answered = sent[3:]
    for order in permutations(sent):
        requests = Requests()
        request = requests.begin(execution("a"))
        seen: list[Message] = []
        for item in order:
            was_over = request.over
            kind, owner = requests.feed(item)
            seen.append(item)
            assert owner is request
            assert request.over is (idle in seen and answered in seen)
            assert ("a" in requests.pending) is not request.over
            if item.msg_type == "stream":
                assert kind is (Kind.LATE if was_over else Kind.OUTPUT)


MIXED = st.permutations([("a", index) for index in range(5)] + [("b", index) for index in range(5)])


@given(MIXED)
def test_messages_of_two_requests_never_land_on_each_other(order: list[tuple[str, int]]) -> None:
    requests = Requests()
    owners = {name: requests.begin(execution(name)) for name in ("a", "b")}
    sent = {name: parts(name) for name in owners}
    for name, index in order:
        _, owner = requests.feed(sent[name][index])
        assert owner is owners[name]
    assert all(request.over for request in owners.values())
    assert not requests.pending


ORDERED = st.permutations(["a"] * 5 + ["b"] * 5)


@given(ORDERED)
def test_outputs_keep_the_order_in_which_they_came(turns: list[str]) -> None:
    requests = Requests()
    for name in ("a", "b"):
        requests.begin(execution(name))
    left = {name: iter(parts(name)) for name in ("a", "b")}
    outputs: dict[str, list[object]] = {"a": [], "b": []}
    for name in turns:
        item = next(left[name])
        kind, owner = requests.feed(item)
        if kind is Kind.OUTPUT:
            assert owner is not None
            outputs[owner.msg_id].append(item.content["text"])
    assert outputs == {"a": ["first", "second"], "b": ["first", "second"]}


def test_what_comes_late_goes_to_its_own_request() -> None:
    requests = Requests()
    first = requests.begin(execution("a"))
    for item in parts("a"):
        requests.feed(item)
    second = requests.begin(execution("b"))
    assert requests.feed(stream("late", parent="a")) == (Kind.LATE, first)
    assert requests.feed(stream("now", parent="b")) == (Kind.OUTPUT, second)


def test_a_request_that_was_given_up_still_owns_its_late_outputs() -> None:
    requests = Requests()
    request = requests.begin(execution("a"))
    requests.end(request)
    assert not request.over
    assert requests.feed(stream("late", parent="a")) == (Kind.LATE, request)


def test_ending_a_request_twice_changes_nothing() -> None:
    requests = Requests()
    request = requests.begin(execution("a"))
    requests.end(request)
    requests.end(request)
    assert requests.feed(stream("late", parent="a")) == (Kind.LATE, request)


@pytest.mark.parametrize("parent", ["", "nobody"])
def test_what_belongs_to_no_request_is_foreign(parent: str) -> None:
    requests = Requests()
    requests.begin(execution("a"))
    assert requests.feed(stream("x", parent=parent)) == (Kind.FOREIGN, None)
    assert requests.feed(reply(parent)) == (Kind.FOREIGN, None)


def test_a_status_of_nobody_is_a_status() -> None:
    assert Requests().feed(status("", "starting")) == (Kind.STATUS, None)


def test_a_question_is_over_with_its_reply() -> None:
    requests = Requests()
    request = requests.begin(Request("q"))
    requests.feed(status("q", "busy"))
    assert not request.over
    assert requests.feed(message("complete_reply", "q", "shell"))[0] is Kind.REPLY
    assert request.over


def test_a_comm_message_is_over_when_the_kernel_is_idle() -> None:
    requests = Requests()
    request = requests.begin(Request("c", expects_reply=False, expects_idle=True))
    requests.feed(status("c", "busy"))
    requests.feed(stream("x", parent="c"))
    assert not request.over
    requests.feed(status("c", "idle"))
    assert request.over


def test_a_reply_on_the_control_channel_is_a_reply() -> None:
    requests = Requests()
    request = requests.begin(Request("i"))
    requests.feed(message("interrupt_reply", "i", "control"))
    assert request.over


def test_a_question_of_the_kernel_to_the_user_ends_nothing() -> None:
    requests = Requests()
    request = requests.begin(execution("a"))
    question = message("input_request", "a", "stdin", prompt="? ")
    assert requests.feed(question) == (Kind.INPUT, request)
    assert not request.over


def test_a_question_that_comes_late_is_foreign() -> None:
    requests = Requests()
    requests.end(requests.begin(execution("a")))
    assert requests.feed(message("input_request", "a", "stdin"))[0] is Kind.FOREIGN


def test_busy_after_idle_does_not_open_a_request_again() -> None:
    requests = Requests()
    request = requests.begin(execution("a"))
    for item in (status("a", "idle"), status("a", "busy"), reply("a")):
        requests.feed(item)
    assert request.over


def test_only_the_last_requests_are_remembered() -> None:
    requests = Requests()
    for number in range(REMEMBERED + 1):
        requests.end(requests.begin(execution(str(number))))
    assert requests.feed(stream("x", parent="0"))[0] is Kind.FOREIGN
    assert requests.feed(stream("x", parent="1"))[0] is Kind.LATE


@pytest.mark.parametrize(
    ("channel", "kind"),
    [("shell", "stream"), ("control", "status"), ("stdin", "execute_reply"), ("stdin", "stream")],
)
def test_what_comes_on_a_channel_that_is_not_for_it_is_foreign(channel: str, kind: str) -> None:
    requests = Requests()
    request = requests.begin(Request("a", expects_idle=True))
    assert requests.feed(message(kind, "a", channel))[0] is Kind.FOREIGN
    assert not request.begun
    assert request.reply is None


def test_only_the_first_reply_is_one() -> None:
    requests = Requests()
    request = requests.begin(Request("a", expects_idle=True))
    first = message("execute_reply", "a", "shell", status="ok")
    assert requests.feed(first)[0] is Kind.REPLY
    second = message("execute_reply", "a", "shell", status="error")
    assert requests.feed(second)[0] is Kind.FOREIGN
    assert request.reply is first
