"""`put` and `get`, with real kernels of the languages that can print a value back."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.languages import why_absent

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import CommandError, KernelDied, RemoteError, SilikError
from silik_magics.language.words import quote

SPECS = {"python": "python3", "r": "ir", "bash": "bash", "deno": "deno"}
LANGUAGES = pytest.mark.parametrize(
    "language", [pytest.param(name, marks=pytest.mark.lang(name)) for name in SPECS]
)
OneOf = Callable[[str], KernelHandle]


@pytest.fixture(scope="module")
def one_of(shared: Silik) -> OneOf:
    """Return the kernel of a language that all tests here share."""
    return cache(lambda language: shared.start(SPECS[language], language))


def put(silik: Silik, value: Any, *kernels: KernelHandle) -> str:
    paths = " ".join(kernel.path for kernel in kernels)
    return silik.command(f"put {quote(f'x={json.dumps(value)}')} {paths}").text


def get(silik: Silik, kernel: KernelHandle, name: str = "x") -> Any:
    return silik.command(f"get {name} {kernel.path} --as y").data


def message_of(silik: Silik, line: str) -> str:
    with pytest.raises(SilikError) as caught:
        silik.command(line)
    return str(caught.value)


# Any value goes there and back


def values(numbers: st.SearchStrategy[Any], text: st.SearchStrategy[str]) -> Any:
    return st.recursive(
        st.none() | st.booleans() | numbers | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=8,
    )


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text() | st.sampled_from(
    ["NA", "null", "$x", "`x`", "\\", "'\"", "\r\n\t", "!!", "__proto__"]
)
WITHOUT_NUL = TEXT.filter(lambda text: "\0" not in text)
PIECES = WITHOUT_NUL | st.sampled_from(["@", "*", "[a]=b", "~", "-n", "\x03\x04\x1a", "a b"])
HOLDS = {
    "python": values(st.integers() | FLOATS, TEXT),
    "r": values(st.integers(-(2**53), 2**53) | FLOATS, WITHOUT_NUL),
    "deno": values(st.integers(1 - 2**53, 2**53 - 1) | FLOATS, TEXT),
    "bash": PIECES
    | st.lists(PIECES, max_size=5)
    | st.dictionaries(PIECES.filter(bool), PIECES, max_size=5),
}


def same(found: Any, expected: Any) -> bool:
    """Say whether two values are equal, and not as 1 and True are."""
    if isinstance(expected, bool | str | None) or isinstance(found, bool | str | None):
        return type(found) is type(expected) and found == expected
    if isinstance(expected, list):
        pairs = zip(found, expected, strict=True)
        return isinstance(found, list) and all(same(one, other) for one, other in pairs)
    if isinstance(expected, dict):
        keys = isinstance(found, dict) and found.keys() == expected.keys()
        return keys and all(same(found[key], expected[key]) for key in expected)
    return found == expected


@LANGUAGES
def test_what_is_put_comes_back_equal(shared: Silik, one_of: OneOf, language: str) -> None:
    kernel = one_of(language)

    @settings(
        max_examples=20 if language == "bash" else 40,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(HOLDS[language])
    def there_and_back(value: Any) -> None:
        put(shared, value, kernel)
        assert same(get(shared, kernel), value)

    there_and_back()


@LANGUAGES
def test_a_large_value_goes_there_and_back(shared: Silik, one_of: OneOf, language: str) -> None:
    value = ["x" * 50_000, *(["é\n"] * 500)]
    put(shared, value, one_of(language))
    assert get(shared, one_of(language)) == value


@pytest.mark.lang("bash")
def test_in_bash_numbers_and_booleans_are_text(shared: Silik, one_of: OneOf) -> None:
    put(shared, [1, 0.5, True, "a"], one_of("bash"))
    assert get(shared, one_of("bash")) == ["1", "0.5", "true", "a"]


@pytest.mark.lang("bash")
def test_a_variable_of_bash_may_become_one_of_another_kind(shared: Silik, one_of: OneOf) -> None:
    bash = one_of("bash")
    bash.run("declare -i x=3; export x")
    for value in ("text", ["a", "b"], {"k": "v"}, ["c"], "last"):
        put(shared, value, bash)
        assert get(shared, bash) == value


@pytest.mark.lang("bash")
def test_an_exported_variable_stays_exported(shared: Silik, one_of: OneOf) -> None:
    one_of("bash").run("unset x; export x=1")
    put(shared, "new", one_of("bash"))
    assert one_of("bash").run("bash -c 'echo $x'").text == "new"


@pytest.mark.lang("r")
def test_in_r_numbers_make_a_vector_to_count_with(shared: Silik, one_of: OneOf) -> None:
    put(shared, [1, 2, 6], one_of("r"))
    assert one_of("r").run("cat(mean(x), is.numeric(x))").text == "3 TRUE"
    put(shared, [5], one_of("r"))
    assert one_of("r").run("cat(mean(x))").text == "5"


@pytest.mark.lang("r")
@pytest.mark.parametrize(
    ("made", "value"),
    [
        ("5L", 5),
        ("c(a = 1, b = NA)", {"a": 1, "b": None}),
        ("c('a', NA)", ["a", None]),
        ("factor(c('x', 'y'))", ["x", "y"]),
        ("matrix(1:4, 2)", [[1, 3], [2, 4]]),
        ("NULL", None),
        ("NA", None),
        ("character()", []),
        ("as.list(data.frame(a = 1:2, b = c('x', 'y')))", {"a": [1, 2], "b": ["x", "y"]}),
        ("1e300", 1e300),
        ("2^60", 2.0**60),
        ("0.1 + 0.2", 0.1 + 0.2),
    ],
)
def test_what_r_has_made_itself_comes_back(
    shared: Silik, one_of: OneOf, made: str, value: Any
) -> None:
    one_of("r").run(f"x <- {made}").raise_for_status()
    assert same(get(shared, one_of("r")), value)


@pytest.mark.lang("deno")
@pytest.mark.parametrize("declared", ["let x = 1", "var x2 = 1", "let x3", ""])
def test_deno_assigns_a_variable_that_was_declared_or_not(
    shared: Silik, one_of: OneOf, declared: str
) -> None:
    deno = one_of("deno")
    name = declared.split()[1] if declared else "x4"
    deno.run(declared)
    shared.command(f"put {name}=6 {deno.path}")
    assert deno.run(f"console.log({name} * 7)").text == "42"


# What can not be brought back


@pytest.mark.parametrize(
    ("language", "made", "why"),
    [
        ("python", "{1, 2}", "x is a set; only None, bool, int, float, str, list and dict travel"),
        ("python", "[0, float('nan')]", "x[1] is nan, a number that JSON has not"),
        ("python", "{'a': {1: 2}}", 'x["a"] has the key 1, and keys must be text'),
        ("r", "c(1, NaN)", "x is or holds NaN, a number that JSON has not"),
        ("r", "list(a = sum)", 'x[["a"]] is of type builtin; only NULL, vectors, matrices and'),
        ("r", "Sys.Date()", "x is of class Date; only NULL, vectors, matrices and lists travel"),
        ("r", "data.frame(a = 1)", "x is a data frame; its columns travel, as `as.list`"),
        ("r", "list(a = 1, a = 2)", "x has the name a twice"),
        ("r", "1i", "x is of type complex"),
        ("deno", "[new Map()]", "x[0] is a Map; only null, booleans, numbers, strings, arrays"),
        ("deno", "[undefined]", "x[0] is of type undefined; only null"),
        ("deno", "10n", "x is of type bigint; only null"),
        ("deno", "{a: 0 / 0}", 'x["a"] is NaN, a number that JSON has not'),
        ("bash", "$'\\xff'", "x holds bytes that are no UTF-8"),
    ],
)
def test_a_value_that_is_not_plain_is_refused_with_its_place(
    shared: Silik, one_of: OneOf, language: str, made: str, why: str
) -> None:
    if reason := why_absent(language):
        pytest.skip(reason)
    kernel = one_of(language)
    put(shared, "", kernel)
    kernel.run(f"x={made}").raise_for_status()
    told = message_of(shared, f"get x {kernel.path}")
    assert told.startswith(why)
    assert told.endswith(f"(in {kernel.name})")


@LANGUAGES
def test_a_name_that_is_not_defined_is_an_error(
    shared: Silik, one_of: OneOf, language: str
) -> None:
    kernel = one_of(language)
    told = message_of(shared, f"get nothing_here {kernel.path}")
    assert told == f"nothing_here is not defined in {kernel.name}"


@pytest.mark.lang("bash")
def test_a_language_refuses_before_any_kernel_has_the_value(
    shared: Silik, one_of: OneOf, python: KernelHandle
) -> None:
    put(shared, "before", python)
    assert message_of(shared, f"put x=null {python.path} {one_of('bash').path}").startswith(
        "x is null, and bash has no null"
    )
    assert get(shared, python) == "before"


@pytest.mark.lang("deno")
def test_an_error_of_the_assignment_itself_is_that_kernels_own(
    shared: Silik, one_of: OneOf
) -> None:
    one_of("deno").run("const fixed = 1")
    with pytest.raises(RemoteError, match="Assignment to constant variable"):
        shared.command(f"put fixed=2 {one_of('deno').path}")


def test_a_dead_kernel_is_an_error(silik: Silik) -> None:
    silik.start("python3", "k1").kill()
    for line in ("put x=1 k1", "get x k1"):
        with pytest.raises(KernelDied, match=r"k1\.py died: killed by SIGKILL"):
            silik.command(line)


def test_a_kernel_in_a_language_that_nobody_can_write_is_an_error(silik: Silik) -> None:
    silik.start("bare", "k1")
    with pytest.raises(CommandError, match="silik can not write values in") as caught:
        silik.command("put x=1 k1")
    assert "elsewhere use `run` with ${name}" in caught.value.hint


def test_output_that_goes_elsewhere_is_an_error(silik: Silik) -> None:
    kernel = silik.start("python3", "k1")
    kernel.run("import io, sys; x = 1; sys.stdout = io.StringIO()")
    with pytest.raises(CommandError, match=r"k1\.py did not print the value of x"):
        silik.command("get x k1")


# What is left behind


@LANGUAGES
def test_nothing_is_shown_or_recorded(shared: Silik, language: str) -> None:
    kernel = shared.start(SPECS[language], f"{language}-quiet")
    before = kernel.run("echo" if language == "bash" else "2 + 2").execution_count
    assert put(shared, 5, kernel) == f"x = 5 in {kernel.name}"
    assert get(shared, kernel) in (5, "5")
    assert len(shared.command(f"history {kernel.path}").data) == 1
    (row,) = shared.command(f"ps {kernel.path}").data
    assert row["executions"] == 1
    if language == "python":  # the others count what is not stored too
        assert kernel.run("3 + 3").execution_count == before + 1


def test_no_name_is_left_behind_in_python(silik: Silik) -> None:
    kernel = silik.start("python3", "k1")
    names = "sorted(n for n in globals() if n not in ('_i', '_ii', '_iii') and n[:2] != '_i')"
    before = kernel.run(f"print({names})").text
    put(silik, 1, kernel)
    get(silik, kernel)
    assert kernel.run(f"del x; print({names})").text == before


# Several kernels


def test_kernels_get_a_value_at_once(silik: Silik) -> None:
    silik.command("start python3 -n 2 -l w")
    busy = "import time; time.sleep(1)"
    threads = [
        threading.Thread(target=silik[f"w{number}.py"].run, args=(busy,)) for number in (1, 2)
    ]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    assert silik.command("put x=1 .").text == "x = 1 in w1.py, w2.py"
    assert 0.7 < time.monotonic() - begun < 1.8
    for thread in threads:
        thread.join()


@pytest.mark.lang("r")
def test_a_value_travels_from_one_language_to_another(
    shared: Silik, one_of: OneOf, python: KernelHandle
) -> None:
    one_of("r").run("rows <- list(list(name = 'é', size = c(1, 2)), list(name = NA, size = 3L))")
    shared.command(f"get rows {one_of('r').path}")
    shared.command(f"put rows {python.path}")
    told = "[{'name': 'é', 'size': [1, 2]}, {'name': None, 'size': 3}]"
    assert python.run("print(rows)").text == told


def test_text_stays_text_on_the_way(shared: Silik, python: KernelHandle) -> None:
    python.run("version = '1.0'")
    shared.command(f"get version {python.path}")
    assert shared.command(f"put version {python.path}").text.startswith('version = "1.0" in ')
    assert shared.command(f"run 'print(repr(version))' {python.path}").text == "'1.0'"
    assert shared.command(f'run "print(${{version}} + 1)" {python.path}').text == "2.0"


def test_a_number_of_python_is_exact(shared: Silik, python: KernelHandle) -> None:
    put(shared, 2**70, python)
    assert get(shared, python) == 2**70
    put(shared, math.pi, python)
    assert get(shared, python) == math.pi
