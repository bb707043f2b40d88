"""`%silik` and `%%silik` in a notebook."""

from __future__ import annotations

import pytest
from support.host import Host, host


@pytest.fixture(autouse=True, scope="module")
def kernels(notebook: Host) -> None:
    notebook.ok(
        "%%silik\nstart python3 -l k1\nmkdir workers\ncd workers\nstart python3 -n 2 -l w\ncd"
    )


def test_a_line_shows_its_answer_as_text_and_as_html(notebook: Host) -> None:
    cell = notebook.ok("%silik tree")
    assert cell.plain == ["├─ k1.py\n╰─ workers\n   ├─ w1.py\n   ╰─ w2.py"]
    assert "text/html" in cell.messages[0]["content"]["data"]


def test_a_line_answers_with_a_value(notebook: Host) -> None:
    cell = notebook.ok("t = %silik ps\nprint(len(t), t[0]['kernel'], t[0]['state'])\nt")
    assert cell.stream() == "3 k1.py idle\n"
    (result,) = [m["content"] for m in cell.messages if m["msg_type"] == "execute_result"]
    assert result["data"]["text/plain"].startswith("kernel")
    assert "<td" in result["data"]["text/html"]
    assert notebook.value("[row['kernel'] for row in t]") == (
        "['k1.py', 'workers/w1.py', 'workers/w2.py']"
    )


def test_an_assigned_answer_is_not_shown(notebook: Host) -> None:
    assert notebook.ok("t = %silik ps").messages == []


def test_a_cell_of_commands_shows_each_answer_in_order(notebook: Host) -> None:
    cell = notebook.ok('%%silik\npwd\n\n# a comment\nrun "print(6 * 7)" k1.py\nls workers')
    assert cell.types == ["display_data", "stream", "display_data"]
    assert cell.plain == ["~/", "├─ w1.py\n╰─ w2.py"]
    assert cell.stream() == "42\n"


@pytest.mark.parametrize(
    "code", ["%%silik", "%%silik\n", "%%silik\n\n# nothing\n", "%%silik \n  \n"]
)
def test_an_empty_cell_does_nothing(notebook: Host, code: str) -> None:
    assert notebook.ok(code).messages == []


@pytest.mark.parametrize("target", ["k1.py", "k1", "~/k1.py", "> k1.py", "run k1.py", "/k1.py"])
def test_a_cell_with_a_path_is_code_for_that_kernel(notebook: Host, target: str) -> None:
    cell = notebook.ok(f"%%silik {target}\nprint('{{a}} $HOME ${{b}}')\n6 * 7")
    assert cell.stream() == "{a} $HOME ${b}\n"
    assert cell.plain == ["42"]
    assert cell.types == ["stream", "execute_result"]


def test_a_cell_with_a_path_and_no_body_does_nothing(notebook: Host) -> None:
    assert notebook.ok("%%silik k1.py").messages == []


def test_the_body_arrives_untouched(notebook: Host) -> None:
    body = "x = 1 \n\n%time 1\n!true\n?print\n'''\n  x {x} ${x} $x\n\ttab'''  # \u00e9 \U0001d518"
    notebook.ok("%%silik k1.py\n" + body)
    sent = "get_ipython().history_manager.input_hist_raw[-2]"
    cell = notebook.ok(f"%%silik k1.py\nprint(ascii({sent}))")
    assert cell.stream() == ascii(body) + "\n"


def test_outputs_of_several_kernels_stand_under_their_names_in_a_stable_order(
    notebook: Host,
) -> None:
    notebook.ok("%%silik workers/w1.py\ndelay = 0.4")
    notebook.ok("%%silik workers/w2.py k1.py\ndelay = 0")
    cell = notebook.ok("%%silik workers k1.py\nimport time; time.sleep(delay); print(delay)\ndelay")
    shown = [m["content"].get("text") or m["content"]["data"]["text/plain"] for m in cell.messages]
    assert shown == [
        "── w1.py ──",
        "0.4\n",
        "0.4",
        "── w2.py ──",
        "0\n",
        "0",
        "── k1.py ──",
        "0\n",
        "0",
    ]


def test_the_first_of_several_kernels_is_shown_live(notebook: Host) -> None:
    request = notebook.begin(
        "%%silik workers\nimport time; print('begin', flush=True); time.sleep(1.5); print('end')"
    )
    request.until_seen("begin", timeout=1.2)
    assert "end" not in str(request.messages)
    cell = request.end()
    assert cell.stream() == "begin\nend\n" * 2
    assert cell.seconds < 2.8  # they ran at once


def test_kernels_that_say_nothing_are_not_named(notebook: Host) -> None:
    assert notebook.ok("%%silik workers k1.py\nx = 1").messages == []


