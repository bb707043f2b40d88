"""silik in silik in silik: by `run` from the outermost, and by connecting through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.host import Host, host
from support.kernel import pid_of, until_gone, words_of

SLEEP = "print(12321, flush=True); import time; time.sleep(100)"


@pytest.fixture(scope="module")
def outer() -> Iterator[Host]:
    """outer, in it `inner`, in that `deep.py` and `third`, and in that `deepest.py`."""
    with host("silik") as opened:
        opened.ok("start silik -l inner")
        assert opened.ok('run "start python3 -l deep" inner.silik').plain == ["╰─ deep.py"]
        opened.ok("run 'start silik -l third' inner.silik")
        opened.ok("""run 'run "start python3 -l deepest" third.silik' inner.silik""")
        yield opened


@pytest.fixture
def through(outer: Host) -> Iterator[Host]:
    """The outermost, connected through `inner` to `deep.py`."""
    assert "kernel inner.silik" in outer.ok("> inner.silik").plain[0]
    assert "kernel deep.py" in outer.ok("> deep.py").plain[0]
    yield outer
    outer.ok("/cmd")
    outer.ok("run /cmd inner.silik")


def test_a_run_in_a_run_answers(outer: Host) -> None:
    cell = outer.ok('run "run 41+1 deep.py" inner.silik')
    assert (cell.types, cell.plain) == (["execute_result"], ["42"])
    assert outer.ok("""run 'run "run 41+1 deepest.py" third.silik' inner.silik""").plain == ["42"]


def test_an_error_comes_up_through_all(outer: Host) -> None:
    cell = outer.run("""run 'run "run 1/0 deepest.py" third.silik' inner.silik""")
    (error,) = cell.errors
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert "1/0" in "".join(error["traceback"]).replace("\x1b[32m", "").replace("\x1b[39m", "")
    (error,) = outer.run("run strat inner.silik").errors
    assert error["ename"] == "UnknownCommand"
    assert "Hint: " in error["traceback"][-1]


def test_an_interrupt_reaches_the_innermost(outer: Host) -> None:
    request = outer.begin(f"""run "run '{SLEEP}' deep.py" inner.silik""")
    request.until_seen("12321")
    time.sleep(0.2)
    pressed = time.monotonic()
    outer.interrupt()
    cell = request.end(timeout=5)
    assert time.monotonic() - pressed < 1
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]


def test_a_question_comes_up_and_its_answer_goes_down(outer: Host) -> None:
    cell = outer.run(r"""run "run \"input('name? ')\" deep.py" inner.silik""", answers=["Ada"])
    assert cell.plain == ["'Ada'"]


def test_connected_through_a_cell_is_code_of_the_innermost(through: Host) -> None:
    through.ok("x = 41")
    cell = through.ok("print('out'); display('shown'); x + 1")
    assert cell.types == ["stream", "display_data", "execute_result"]
    assert cell.plain == ["'shown'", "42"]
    assert through.run("input('name? ')", answers=["Ada"]).plain == ["'Ada'"]
    assert through.run("1 / 0").errors[0]["ename"] == "ZeroDivisionError"


def test_connected_through_all_questions_reach_the_innermost(through: Host) -> None:
    through.ok("my_long_name = 1")
    assert through.complete("my_lon")["matches"] == ["my_long_name"]
    assert "Prints the values" in through.inspect("print", 3)["data"]["text/plain"]
    assert through.reply(through.client.is_complete("for x in y:"))["status"] == "incomplete"
    assert through.kernel_info()["language_info"]["name"] == "python"


def test_connected_through_an_interrupt_reaches_the_innermost(through: Host) -> None:
    request = through.begin(SLEEP)
    request.until_seen("12321")
    pressed = time.monotonic()
    through.interrupt()
    cell = request.end(timeout=5)
    assert time.monotonic() - pressed < 1
    assert [error["ename"] for error in cell.errors] == ["KeyboardInterrupt"]


def test_leaving_leaves_the_outermost_first(outer: Host) -> None:
    outer.ok("> inner.silik")
    outer.ok("> deep.py")
    outer.ok("x = 1")
    outer.ok("/cmd")
    assert outer.ok("tree").plain == ["╰─ inner.silik"]
    outer.ok("> inner.silik")
    assert outer.ok("x").plain == ["1"]  # inner is connected still
    outer.ok("/cmd")
    assert "Command mode" in outer.ok("run /cmd inner.silik").plain[0]
    outer.ok("> inner.silik")
    assert outer.ok("tree").plain == ["├─ deep.py\n╰─ third.silik"]
    outer.ok("/cmd")


def test_the_death_of_the_innermost_is_told_and_its_silik_lives(outer: Host) -> None:
    outer.ok("run 'start python3 -l frail' inner.silik")
    outer.ok("> inner.silik")
    outer.ok("> frail.py")
    (error,) = outer.run("import os; os._exit(7)").errors
    assert error["ename"] == "KernelDied"
    assert "frail.py died: exited with code 7" in error["evalue"]
    assert outer.ok("rm frail.py").plain == ["├─ deep.py\n╰─ third.silik"]  # of inner
    outer.ok("/cmd")


def test_all_levels_end_with_the_outermost(before: set[Path], runtime_dir: Path) -> None:
    with host("silik") as outer:
        outer.ok("start silik -l inner")
        outer.ok("run 'start python3 -l deep' inner.silik")
        outer.ok("run 'start immortal -l stone' inner.silik")
        pids = [pid_of(outer), *outer.pids()]
        words = [" ".join(words_of(pid)) for pid in pids]
        assert len([one for one in words if one and "forking/template.py" not in one]) == 4
        begun = time.monotonic()
        outer.manager.shutdown_kernel()
        until_gone(pids)
        assert time.monotonic() - begun < 1.5
    assert set(runtime_dir.iterdir()) <= before
