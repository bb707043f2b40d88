"""Through a connected `silik`, kernels of other languages send what they send directly."""

from __future__ import annotations

import pytest
from support.frontend import FrontEnd
from support.languages import LANGUAGES, Language, each_language
from support.pairs import Pair, Pairs, results

EACH = each_language("bash", "r", "deno")
RICH = {
    "bash": "echo one; echo two >&2; for i in 1 2 3; do echo $i; done; printf 'no newline'",
    "r": "cat('one\\n'); message('two'); IRdisplay::display_html('<b>b</b>'); c(a = 1, b = 2)",
    "deno": """\
console.log("one");
console.error("two");
await Deno.jupyter.display(Deno.jupyter.html`<b>b</b>`);
await Deno.jupyter.broadcast("display_data", {
  data: { "text/plain": "first" }, metadata: { a: 1 }, transient: { display_id: "first" },
});
await Deno.jupyter.broadcast("update_display_data", {
  data: { "text/plain": "updated" }, metadata: {}, transient: { display_id: "first" },
});
[1, { a: "é" }]
""",
}
FAILING = {
    "bash": "echo before; ls /no/such/place",
    "r": "cat('before\\n')\nf <- function() stop('no')\nf()",
    "deno": "console.log('before')\nthrow new Error('no')",
}
COMPLETED = {"bash": "ech", "r": "read.tab", "deno": "Deno.env."}
OPEN = {"bash": "for i in 1 2", "r": "f <- function(x) {", "deno": "function f() {"}


@pytest.fixture
def pair(pairs: Pairs, language: Language) -> Pair:
    return pairs.usable(language.spec)


def name_of(language: Language) -> str:
    return next(name for name, each in LANGUAGES.items() if each is language)


@EACH
def test_cells_are_executed_as_directly(pair: Pair, language: Language) -> None:
    def scene(front_end: FrontEnd) -> None:
        for code, options in (
            (RICH[name_of(language)], {}),
            (language.assign, {}),
            (language.show, {}),
            (language.assign, {"silent": True}),
            (language.assign, {"store_history": False}),
            ("", {}),
            (FAILING[name_of(language)], {}),
            (FAILING[name_of(language)], {"stop_on_error": False}),
            (language.say, {"user_expressions": {"a": "1"}}),
        ):
            front_end.run(code, **options)
            if language.spec == "deno":  # what it says late would belong to the next cell
                front_end.settle()

    # Deno prints in its own time, so an error may overtake what was printed before it.
    found = pair.play(scene, by_request=True, in_order=language.spec != "deno")
    assert len(found["shell"]) == 9


@EACH
def test_questions_are_answered_as_directly(pair: Pair, language: Language) -> None:
    name = name_of(language)

    def scene(front_end: FrontEnd) -> None:
        front_end.ask("kernel_info_request")
        code = COMPLETED[name]
        at = {"code": code, "cursor_pos": len(code)}
        front_end.ask("complete_request", at)
        front_end.ask("inspect_request", {**at, "detail_level": 0})
        front_end.ask("is_complete_request", {"code": OPEN[name]})
        tail = {"hist_access_type": "tail", "n": 2, "raw": True, "output": False}
        front_end.ask("history_request", tail)
        front_end.ask("comm_info_request")

    found = pair.play(scene)
    assert found["shell"][1][2]["matches"]


@each_language("bash", "r")  # deno itself mixes up the outputs of cells that are sent at once
def test_many_cells_at_once_are_executed_in_order(pair: Pair, language: Language) -> None:
    def scene(front_end: FrontEnd) -> None:
        cells = [front_end.execute(language.show) for _ in range(10)]
        front_end.over(*cells)

    pair.play(scene)


@each_language("r")
def test_the_user_is_asked_as_directly(pair: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.answers = ["Ada"]
        front_end.run("paste(readline('name? '))", allow_stdin=True)

    assert results(pair.play(scene)) == ['[1] "Ada"']