def test_an_error_on_one_of_several_kernels_names_it_and_shows_its_traceback(
    notebook: Host,
) -> None:
    notebook.ok("%%silik workers\nfactor = 1")
    notebook.ok("%%silik workers/w2.py\nfactor = 0")
    cell = notebook.run("%%silik workers\nprint(1 / factor)")
    assert cell.status == "error"
    own, ending = cell.errors
    assert own["ename"] == ending["ename"] == "ZeroDivisionError"
    assert any("factor" in line for line in own["traceback"])
    assert "w2.py" in ending["evalue"]
    assert "w1.py" not in ending["evalue"]
    assert cell.stream() == "1.0\n"
    assert cell.types[-1] == "error"


def test_capture_keeps_the_outputs_of_one_kernel(notebook: Host) -> None:
    cell = notebook.ok(
        "%%silik k1.py --capture kept\nprint('out')\n"
        "import sys; print('err', file=sys.stderr)\n6 * 7"
    )
    assert cell.messages == []
    assert notebook.value("kept.status, kept.text, kept.data['text/plain']") == (
        "('ok', 'out\\nerr\\n42', '42')"
    )
    assert notebook.value("[o['output_type'] for o in kept.outputs]") == (
        "['stream', 'stream', 'execute_result']"
    )


def test_capture_of_several_kernels_has_a_result_for_each(notebook: Host) -> None:
    notebook.ok("%%silik workers --capture kept\nimport os; print(os.getpid())")
    assert notebook.value("sorted(kept)") == "['w1.py', 'w2.py']"
    assert notebook.value("len({r.text for r in kept.values()})") == "2"


def test_kernels_of_one_name_in_several_folders_are_told_apart_by_their_paths(
    notebook: Host,
) -> None:
    notebook.ok("%%silik\nmkdir twins\nmkdir twins/a\nmkdir twins/b")
    notebook.ok(
        "%%silik\ncd twins/a\nstart python3 -l one\ncd ~/twins/b\nstart python3 -l one\ncd ~"
    )
    shown = notebook.ok("%%silik twins --capture kept\n6 * 7")
    assert shown.plain == []
    assert notebook.value("sorted(kept)") == "['twins/a/one.py', 'twins/b/one.py']"
    shown = notebook.ok("%%silik twins\nprint(1)")
    assert shown.plain == ["── twins/a/one.py ──", "── twins/b/one.py ──"]
    notebook.ok("%silik rm -r twins")


def test_capture_keeps_an_error_and_the_cell_still_fails(notebook: Host) -> None:
    cell = notebook.run("%%silik k1.py --capture kept\nprint('before')\n1 / 0")
    assert [error["ename"] for error in cell.errors] == ["ZeroDivisionError"]
    assert notebook.value("kept.status, kept.error.ename, kept.text.split()[0]") == (
        "('error', 'ZeroDivisionError', 'before')"
    )


def test_a_timeout_interrupts_and_the_kernel_lives_on(notebook: Host) -> None:
    notebook.ok("%%silik k1.py\nkept = 5")
    cell = notebook.run("%%silik k1.py --timeout 0.5\nprint('in'); import time; time.sleep(100)")
    assert cell.seconds < 5
    (error,) = cell.errors
    assert error["ename"] == "KernelTimeout"
    assert "k1.py did not finish within 0.5 s and was interrupted" in error["evalue"]
    assert any("KeyboardInterrupt" in line for line in error["traceback"])
    assert cell.stream() == "in\n"
    assert notebook.ok("%%silik k1.py\nkept").plain == ["5"]


STUBBORN = """\
import time
while True:
    try:
        time.sleep(100)
    except KeyboardInterrupt:
        pass"""


def test_a_timeout_can_restart_the_kernel(notebook: Host) -> None:
    notebook.ok("%silik start python3 -l restarted")
    notebook.ok("%%silik restarted\nkept = 5")
    cell = notebook.run(f"%%silik restarted --timeout 0.5 --on-timeout restart\n{STUBBORN}")
    (error,) = cell.errors
    assert error["ename"] == "KernelTimeout"
    assert "was restarted" in error["evalue"]
    assert notebook.ok("%%silik restarted\n'kept' in globals()").plain == ["False"]
    notebook.ok("%silik stop restarted")


def test_a_timeout_can_stop_the_kernel(notebook: Host) -> None:
    notebook.ok("%silik start python3 -l stopped")
    before = len(notebook.pids())
    cell = notebook.run(f"%%silik stopped --timeout 0.5 --on-timeout stop\n{STUBBORN}")
    (error,) = cell.errors
    assert error["ename"] == "KernelTimeout"
    assert "was stopped" in error["evalue"]
    assert "stopped" not in notebook.ok("%silik tree").plain[0]
    assert len(notebook.pids()) < before


def test_python_names_are_expanded_in_the_line(notebook: Host) -> None:
    notebook.ok("name, value = 'k1.py', {'a': 1}")
    assert notebook.ok('%silik run "print({value!r})" $name').stream() == "{'a': 1}\n"
    assert notebook.ok("%%silik {name}\n'{name} $name'").plain == ["'{name} $name'"]


