"""Questions in both directions: what we ask a kernel, and what a kernel asks the user: P5."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.languages import Language, each_language
from support.raw import live, run_until_busy

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import CommandError, KernelTimeout


@pytest.fixture
def ask_kernel(shared: Silik, python: KernelHandle) -> Callable[..., Any]:
    """Ask the shared kernel something through its connection."""

    def ask(what: str, *arguments: Any, **options: Any) -> Any:
        async def question() -> Any:
            return await getattr(live(python).connection, what)(*arguments, **options)

        return shared._portal.call(question)

    return ask


# What we ask


def test_complete_counts_the_cursor_in_characters(
    python: KernelHandle, ask_kernel: Callable[..., Any]
) -> None:
    python.run("wonderful = 1")
    reply = ask_kernel("complete", "'𝄞ü'; wonde", 11)
    assert "wonderful" in reply["matches"]
    assert (reply["cursor_start"], reply["cursor_end"]) == (6, 11)


def test_inspect_tells_of_a_name(python: KernelHandle, ask_kernel: Callable[..., Any]) -> None:
    python.run("def documented():\n    'Says what it is.'")
    reply = ask_kernel("inspect", "documented", 4)
    assert reply["found"]
    assert "Says what it is." in reply["data"]["text/plain"]
    assert "File:" in ask_kernel("inspect", "documented", 4, 1)["data"]["text/plain"]
    assert not ask_kernel("inspect", "nothing_of_that_name", 4)["found"]


@pytest.mark.parametrize(
    ("code", "status"), [("1", "complete"), ("for x in y:", "incomplete"), ("a b", "invalid")]
)
def test_is_complete_tells_the_three_states(
    ask_kernel: Callable[..., Any], code: str, status: str
) -> None:
    assert ask_kernel("is_complete", code)["status"] == status


def test_history_is_that_of_the_session(
    python: KernelHandle, ask_kernel: Callable[..., Any]
) -> None:
    count = python.run("remembered = 5\nremembered").execution_count
    entries = ask_kernel("history")
    assert entries[-1][1:] == [count, "remembered = 5\nremembered"]
    assert ask_kernel("history", output=True)[-1][1:] == [
        count,
        ["remembered = 5\nremembered", "5"],
    ]


def test_many_questions_at_once_get_their_own_answers(shared: Silik, python: KernelHandle) -> None:
    connection = live(python).connection

    async def ask_all() -> list[Any]:
        return await asyncio.gather(
            *(connection.is_complete("1"), connection.is_complete("for x in y:")),
            *(connection.complete(code, len(code)) for code in ("pri", "impo", "isinsta")),
        )

    first, second, *completions = shared._portal.call(ask_all)
    assert (first["status"], second["status"]) == ("complete", "incomplete")
    assert [reply["matches"][0] for reply in completions] == ["print", "import", "isinstance"]


# What a kernel asks


def test_input_is_answered(python: KernelHandle) -> None:
    asked: list[tuple[str, bool, bool]] = []

    def ask(prompt: str, password: bool) -> str:
        main = threading.current_thread() is threading.main_thread()
        asked.append((prompt, password, main))
        return "Ada 𝄞"

    result = python.run("name = input('name? ')\nprint('hello', name)", ask=ask)
    assert result.text == "hello Ada 𝄞"
    assert asked == [("name? ", False, True)]


def test_getpass_asks_for_a_password_and_the_answer_is_in_no_output(python: KernelHandle) -> None:
    asked: list[tuple[str, bool]] = []

    def ask(prompt: str, password: bool) -> str:
        asked.append((prompt, password))
        return "s3cret"

    result = python.run("import getpass\nword = getpass.getpass('word? ')", ask=ask)
    assert asked == [("word? ", True)]
    assert "s3cret" not in str(result.outputs)
    assert "s3cret" not in live(python).log.read_text()
    assert python.run("len(word)").text == "6"


def test_several_questions_of_one_cell_are_asked_in_order(python: KernelHandle) -> None:
    answers = iter("abc")
    result = python.run(
        "print(''.join(input(f'{n}? ') for n in range(3)))", ask=lambda *_: next(answers)
    )
    assert result.text == "abc"


def test_without_anybody_to_ask_a_python_cell_ends_with_its_own_error(python: KernelHandle) -> None:
    result = python.run("input('name? ')", timeout=10)
    assert result.error is not None
    assert result.error.ename == "StdinNotImplementedError"
    assert python.run("1").text == "1"


def test_a_kernel_that_asks_although_nobody_can_be_asked_is_interrupted_and_told(
    silik: Silik,
) -> None:
    for number in range(5):  # a question before its stdin is connected would be lost
        handle = silik.start("asking", f"k{number}")
        started = time.monotonic()
        with pytest.raises(CommandError) as caught:
            handle.run("name? ", timeout=10)
        assert time.monotonic() - started < 2
        assert caught.value.message.startswith(f"k{number}.bare asked for input")
        assert caught.value.hint
        assert handle.run("name? ", ask=lambda *_: "Ada").text == "you said Ada"


def test_an_asker_that_fails_ends_the_run_with_its_error(silik: Silik) -> None:
    handle = silik.start("asking")

    def ask(*_: object) -> str:
        raise LookupError("nobody is at home")

    with pytest.raises(LookupError, match="nobody is at home"):
        handle.run("name? ", ask=ask, timeout=10)
    assert handle.run("name? ", ask=lambda *_: "Ada").text == "you said Ada"


@each_language("bash")
def test_a_shell_that_reads_does_not_hang_us(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec)
    started = time.monotonic()
    with pytest.raises(KernelTimeout):
        handle.run("read name", timeout=1)
    assert time.monotonic() - started < 6
    handle.restart(now=True)
    assert handle.run(language.say).text == "hello"


@each_language("r")
def test_readline_of_r_is_answered(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec)
    result = handle.run("cat(readline('name? '), '\\n')", ask=lambda *_: "Ada", timeout=10)
    assert result.text.strip() == "Ada"


def test_an_interrupt_ends_the_wait_for_an_answer(python: KernelHandle) -> None:
    answered = threading.Event()

    def ask(*_: object) -> str:
        python.interrupt()
        answered.wait(1)
        return "too late"

    running = run_until_busy(python, "input('name? ')", ask=ask)
    result = running.result(10)
    assert result.error is not None
    assert result.error.ename == "KeyboardInterrupt"
    assert python.run("1").text == "1"
