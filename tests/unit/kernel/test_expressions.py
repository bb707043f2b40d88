from __future__ import annotations

import asyncio
from typing import Any

from silik_magics.shell import Shell
from silik_magics_kernel.expressions import evaluate


def values(**expressions: str) -> dict[str, Any]:
    async def main() -> dict[str, Any]:
        shell = Shell()
        try:
            return await evaluate(shell, expressions)
        finally:
            await shell.close()

    return asyncio.run(main())


def test_a_line_is_worth_the_bundle_of_its_answer() -> None:
    assert values(here="pwd") == {
        "here": {"status": "ok", "data": {"text/plain": "~/"}, "metadata": {}}
    }


def test_the_data_of_an_answer_is_json() -> None:
    data = values(vars="set a 1\nset b 2\nset")["vars"]["data"]
    assert data["application/json"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    assert set(data) == {"text/plain", "text/html", "application/json"}


def test_an_empty_list_is_data_too() -> None:
    assert values(kernels="lives")["kernels"]["data"] == {
        "text/plain": "No kernel was here.",
        "application/json": [],
    }


def test_a_line_that_fails_is_an_error_and_the_others_are_not() -> None:
    found = values(wrong="nonsense", right="pwd")
    assert found["wrong"]["status"] == "error"
    assert found["wrong"]["ename"] == "UnknownCommand"
    assert found["right"]["status"] == "ok"


def test_a_line_without_an_answer_is_worth_nothing() -> None:
    assert values(quiet="set a 1")["quiet"] == {"status": "ok", "data": {}, "metadata": {}}


def test_no_expressions_have_no_values() -> None:
    assert values() == {}
