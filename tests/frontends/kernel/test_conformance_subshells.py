"""Subshells of a connected kernel: made, used while its main shell is busy, and deleted."""

from __future__ import annotations

from support.frontend import FrontEnd
from support.pairs import Pair, results


def make(front_end: FrontEnd) -> str:
    reply = front_end.ask("create_subshell_request", channel="control")
    return reply.content["subshell_id"]


def delete(front_end: FrontEnd, subshell: str) -> None:
    content = {"subshell_id": subshell}
    front_end.ask("delete_subshell_request", content, channel="control")


def test_subshells_are_made_listed_and_deleted(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        one, two = make(front_end), make(front_end)
        front_end.ask("list_subshell_request", channel="control")
        delete(front_end, one)
        delete(front_end, one)
        front_end.ask("list_subshell_request", channel="control")
        delete(front_end, two)
        front_end.ask("list_subshell_request", channel="control")

    found = python.play(scene)
    listed = [m[2]["subshell_id"] for m in found["control"] if m[1] == "list_subshell_reply"]
    assert [len(each) for each in listed] == [2, 1, 0]


def test_a_subshell_executes_while_the_main_shell_is_busy(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        subshell = make(front_end)
        front_end.run("import threading; go = threading.Event()")
        main = front_end.execute("print('in', flush=True); go.wait(20)")
        front_end.until_said("in")
        at = {"code": "thread", "cursor_pos": 6}
        asked = [
            front_end.execute("print('beside'); 6 * 7", subshell=subshell),
            front_end.send("complete_request", at, subshell_id=subshell),
            front_end.send("inspect_request", {**at, "detail_level": 0}, subshell_id=subshell),
        ]
        front_end.over(*asked)
        assert not any(message.state == "idle" for message in front_end.of(main))
        front_end.over(front_end.execute("go.set()", subshell=subshell), main)
        delete(front_end, subshell)

    found = python.play(scene, by_request=True)
    assert "42" in results(found)


def test_questions_and_cells_of_two_subshells_do_not_wait_for_each_other(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        one, two = make(front_end), make(front_end)
        front_end.run("import threading; met = threading.Barrier(3)")
        cells = []
        for shell in (None, one, two):
            code = f"print('in {len(cells)}', flush=True); met.wait(20); print({shell!r})"
            cells.append(front_end.execute(code, subshell=shell))
            front_end.until_said(f"in {len(cells) - 1}")
        front_end.over(*cells)
        delete(front_end, one)
        delete(front_end, two)

    found = python.play(scene, by_request=True)
    said = [m for m in found["iopub"] if m[1] == "stream"]
    assert len({number for number, *_ in said}) == 3


def test_an_error_in_a_subshell_aborts_only_what_waits_there(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        subshell = make(front_end)
        failing = "print('in', flush=True); import time; time.sleep(0.5); raise ValueError('no')"
        cells = [front_end.execute(failing, subshell=subshell)]
        front_end.until_said("in")
        cells += [front_end.execute("'never'", subshell=subshell) for _ in range(3)]
        cells += [front_end.execute("import time; time.sleep(1.5)"), front_end.execute("'main'")]
        front_end.over(*cells)
        delete(front_end, subshell)

    found = python.play(scene, by_request=True)
    assert [reply[2]["status"] for reply in found["shell"]] == [
        "error",
        *["aborted"] * 3,
        "ok",
        "ok",
    ]


def test_a_request_for_a_subshell_that_is_gone_is_answered(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        subshell = make(front_end)
        delete(front_end, subshell)
        front_end.over(front_end.execute("1", subshell=subshell))

    (reply,) = python.play(scene)["shell"]
    assert reply[2]["ename"] == "UnknownSubshellError"


def test_a_subshell_asks_the_user(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        subshell = make(front_end)
        front_end.answers = ["beside"]
        cell = front_end.execute("input('name? ')", subshell=subshell, allow_stdin=True)
        front_end.over(cell)
        delete(front_end, subshell)

    assert results(python.play(scene)) == ["'beside'"]
