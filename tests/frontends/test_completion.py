"""Tab and Shift-Tab in cells of the magics, through the host's own requests."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from support.host import Host, another_client
from support.languages import Language, each_language

# IPython leaves its own names out only where there are others: then it is what is typed already.
NOTHING = ([], [""], ["host_only"])


@pytest.fixture(autouse=True, scope="module")
def kernels(notebook: Host) -> None:
    notebook.ok(
        "%%silik\nstart python3 -l k1\nmkdir models\ncd models\nstart python3 -l m1\ncd\n"
        "set alpha 1"
    )
    notebook.ok("host_only_name = 1")
    notebook.ok("%%silik k1.py\nsub_only_name = 1\ndef sub_function(x):\n    'what it does'\n")


def typed(notebook: Host, text: str) -> tuple[list[str], str]:
    """Return what is offered at the `|` of a cell, and the text that it would replace."""
    cursor = text.index("|")
    code = text.replace("|", "", 1)
    begin = time.monotonic()
    reply = notebook.complete(code, cursor)
    assert time.monotonic() - begin < 11
    assert reply["status"] == "ok"
    return reply["matches"], code[reply["cursor_start"] : reply["cursor_end"]]


@pytest.mark.parametrize(
    ("text", "offered", "replaced"),
    [
        ("%silik st|", ["start", "stop"], "st"),
        ("%silik res|", ["restart"], "res"),
        ("%silik start pyth|", ["python3"], "pyth"),
        ("%silik start python3 --la|", ["--label"], "--la"),
        ('%silik run "x" k|', ["k1.py"], "k"),
        ('%silik run "print(1); st" k1.py mo|', ["models/"], "mo"),
        ("%silik run x models/|", ["models/m1.py"], "models/"),
        ("%silik run x k1.py --on-timeout re|", ["restart"], "re"),
        ("%silik signal SIGUS|", ["SIGUSR1", "SIGUSR2"], "SIGUS"),
        ("%silik > mod|", ["models/"], "mod"),
        ("%silik help resta|", ["restart"], "resta"),
        ("t = %silik inf|", ["info"], "inf"),
        ("x = 1\n%silik stop k|\nprint(x)", ["k1.py"], "k"),
        ("if True:\n    %silik rest|", ["restart"], "rest"),
        ("%%silik\npwd\nresta|\nls", ["restart"], "resta"),
        ("%%silik\npwd\nrun 'a\nb' k|", ["k1.py"], "k"),
        ("%%silik mode|", ["models/"], "mode"),
        ("%%silik k1.py --on|\n1", ["--on-timeout"], "--on"),
        ("%%silik k1.py --on-timeout s|", ["stop"], "s"),
        ("%%silik > k|\n1", ["k1.py"], "k"),
        ("%%silik run mod|\n1", ["models/"], "mod"),
    ],
)
def test_commands_and_paths_are_offered(
    notebook: Host, text: str, offered: list[str], replaced: str
) -> None:
    matches, fragment = typed(notebook, text)
    assert matches == offered
    assert fragment == replaced


@pytest.mark.parametrize(
    "text",
    [
        "%%silik k1.py\nsub_only|",
        "%%silik > k1.py\nx = 1\nsub_only|\nprint(x)",
        "%%silik run k1.py --timeout 3\nif True:\n    print(sub_only|, 'é 𝔘')",
        "%%silik k1.py models\n# 𝔘\nsub_only|",
    ],
)
def test_code_for_a_kernel_is_completed_by_that_kernel(notebook: Host, text: str) -> None:
    assert typed(notebook, text) == (["sub_only_name"], "sub_only")


def test_attributes_are_completed_by_the_kernel(notebook: Host) -> None:
    notebook.ok("%%silik k1.py\nimport collections")
    matches, _ = typed(notebook, "%%silik k1.py\ncollections.Ordered|")
    assert [match.split(".")[-1] for match in matches] == ["OrderedDict"]


@pytest.mark.parametrize(
    "text", ["%%silik k1.py\nhost_only|", "%silik run host_only|", "%%silik\nhost_only|"]
)
def test_names_of_the_host_are_not_offered_in_what_is_ours(notebook: Host, text: str) -> None:
    assert "host_only_name" not in typed(notebook, text)[0]


@pytest.mark.parametrize("text", ["host_only|", "print(1)\nhost_only|\n%silik ps"])
def test_cells_of_the_host_are_completed_by_the_host(notebook: Host, text: str) -> None:
    assert typed(notebook, text)[0] == ["host_only_name"]


@pytest.mark.parametrize(
    "text", ["%%silik nowhere.py\nsub|", "%%silik 'k1.py\nsub|", "%%silik k1.py --x\nsu|"]
)
def test_a_wrong_first_line_completes_to_nothing(notebook: Host, text: str) -> None:
    assert not any("_only_name" in match for match in typed(notebook, text)[0])


@each_language("r", "deno")
def test_other_languages_complete_too(notebook: Host, language: Language) -> None:
    notebook.ok(f"%silik start {language.spec} -l other --if-missing")
    assignment = "subOnlyName <- 1" if language.spec == "ir" else "globalThis.subOnlyName = 1"
    notebook.ok(f"%%silik other{language.extension}\n{assignment}")
    matches, _ = typed(notebook, f"%%silik other{language.extension}\nsubOnly|")
    notebook.ok(f"%silik stop --now other{language.extension}")
    assert any("subOnlyName" in match for match in matches)


@pytest.fixture
def connected(notebook: Host) -> Iterator[None]:
    notebook.ok("%silik > k1.py")
    yield
    notebook.ok("/cmd")


@pytest.mark.usefixtures("connected")
def test_in_connect_mode_the_kernel_completes_and_inspects(notebook: Host) -> None:
    assert typed(notebook, "sub_only|") == (["sub_only_name"], "sub_only")
    assert typed(notebook, "x = 1\nsub_only|\ny")[0] == ["sub_only_name"]
    assert typed(notebook, "host_only|")[0] in NOTHING
    assert typed(notebook, "%silik resta|")[0] == ["restart"]
    assert typed(notebook, "%%silik\nresta|")[0] == ["restart"]
    assert "what it does" in notebook.inspect("sub_function", 5)["data"]["text/plain"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%silik sta|rt python3", "Usage: start"),
        ("%silik start py|thon3", "Usage: start"),
        ("%%silik\npwd\nresta|rt k1.py", "Usage: restart"),
        ("%%silik k1.py\nsub_func|tion(1)", "what it does"),
        ("%%silik k1.py\nx = 1\nsub_func|tion\n", "what it does"),
        ("x = len|([])", "number of items"),
    ],
)
def test_shift_tab_tells_about_what_is_there(notebook: Host, text: str, found: str) -> None:
    cursor = text.index("|")
    reply = notebook.inspect(text.replace("|", "", 1), cursor)
    assert reply["found"]
    assert found in reply["data"]["text/plain"]


def test_shift_tab_on_nothing_finds_nothing(notebook: Host) -> None:
    assert not notebook.inspect("%%silik k1.py\nno_such_name", 18)["found"]
    assert not notebook.inspect("%silik no_such_command", 12)["found"]


def test_a_busy_kernel_keeps_nobody_waiting(notebook: Host) -> None:
    with another_client(notebook, "k1.py") as client:
        client.execute("import time; time.sleep(100)")
        time.sleep(0.3)
        for text in ("%%silik k1.py\nhost_only|", "%%silik k1.py\nsub_only|"):
            begin = time.monotonic()
            matches, _ = typed(notebook, text)
            assert time.monotonic() - begin < 1
            assert "host_only_name" not in matches
        begin = time.monotonic()
        notebook.inspect("%%silik k1.py\nsub_function", 20)
        assert time.monotonic() - begin < 1
        assert typed(notebook, "%silik interr|")[0] == ["interrupt"]
        assert notebook.ok("%silik interrupt k1.py").plain == ["Interrupted kernel k1.py"]
    assert typed(notebook, "%%silik k1.py\nsub_only|")[0] == ["sub_only_name"]


def test_a_busy_python_kernel_answers_all_the_same(notebook: Host) -> None:
    with another_client(notebook, "k1.py") as client:
        client.execute("import time; time.sleep(100)")
        time.sleep(0.3)
        typed(notebook, "%%silik k1.py\nsub_only|")  # may be too late on a slow machine
        assert typed(notebook, "%%silik k1.py\nsub_only|")[0] == ["sub_only_name"]
        found = notebook.inspect("%%silik k1.py\nsub_function", 20)
        assert "what it does" in str(found["data"])
        notebook.ok("%silik interrupt k1.py")


@each_language("bash")
def test_a_busy_kernel_that_can_not_answer_keeps_nobody_waiting(
    notebook: Host, language: Language
) -> None:
    notebook.ok(f"%silik start {language.spec} -l busy")
    with another_client(notebook, "busy") as client:
        client.execute("sleep 100")
        time.sleep(0.5)
        begin = time.monotonic()
        assert typed(notebook, "%%silik busy\nech|")[0] in NOTHING
        assert time.monotonic() - begin < 0.6
    notebook.ok("%silik stop busy --now")


def test_a_dead_kernel_completes_to_nothing(notebook: Host) -> None:
    notebook.ok("%silik start python3 -l doomed")
    notebook.ok("%silik kill doomed")
    begin = time.monotonic()
    assert typed(notebook, "%%silik doomed\nhost_only|")[0] in NOTHING
    assert not notebook.inspect("%%silik doomed\nlen", 16)["found"]
    assert time.monotonic() - begin < 0.5
    notebook.ok("%silik rm doomed")
