"""A front-end of a connected `silik` gets the messages that it would get from the kernel itself.

Each test plays one scene twice: with a kernel that is driven directly, and through `silik`. All
messages on all channels must be the same, in the same order; ids and times aside.
"""

from __future__ import annotations

import time

import pytest
from support.frontend import FrontEnd
from support.pairs import Pair, results

# How a cell is executed


CELLS = {
    "silent": [("x = 1; print('said')", {"silent": True}), ("x", {})],
    "silent with expressions": [("1 / 0", {"silent": True, "user_expressions": {"a": "x"}})],
    "not stored": [("'kept out'", {"store_history": False}), ("'kept in'", {})],
    "expressions": [
        ("y = 20", {"user_expressions": {"good": "y + 1", "bad": "nowhere", "rich": "HTML"}}),
        ("1 / 0", {"user_expressions": {"good": "y + 1"}}),
    ],
    "payloads": [
        ("get_ipython().set_next_input('1 + 1')", {}),
        ("zip?", {}),
        ("get_ipython().payload_manager.write_payload({'source': 'ask_exit'})", {}),
    ],
    "errors": [
        ("print('before')\ndef f():\n    return 1 / 0\nf()", {}),
        ("if True\n  x = ?", {}),
        ("%no_such_magic", {}),
        ("raise KeyboardInterrupt", {}),
        ("raise SystemExit", {}),
    ],
    "displays": [
        (
            "import sys\n"
            "from IPython.display import HTML, JSON, Image, clear_output, display\n"
            "print('out', flush=True); print('err', file=sys.stderr, flush=True)\n"
            "clear_output(wait=True)\n"
            "first = display(HTML('<b>é</b>'), display_id='first', metadata={'text/html': {}})\n"
            "display(JSON({'a': [1, None]}), Image(data=bytes(range(64)), format='png'))\n"
            "first.update(HTML('<i>updated</i>'))\n"
            "get_ipython().display_pub.publish({'x/new': '\\u2028'}, transient={'c': 1})\n"
            "{'result': 6 * 7}",
            {},
        ),
    ],
    "odd texts": [("", {}), ("\n\n", {}), ("'🦆\\u0000\\x1b[31m\\ud800'", {}), ("# \u2028 é", {})],
    "no answers": [("input('name? ')", {}), ("import getpass; getpass.getpass()", {})],
    "words of ours": [("tree = 1\ntree", {}), ("%silik tree", {}), ("/cmds", {})],
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_executed_as_directly(python: Pair, name: str) -> None:
    def scene(front_end: FrontEnd) -> None:
        for code, content in CELLS[name]:
            front_end.run(code, **content)

    python.play(scene)


def test_what_a_request_leaves_out_is_for_the_kernel_to_choose(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        for content in ({"code": "1"}, {"code": "2", "silent": True}, {"code": "3", "more": [1]}):
            front_end.ask("execute_request", content)

    assert len(python.play(scene)["shell"]) == 3


def test_metadata_of_a_cell_reach_the_kernel(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        code = "get_ipython().get_parent()['metadata']"
        metadata = {"cellId": "a-cell", "deletedCells": ["another"], "x": {"é": [1.5, None]}}
        front_end.ask("execute_request", {"code": code}, metadata=metadata)

    found = python.play(scene)
    assert "another" in str(found["iopub"])


def test_buffers_of_a_request_reach_the_kernel(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        code = "b''.join(map(bytes, get_ipython().get_parent()['buffers']))"
        front_end.ask("execute_request", {"code": code}, buffers=[b"one", bytes(range(256))])

    assert results(python.play(scene)) == [str(b"one" + bytes(range(256)))]


def test_what_waits_behind_an_error_is_aborted(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        failing = "import asyncio; await asyncio.sleep(0.3); raise ValueError('no')"
        cells = [front_end.execute(failing), *(front_end.execute(f"x = {n}") for n in range(30))]
        question = front_end.send("is_complete_request", {"code": "1"})
        front_end.over(*cells, question)
        front_end.run("'after'")

    statuses = [reply[2]["status"] for reply in python.play(scene)["shell"]]
    assert statuses == ["error", *["aborted"] * 30, "complete", "ok"]


def test_nothing_is_aborted_behind_an_error_that_is_not_to_stop(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        failing = "import time; time.sleep(0.2); raise ValueError('no')"
        cells = [
            front_end.execute(failing, stop_on_error=False),
            front_end.execute("1"),
            front_end.execute(failing, silent=True),
            front_end.execute("2"),
        ]
        front_end.over(*cells)

    assert [reply[2]["status"] for reply in python.play(scene)["shell"]] == [
        "error",
        "ok",
        "error",
        "ok",
    ]


def test_many_cells_at_once_are_executed_in_order(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.over(*(front_end.execute(f"print({n}); {n}") for n in range(100)))

    python.play(scene)


def test_output_that_comes_late_keeps_its_own_parent(python: Pair) -> None:
    late = """\
import threading
from IPython.display import display
heard = threading.Event(), threading.Event()
def work():
    heard[0].wait(10)
    print('during', flush=True); display('during')
    heard[1].set()
threading.Thread(target=get_ipython().set_thread_parent and (lambda: (
    get_ipython().set_thread_parent(parent), work()))).start()
"""

    def scene(front_end: FrontEnd) -> None:
        front_end.run(f"parent = get_ipython().get_parent()\n{late}")
        front_end.run("print('mine', flush=True); heard[0].set(); heard[1].wait(10); 'mine too'")

    found = python.play(scene, lawful=False)
    assert [0, "stream", {"name": "stdout", "text": "during\n"}, {}, []] in found["iopub"]


def test_output_of_a_cell_long_ago_keeps_its_own_parent(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run(
            "import threading\ngo, parent = threading.Event(), get_ipython().get_parent()\n"
            "def work():\n"
            "    get_ipython().set_thread_parent(parent); go.wait(60); print('late', flush=True)\n"
            "thread = threading.Thread(target=work); thread.start()"
        )
        front_end.over(*(front_end.execute("pass") for _ in range(300)))
        front_end.run("go.set(); thread.join()")

    found = python.play(scene, lawful=False)
    assert [0, "stream", {"name": "stdout", "text": "late\n"}, {}, []] in found["iopub"]


def test_what_no_request_caused_arrives_too(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run(
            "kernel = get_ipython().kernel\n"
            "kernel.session.send(kernel.iopub_socket, 'stream', {'name': 'stdout', 'text': 'un'})\n"
            "kernel.session.send(kernel.iopub_socket, 'unheard_of', {'a': 1}, buffers=[b'asked']);"
        )

    found = python.play(scene, lawful=False)
    assert [-1, "unheard_of", {"a": 1}, {}, ["asked"]] in found["iopub"]


# Questions


def test_the_kernel_answers_the_front_ends_questions(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run("%config IPCompleter.jedi_compute_type_timeout = 60_000")
        front_end.run("alpha = albert = 5")
        front_end.ask("kernel_info_request")
        front_end.ask("kernel_info_request", channel="control")
        for code, cursor in (("al", 2), ("zi", 1), ("import itertoo", 14), ("%cp", 3), ("é.", 2)):
            front_end.ask("complete_request", {"code": code, "cursor_pos": cursor})
        for detail in (0, 1):
            content = {"code": "x = max(1)", "cursor_pos": 6, "detail_level": detail}
            front_end.ask("inspect_request", content)
        front_end.ask("inspect_request", {"code": "nowhere", "cursor_pos": 3, "detail_level": 0})
        for code in ("1", "for x in y:", "a = [1,", "raise = 2", "%%time\n"):
            front_end.ask("is_complete_request", {"code": code})
        front_end.ask("comm_info_request", {"target_name": "none"})

    found = python.play(scene)
    assert found["control"][0][2]["implementation"] == "ipython"
    assert {"alpha", "albert"} <= set(found["shell"][3][2]["matches"])


def test_history_is_the_kernels(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run("'one of two'")
        front_end.run("'two of two'")
        asked = {"raw": True, "output": False}
        front_end.ask("history_request", {"hist_access_type": "tail", "n": 2, **asked})
        search = {"hist_access_type": "search", "pattern": "*of two'", "n": 5, "unique": True}
        front_end.ask("history_request", {**search, **asked})
        asked["output"] = True
        span = {"hist_access_type": "range", "session": 0, "start": 1, "stop": 4}
        front_end.ask("history_request", {**span, **asked})

    found = python.play(scene)
    assert [entry[2] for entry in found["shell"][2][2]["history"]] == [
        "'one of two'",
        "'two of two'",
    ]


def test_a_request_that_the_kernel_does_not_know_keeps_nothing_waiting(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.send("unheard_of_request", {"a": 1})
        front_end.send("execute_request", {"no": "code"})
        front_end.send("complete_request", {"code": "x", "cursor_pos": 9})  # behind its end
        front_end.run("1")
        front_end.send("unheard_of_request", channel="control")
        front_end.ask("kernel_info_request", channel="control")

    python.play(scene, lawful=False)


# The user is asked


def test_the_users_answers_reach_the_kernel(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.answers = ["Ada", "s3cret", "", "é 🦆"]
        code = (
            "import getpass\n[input('name? '), getpass.getpass('key? '), input(), input('last ')]"
        )
        front_end.run(code, allow_stdin=True)

    found = python.play(scene)
    assert [question[2] for question in found["stdin"]] == [
        {"prompt": "name? ", "password": False},
        {"prompt": "key? ", "password": True},
        {"prompt": "", "password": False},
        {"prompt": "last ", "password": False},
    ]
    assert results(found) == ["['Ada', 's3cret', '', 'é 🦆']"]


def test_the_debugger_of_the_language_can_be_used(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.answers = ["p y * 2", "c"]
        front_end.run("y = 21\nimport pdb; pdb.set_trace()\n'done'", allow_stdin=True)

    assert "42" in str(python.play(scene)["iopub"])


# Interrupting


def interrupt(front_end: FrontEnd) -> None:
    """Press the stop button; not so soon that the kernel is hit at another place each time."""
    time.sleep(0.3)
    front_end.ask("interrupt_request", channel="control")


def test_an_interrupt_reaches_the_kernel_and_aborts_what_waits(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        code = "print('in', flush=True); import time; time.sleep(60)"
        cells = [front_end.execute(code), front_end.execute("'never'")]
        front_end.until_said("in")
        interrupt(front_end)
        front_end.over(*cells)
        front_end.run("'after'")

    found = python.play(scene, by_request=True)
    assert [reply[2]["status"] for reply in found["shell"]] == ["error", "aborted", "ok"]
    assert found["control"] == [[2, "interrupt_reply", {"status": "ok"}, {}, []]]


def test_an_interrupt_ends_a_question_to_the_user(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        cell = front_end.execute("input('name? ')", allow_stdin=True)
        front_end.until(lambda: front_end.of(cell, "stdin"))
        interrupt(front_end)
        front_end.over(cell)

    assert python.play(scene, by_request=True)["shell"][0][2]["ename"] == "KeyboardInterrupt"
