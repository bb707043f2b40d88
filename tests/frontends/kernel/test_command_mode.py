"""Cells of commands, and of code for kernels that they name."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from support.host import Host, host
from support.kernel import Typed, shown
from support.transcripts import play

from silik_magics import __version__

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"


@pytest.fixture(autouse=True, scope="module")
def kernels(kernel: Host) -> None:
    kernel.ok("start python3 -n 2 -l k")


@pytest.mark.parametrize("name", ["predecessor", "predecessor_cells", "connect"])
def test_a_session_of_the_shell_is_the_same_through_the_kernel(name: str) -> None:
    text = (TRANSCRIPTS / f"{name}.silik").read_text(encoding="utf-8")
    with host("silik") as opened:
        asyncio.run(play(text, Typed(opened)))  # type: ignore[arg-type] - it types like a Session


def test_the_kernel_says_what_it_is(kernel: Host) -> None:
    info = kernel.kernel_info()
    assert (info["status"], info["implementation"]) == ("ok", "silik")
    assert info["implementation_version"] == info["language_info"]["version"] == __version__
    assert info["language_info"]["name"] == "silik"
    assert info["language_info"]["file_extension"] == ".silik"
    assert info["banner"].startswith(f"silik {__version__}: ")
    assert "`help`" in info["banner"]
    assert all(link["url"].startswith("https://") and link["text"] for link in info["help_links"])


@pytest.mark.parametrize("cell", ["", "\n  \n", "# a remark", "\t# one\n\n# and another\n"])
def test_a_cell_without_a_command_is_fine_and_shows_nothing(kernel: Host, cell: str) -> None:
    done = kernel.ok(cell)
    assert (done.messages, done.reply["payload"]) == ([], [])


def test_each_command_shows_its_answer_as_text_and_as_html(kernel: Host) -> None:
    cell = kernel.ok("pwd\nkernels\ntree")
    assert cell.types == ["display_data"] * 3
    assert cell.plain[0] == "~/"
    assert "python3" in cell.plain[1]
    assert cell.plain[2] == "├─ k1.py\n╰─ k2.py"
    pages = [message["content"]["data"].get("text/html", "") for message in cell.messages]
    assert "<table" in pages[1]
    assert "k1.py" in pages[2]


def test_run_shows_what_the_kernel_shows(kernel: Host) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); display('shown'); 6 * 7"
    cell = kernel.ok(f'run "{code}" k1.py')
    assert (cell.stream(), cell.stream("stderr")) == ("out\n", "err\n")
    assert cell.plain == ["'shown'", "42"]


def test_a_result_has_the_number_of_its_cell(kernel: Host) -> None:
    for _ in range(2):
        cell = kernel.ok("%%silik k2.py\n6 * 7")
        assert cell.messages[0]["content"]["execution_count"] == cell.reply["execution_count"]


def test_a_cell_for_a_kernel_is_code_to_the_letter(kernel: Host) -> None:
    cell = kernel.ok('%%silik k1.py --timeout 5\ntext = "it\'s ${HOME} # whole"\n\ntext')
    assert cell.plain == ['"it\'s ${HOME} # whole"']


def test_a_cell_for_several_kernels_shows_each_under_its_name(kernel: Host) -> None:
    kernel.ok("%%silik k1.py\nname = 1")
    kernel.ok("%%silik k2.py\nname = 0")
    cell = kernel.run("%%silik k1.py k2.py\nprint('out')\n6 / name")
    assert cell.types[:3] == ["display_data", "stream", "execute_result"]
    assert cell.types[3:] == ["display_data", "stream", "error", "error"]
    assert cell.plain == ["── k1.py ──", "6.0", "── k2.py ──"]
    assert "1 of 2 kernels failed: k2.py" in cell.errors[-1]["evalue"]


def test_a_cell_for_a_kernel_has_a_time_limit(kernel: Host) -> None:
    cell = kernel.run("%%silik k1.py --timeout 0.3\nimport time; time.sleep(100)")
    assert cell.seconds < 1
    (error,) = cell.errors
    assert (error["ename"], error["evalue"].split(" and ")[0]) == (
        "KernelTimeout",
        "k1.py did not finish within 0.3 s",
    )
    assert "KeyboardInterrupt" in shown(cell)
    assert kernel.ok("%%silik k1.py\n1").plain == ["1"]


@pytest.mark.parametrize(
    ("cell", "ename", "evalue", "hint"),
    [
        ("strat python3", "UnknownCommand", "strat (did you mean start", "the commands are "),
        ("run 1 nowhere.py", "CommandError", "nowhere.py", "Hint: "),
        ('run "1', "CommandError", 'a quote (") opened in line 1, column 5', "close it"),
        ("start pyhton3", "CommandError", "no kernelspec is called pyhton3", "python3"),
        ("tree --wrong", "CommandError", "--wrong", "help tree"),
        ("%%silik nowhere.py\n1", "CommandError", "nowhere.py", "Hint: "),
        ("%%silik k1.py --capture x\n1", "CommandError", "--capture", "Hint: "),
    ],
)
def test_an_error_of_ours_is_short_and_has_a_hint(
    kernel: Host, cell: str, ename: str, evalue: str, hint: str
) -> None:
    done = kernel.run(cell)
    (error,) = done.errors
    assert error["ename"] == ename
    assert evalue in error["evalue"]
    assert hint in error["traceback"][-1]
    assert error["traceback"][0] == f"{ename}: {error['evalue']}"
    assert "Traceback" not in shown(done)
    assert done.status == "error"
    assert {name: done.reply[name] for name in error} == error


def test_an_error_of_the_code_has_its_own_traceback(kernel: Host) -> None:
    cell = kernel.run("print = 1\nrun '1 / 0' k1.py")
    assert cell.errors[0]["ename"] == "UnknownCommand"
    cell = kernel.run("pwd\nrun '1 / 0' k1.py\ntree")
    assert cell.types == ["display_data", "error"]
    assert cell.errors[0]["ename"] == cell.reply["ename"] == "ZeroDivisionError"
    assert "1 / 0" in shown(cell)
    assert "silik" not in shown(cell)


def test_cells_behind_one_that_fails_are_aborted(kernel: Host) -> None:
    codes = ("run 'import time; time.sleep(0.2); 1 / 0' k1.py", "pwd", "pwd")
    failed, second, third = [kernel.begin(code) for code in codes]
    cells = [failed.end(), second.end(), third.end()]
    assert [cell.status for cell in cells] == ["error", "aborted", "aborted"]
    assert [cell.messages for cell in cells[1:]] == [[], []]
    assert kernel.ok("pwd").plain == ["~/"]


def test_cells_behind_one_that_fails_run_where_it_was_sent_so(kernel: Host) -> None:
    failed = kernel.begin("run 'import time; time.sleep(0.2); 1 / 0' k1.py", stop_on_error=False)
    after = kernel.begin("pwd")
    assert (failed.end().status, after.end().status) == ("error", "ok")


def test_a_silent_cell_says_nothing_and_has_no_number(kernel: Host) -> None:
    count = kernel.ok("pwd").reply["execution_count"]
    cell = kernel.ok("tree\nrun 'print(1)' k1.py", silent=True)
    assert cell.messages == []
    assert kernel.run("strat", silent=True).messages == []
    assert kernel.ok("pwd").reply["execution_count"] == count + 1


def test_the_user_is_asked_by_kernels_one_after_the_other(kernel: Host) -> None:
    cell = kernel.run("%%silik k1.py k2.py\ninput('name? ')", answers=["Ada", "Bob"])
    assert [question["prompt"] for question in cell.questions] == ["name? "] * 2
    assert {text for text in cell.plain if "──" not in text} == {"'Ada'", "'Bob'"}
    secret = kernel.run("%%silik k1.py\nimport getpass; getpass.getpass('key? ')", answers=["x"])
    assert secret.questions == [{"prompt": "key? ", "password": True}]


def test_where_nobody_can_be_asked_the_cell_says_so(kernel: Host) -> None:
    cell = kernel.run("%%silik k1.py\ninput('name? ')")
    assert [error["ename"] for error in cell.errors] == ["StdinNotImplementedError"]


@pytest.mark.parametrize(
    ("text", "offered", "replaced"),
    [
        ("st|", {"start", "stop"}, "st"),
        ("start pyth|", {"python3"}, "pyth"),
        ("pwd\nrun 'a\nb' k|", {"k1.py", "k2.py"}, "k"),
        ("> k1|", {"k1.py"}, "k1"),
        ("%%silik k1.py --on-timeout s|", {"stop"}, "s"),
        ("%%silik k1.py\nimport zipfil|", {"zipfile"}, "zipfil"),
        ("%%silik\nresta|", {"restart"}, "resta"),
    ],
)
def test_tab_offers_what_could_be_typed(
    kernel: Host, text: str, offered: set[str], replaced: str
) -> None:
    code = text.replace("|", "", 1)
    reply = kernel.complete(code, text.index("|"))
    assert reply["status"] == "ok"
    assert set(reply["matches"]) == offered
    assert code[reply["cursor_start"] : reply["cursor_end"]] == replaced
    types = reply["metadata"]["_jupyter_types_experimental"]
    assert {entry["text"] for entry in types} == offered


def test_tab_answers_while_a_cell_runs(kernel: Host) -> None:
    request = kernel.begin("%%silik k1.py\nprint('in', flush=True)\nimport time; time.sleep(100)")
    request.until_seen("in")
    begun = time.monotonic()
    assert kernel.complete("resta")["matches"] == ["restart"]
    assert kernel.inspect("tree")["found"]
    assert kernel.kernel_info()["implementation"] == "silik"
    assert kernel.complete("%%silik k2.py\nimport zipfil")["matches"] == ["zipfile"]
    assert time.monotonic() - begun < 2
    kernel.interrupt()
    assert request.end().status == "error"


@pytest.mark.parametrize("cursor", [0, 3, 9, 18])
def test_shift_tab_shows_the_help_of_the_command_under_the_cursor(
    kernel: Host, cursor: int
) -> None:
    reply = kernel.inspect("pwd\nstart python3 -l\npwd", 4 + min(cursor, 15))
    assert (reply["status"], reply["found"]) == ("ok", True)
    assert reply["data"]["text/plain"].startswith("Usage: start [OPTIONS] SPEC")


def test_shift_tab_in_code_asks_the_kernel(kernel: Host) -> None:
    reply = kernel.inspect("%%silik k1.py\nprint", 18)
    assert "Prints the values" in reply["data"]["text/plain"]
    assert kernel.inspect("nonsense", 3)["found"] is False


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("tree", "complete"),
        ("", "complete"),
        ('run "x = 1', "incomplete"),
        ("run 'x = 1\n", "incomplete"),
        ('run "x = 1" k1.py', "complete"),
        ("%%silik k1.py\nx = 1", "incomplete"),
        ("%%silik k1.py\nx = 1\n", "complete"),
        ("strat python3", "complete"),
    ],
)
def test_a_cell_with_an_open_quote_is_incomplete(kernel: Host, code: str, status: str) -> None:
    assert kernel.reply(kernel.client.is_complete(code))["status"] == status


def test_a_configuration_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silik_config.py").write_text("c.SilikKernelManager.start_timeout = 0.4\n")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    with host("silik") as opened:
        (error,) = opened.run("start deaf").errors
        assert error["ename"] == "KernelTimeout"
        assert "0.4 s" in error["evalue"]


def test_exit_asks_the_front_end_to_leave_and_stops_all(fresh: Host) -> None:
    fresh.ok("start bare -n 2 -l k\nmkdir more")  # for those no template is kept
    cell = fresh.ok("exit")
    assert cell.reply["payload"] == [{"source": "ask_exit", "keepkernel": False}]
    assert fresh.pids() == []
    assert fresh.ok("tree").plain == []