def test_silik_variables_are_not_taken_for_python_names(notebook: Host) -> None:
    notebook.ok("alpha = 'of the host'")
    notebook.ok("%silik set alpha 0.6")
    assert notebook.ok('%silik run "print(${alpha} * 2)" k1.py').stream() == "1.2\n"
    assert notebook.ok('%%silik\nrun "print(${alpha} * 2)" k1.py').stream() == "1.2\n"
    assert notebook.ok("name = 'k1.py'\n%silik run \"print(${alpha})\" {name}").stream() == "0.6\n"


def test_braces_that_are_no_names_of_the_host_stay(notebook: Host) -> None:
    assert notebook.ok("%silik run \"print({'a': 1}, {2})\" k1.py").stream() == "{'a': 1} {2}\n"
    assert notebook.ok("%silik run \"print(f'{6 * 7}')\" k1.py").stream() == "42\n"


def test_a_line_is_expanded_in_the_function_that_holds_it(notebook: Host) -> None:
    notebook.ok(
        "def show(number):\n"
        "    get_ipython().run_line_magic('silik', 'run \"print({number})\" k1.py')\n"
    )
    notebook.ok("line = 'the name of a local variable of IPython'")
    assert notebook.ok("show(7)").stream() == "7\n"
    assert notebook.ok('%silik run "print({line!r}[:8])" k1.py').stream() == "the name\n"
    assert (
        notebook.ok("def in_line(n):\n    %silik run 'print({n})' k1.py\nin_line(8)").stream()
        == "8\n"
    )


def test_a_failing_command_ends_the_cell(notebook: Host) -> None:
    cell = notebook.run(
        "%%silik\nrun \"print('one')\" k1.py\nrun x nowhere\nrun \"print('two')\" k1.py"
    )
    assert cell.stream() == "one\n"
    assert [error["ename"] for error in cell.errors] == ["CommandError"]


def test_what_the_host_printed_comes_first(notebook: Host) -> None:
    code = "print('host 1')\n%silik run \"print('sub')\" k1.py\nprint('host 2')"
    cell = notebook.ok(code)
    assert cell.stream() == "host 1\nsub\nhost 2\n"


def test_a_number_of_starts_at_once_names_them_in_order() -> None:
    with host() as opened:
        opened.ok("%load_ext silik_magics")
        cell = opened.ok("%silik start python3 -n 3 -l w")
        assert cell.plain == ["├─ w1.py\n├─ w2.py\n╰─ w3.py"]
        assert opened.ok("%%silik w*\nprint(1)").stream() == "1\n" * 3


def test_run_all_twice_gives_no_error() -> None:
    cells = [
        "%load_ext silik_magics",
        "%silik start python3 -l k1 --if-missing",
        "%%silik\nmkdir -p models\nstart python3 -n 2 -l w --if-missing",
        "%%silik k1.py\nx = 1",
        "%%silik w1.py w2.py\nx = 1",
    ]
    with host() as opened:
        for code in cells * 2:
            opened.ok(code)
        drawn = opened.ok("%silik tree").plain
        assert drawn == ["├─ k1.py\n├─ models\n├─ w1.py\n╰─ w2.py"]


def test_unloading_stops_the_kernels_and_leaves_nothing() -> None:
    with host() as opened:
        opened.ok("%load_ext autoreload")  # what any extension leaves is there already
        before = _installed(opened)
        threads = opened.value("__import__('threading').active_count()")
        opened.ok("%load_ext silik_magics")
        assert _installed(opened) != before
        opened.ok("%silik start python3 -n 2 -l w")
        opened.ok("%silik > w1.py")
        assert len(opened.pids()) >= 2
        opened.ok("%silik /cmd\n%unload_ext silik_magics")
        assert opened.pids() == []
        assert _installed(opened) == before
        assert opened.value("__import__('threading').active_count()") == threads
        assert opened.run("%silik tree").stream("stderr").startswith("UsageError")
        opened.ok("%load_ext silik_magics")
        assert opened.ok("%silik tree").messages == []
        opened.ok("%silik start python3 -l again")
        opened.ok("%reload_ext silik_magics")
        assert opened.pids() == []
        assert opened.ok("%silik start python3 -l again").plain == ["╰─ again.py"]


def _installed(opened: Host) -> str:
    return opened.value(
        "(len(get_ipython().Completer.custom_matchers),"
        " [type(t).__name__ for t in get_ipython().input_transformers_cleanup],"
        " 'silik' in get_ipython().magics_manager.magics['line'],"
        " 'silik' in get_ipython().magics_manager.magics['cell'],"
        " 'do_inspect' in vars(get_ipython().kernel),"
        " [type(c).__name__ for c in get_ipython().configurables])"
    )
