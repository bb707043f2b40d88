"""A front-end sees of a cell through `%%silik` what it sees of the same cell run directly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import nbformat
import pytest
from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionError
from support.host import Cell, Host, host
from support.languages import LANGUAGES, Language

# For each language: standard output and error, displays, an update, a clear, a result.
RICH = {
    "python": """\
import sys, time
from IPython.display import HTML, JSON, Image, clear_output, display, update_display
print("to be cleared")
clear_output(wait=True)
print("one", flush=True)
print("two", file=sys.stderr, flush=True)
first = display(HTML("<b>first</b>"), display_id="first-of-two", metadata={"text/html": {"a": 1}})
display(JSON({"b": [1, 2]}), Image(data=bytes(range(64)), format="png"))
first.update(HTML("<i>updated</i>"))
get_ipython().display_pub.publish({"application/x-unheard-of": "é"}, transient={"c": 1})
{"result": 6 * 7}
""",
    "bash": """\
echo one
echo two >&2
for i in 1 2 3; do echo $i; done
printf 'no newline'
""",
    "r": """\
cat("one\\n")
message("two")
IRdisplay::display_html("<b>first</b>")
IRdisplay::display_markdown("*second*")
data.frame(a = 1:2, b = c("x", "y"))
6 * 7
""",
    "deno": """\
console.log("one");
console.error("two");
await Deno.jupyter.display(Deno.jupyter.html`<b>first</b>`);
await Deno.jupyter.broadcast("display_data", {
  data: { "text/plain": "second" }, metadata: { a: 1 }, transient: { display_id: "second" },
});
await Deno.jupyter.broadcast("update_display_data", {
  data: { "text/plain": "updated" }, metadata: {}, transient: { display_id: "second" },
});
await Deno.jupyter.broadcast("clear_output", { wait: true });
await Deno.jupyter.display(Deno.jupyter.html`<i>last</i>`);
await new Promise((done) => setTimeout(done, 300)); // it says idle before its last outputs
""",
}
SHOWN = {"python": 8, "bash": 1, "r": 5, "deno": 7}  # so many outputs, pieces of streams joined
FAILING = {
    "python": "print('before')\ndef f():\n    return 1 / 0\nf()",
    "bash": "echo before\nls /no/such/place",
    "r": "cat('before\\n')\nf <- function() stop('no')\nf()",
    "deno": "console.log('before')\nthrow new Error('no')",
}
# Draws a figure after each cell, as matplotlib's inline backend does, also after a failed one.
DRAWING = """\
from IPython.display import HTML, display
def draw():
    display(HTML("<img/>"))
get_ipython().events.register("post_execute", draw)
"""

ALL = pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.lang(n)) for n in RICH])


@pytest.fixture(scope="module")
def direct() -> Iterator[dict[str, Host]]:
    """Kernels driven directly; started when a test first asks for one."""
    with ExitStack() as stack:

        class Started(dict[str, Host]):
            def __missing__(self, spec: str) -> Host:
                self[spec] = stack.enter_context(host(spec))
                return self[spec]

        yield Started()


def seen(cell: Cell) -> list[tuple[str, Any, Any, list[bytes]]]:
    """Return what a front-end takes from the messages; pieces of one stream joined.

    How a kernel cuts a stream into messages is a matter of its timing.
    """
    joined: list[tuple[str, Any, Any, list[bytes]]] = []
    for message in cell.messages:
        content = dict(message["content"])
        content.pop("execution_count", None)  # each kernel has its own
        if message["msg_type"] == "stream" and joined and joined[-1][0] == "stream":
            last = joined[-1][1]
            if last["name"] == content["name"]:
                last["text"] += content["text"]
                continue
        joined.append(
            (message["msg_type"], content, message["metadata"], [*map(bytes, message["buffers"])])
        )
    return joined


def fresh(notebook: Host, language: Language) -> str:
    """Return the name of a kernel that has run as much as the one that is driven directly."""
    name = f"k{language.extension}"
    notebook.ok(f"%silik start {language.spec} --label k --if-missing")
    return name


@ALL
def test_every_message_arrives_as_it_was_sent(
    notebook: Host, direct: dict[str, Host], name: str
) -> None:
    language = LANGUAGES[name]
    kernel = fresh(notebook, language)
    there, here = (
        direct[language.spec].run(RICH[name]),
        notebook.run(f"%%silik {kernel}\n{RICH[name]}"),
    )
    assert there.status == here.status == "ok"
    assert seen(here) == seen(there)
    assert len(seen(there)) >= SHOWN[name]


@ALL
def test_an_error_arrives_as_it_was_sent(
    notebook: Host, direct: dict[str, Host], name: str
) -> None:
    language = LANGUAGES[name]
    kernel = fresh(notebook, language)
    there, here = (
        direct[language.spec].run(FAILING[name]),
        notebook.run(f"%%silik {kernel}\n{FAILING[name]}"),
    )
    assert here.status == "error"
    if there.errors and there.errors[0]["ename"]:
        assert seen(here) == seen(there)
        assert here.reply["ename"] == there.reply["ename"]
        assert here.reply["evalue"] == there.reply["evalue"]
    else:  # bash_kernel does not say what failed
        assert seen(here)[:-1] == [output for output in seen(there) if output[0] != "error"]
        assert len(here.errors) == 1
        assert kernel in here.errors[0]["traceback"][-1]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.lang(n)) for n in ("python", "r", "deno")]
)
def test_an_executed_notebook_holds_the_same_outputs(name: str) -> None:
    language = LANGUAGES[name]
    there = executed([RICH[name]], language.spec)
    here = executed(
        [
            "%load_ext silik_magics",
            f"%silik start {language.spec} --label k",
            f"%%silik k\n{RICH[name]}",
        ]
    )
    assert here == there
    assert here


def executed(cells: list[str], spec: str = "python3", *, fails: bool = False) -> list[Any]:
    """Execute a notebook with nbclient and return the outputs of its last cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name=spec, timeout=20)
    if fails:
        with pytest.raises(CellExecutionError):
            client.execute()
    else:
        client.execute()
    outputs = notebook.cells[-1].outputs
    for output in outputs:
        output.pop("execution_count", None)
    return outputs


def test_what_is_displayed_after_an_error_stays_behind_it(
    notebook: Host, direct: dict[str, Host]
) -> None:
    kernel = fresh(notebook, LANGUAGES["python"])
    there = direct["python3"]
    there.ok(DRAWING)
    notebook.ok(f"%%silik {kernel}\n{DRAWING}")
    try:
        expected = there.run("print('before')\n1 / 0")
        cell = notebook.run(f"%%silik {kernel}\nprint('before')\n1 / 0")
        assert expected.types == ["stream", "error", "display_data"]
        assert seen(cell)[0::2] == seen(expected)[0::2]
        assert cell.types == expected.types
        # the cell after it is not disturbed
        assert notebook.ok(f"%%silik {kernel}\n1").types == ["execute_result", "display_data"]
        assert notebook.ok("1").types == ["execute_result"]
    finally:
        forget = "get_ipython().events.unregister('post_execute', draw)"
        there.ok(forget)
        notebook.ok(f"%%silik {kernel}\n{forget}")


def test_a_notebook_keeps_the_error_and_then_the_figure() -> None:
    outputs = executed(
        [
            "%load_ext silik_magics",
            "%silik start python3 --label k",
            f"%%silik k\n{DRAWING}",
            "%%silik k\n1 / 0",
        ],
        fails=True,
    )
    assert [output["output_type"] for output in outputs] == ["error", "display_data"]


def test_nothing_of_a_long_output_is_lost(notebook: Host) -> None:
    kernel = fresh(notebook, LANGUAGES["python"])
    cell = notebook.ok(f"%%silik {kernel}\nfor i in range(20_000): print(i)")
    assert cell.stream().split() == [str(i) for i in range(20_000)]
    code = "from IPython.display import display\nfor i in range(2_000): display(i)"
    assert notebook.ok(f"%%silik {kernel}\n{code}").plain == [str(i) for i in range(2_000)]


@pytest.mark.parametrize("spec", ["python3", "silik"])
def test_a_slow_reader_loses_nothing(spec: str) -> None:
    with host(spec) as opened:
        if spec == "silik":
            opened.ok("start python3 -l k1\n> k1.py")
            opened.ok("1")
            prefix = ""
        else:
            opened.ok("%load_ext silik_magics")
            opened.ok("%silik start python3 -l k1")
            prefix = "%%silik k1.py\n"
        code = "from IPython.display import display\nfor i in range(15_000): display(i)"
        request = opened.begin(prefix + code)
        time.sleep(8)  # nothing is read meanwhile
        shown = request.end(timeout=60).plain
        assert len(shown) == 15_000


def test_output_that_comes_late_belongs_to_the_cell_that_caused_it(notebook: Host) -> None:
    kernel = fresh(notebook, LANGUAGES["python"])
    began = notebook.begin(
        f"%%silik {kernel}\n"
        "import threading, time\n"
        "def late():\n"
        "    time.sleep(0.3); print('late', flush=True)\n"
        "threading.Thread(target=late).start()"
    )
    assert began.end().stream() == ""
    cell = notebook.ok("import time; time.sleep(0.6); print('mine')")
    assert cell.stream() == "mine\n"
    (late,) = [m for m in cell.others if m["msg_type"] == "stream"]
    assert late["content"]["text"] == "late\n"
    assert late["parent_header"]["msg_id"] == began.msg_id


def test_a_display_is_updated_from_a_later_cell(notebook: Host) -> None:
    kernel = fresh(notebook, LANGUAGES["python"])
    cell = notebook.ok(
        f"%%silik {kernel}\nfrom IPython.display import display\nh = display(1, display_id=True)"
    )
    display_id = cell.messages[0]["content"]["transient"]["display_id"]
    (update,) = notebook.ok(f"%%silik {kernel}\nh.update(2)").messages
    assert update["msg_type"] == "update_display_data"
    assert update["content"]["transient"]["display_id"] == display_id


def test_a_result_has_the_number_of_the_cell_it_is_shown_in() -> None:
    sources = [
        "%load_ext silik_magics\n%silik start python3 -l k1",
        "1",
        "%%silik k1.py\n6 * 7",
        "%silik run '6 * 7' k1.py",
        "%%silik k1.py\n'x' * 100_000",
        "1",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    NotebookClient(notebook, kernel_name="python3").execute()
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3, 4, 5, 6]
    counts = [out.get("execution_count") for cell in notebook.cells for out in cell.outputs]
    assert [count for count in counts if count] == [1, 2, 3, 4, 5, 6]
