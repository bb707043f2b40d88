"""Output never appears under another run: P2."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import pytest
from support.host import host
from support.raw import connection_run, in_thread, live, said

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.display.outputs import collect, text_of
from silik_magics.kernels.messages import Message

# An asyncio task keeps the context of its cell, and with it the cell's id, and so does a thread
# that is given it. (A plain thread does not: ipykernel 7 itself says that it belongs to whatever
# cell is executed when it prints.)
LATE_TASK = """
import asyncio
async def later():
    await asyncio.sleep(0.4)
    print("late words", flush=True)
    display({"text/plain": "late display"}, raw=True)
task = asyncio.get_running_loop().create_task(later())
print("in time")
"""
LATE_THREAD = """
import contextvars, threading, time
def later():
    time.sleep(0.4)
    print("late words", flush=True)
    display({"text/plain": "late display"}, raw=True)
threading.Thread(target=contextvars.copy_context().run, args=[later]).start()
print("in time")
"""
NEXT = "import asyncio; await asyncio.sleep(0.8); print('next')"
each_way = pytest.mark.parametrize(
    "code", [pytest.param(LATE_TASK, id="task"), pytest.param(LATE_THREAD, id="thread")]
)


@each_way
def test_what_is_printed_after_its_cell_is_over_is_not_in_the_next_result(
    python: KernelHandle, code: str
) -> None:
    result = python.run(code)
    assert result.text == "in time"
    assert python.run(NEXT).text == "next"
    assert result.text == "in time"


@each_way
def test_what_is_printed_after_its_cell_is_over_goes_to_the_run_that_caused_it(
    shared: Silik, python: KernelHandle, code: str
) -> None:
    _, shown = connection_run(shared, python, code)
    _, after = connection_run(shared, python, NEXT)
    assert text_of(collect(shown)) == "in time\nlate words\nlate display"
    assert text_of(collect(after)) == "next"


def test_what_a_plain_thread_prints_later_is_shown_where_ipykernel_says_that_it_belongs(
    silik: Silik,
) -> None:
    code = LATE_THREAD.replace("contextvars.copy_context().run, args=[later]", "later")
    handle = silik.start("python3")
    with host() as plain:
        there = [plain.run(code).messages, plain.run(NEXT).messages]
        here = [connection_run(silik, handle, cell)[1] for cell in (code, NEXT)]
        assert [said(messages) for messages in here] == [said(messages) for messages in there]


def test_output_with_an_old_parent_goes_to_that_parent(shared: Silik) -> None:
    handle = shared.start("late")
    _, first = connection_run(shared, handle, "one")
    _, second = connection_run(shared, handle, "two")
    assert [m.content["text"] for m in first] == ["one", "late words of the cell before"]
    assert [m.content["text"] for m in second] == ["two"]
    assert handle.run("three").text == "three"


def test_output_of_a_run_that_nobody_waits_for_any_more_is_not_in_the_next(silik: Silik) -> None:
    handle = silik.start("stubborn")
    started = time.monotonic()
    waiting = in_thread(handle.run, "5", timeout=0.2)
    assert "does not react to an interrupt" in str(waiting.exception(10))
    assert time.monotonic() - started < 4.5
    assert handle.run("0.01").outputs == [
        {"output_type": "stream", "name": "stdout", "text": "slept"}
    ]


def test_output_of_another_client_is_not_in_our_result(python: KernelHandle) -> None:
    client = python.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=10)
        running = in_thread(python.run, "import time; time.sleep(0.5); print('ours')")
        client.execute("print('theirs')")
        assert running.result(10).text == "ours"
        assert python.run("print('next')").text == "next"
    finally:
        client.stop_channels()


PRINTS = "for (let i = 0; i < 300; i++) console.log('<{n}>', i); console.error('<{n}> end')"


@pytest.mark.lang("deno")
def test_what_deno_prints_after_idle_is_of_the_cell_that_printed_it_whenever_it_was_stopped(
    silik: Silik,
) -> None:
    handle = silik.start("deno", "d")
    pid = live(handle).process.pid
    assert pid is not None
    waits = random.Random(1)
    for n in range(30):
        running = in_thread(handle.run, PRINTS.format(n=n))
        time.sleep(waits.uniform(0, 0.03))
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)
        os.kill(pid, signal.SIGCONT)
        lines = running.result(10).text.splitlines()
        assert [line for line in lines if "end" not in line] == [f"<{n}> {i}" for i in range(300)]
        assert f"<{n}> end" in lines


@pytest.mark.lang("deno")
def test_what_deno_prints_for_a_cell_that_was_given_up_is_not_in_the_next(silik: Silik) -> None:
    handle = silik.start("deno", "d")
    code = (
        "for (let i = 0; i < 20; i++) {await new Promise(r => setTimeout(r, 10)); console.log(i)}"
    )

    async def give_up_and_go_on() -> None:
        kernel = live(handle)
        for n in range(5):
            shown: list[Message] = []
            first = asyncio.ensure_future(kernel.execute(code, shown.append, no_answer))
            await asyncio.sleep(0.05)
            first.cancel()
            after: list[Message] = []
            await kernel.execute(f"console.log('next', {n})", after.append, no_answer)
            assert text_of(collect(after)) == f"next {n}"
            assert text_of(collect(shown)) == "\n".join(map(str, range(20)))

    silik._portal.call(give_up_and_go_on)


@pytest.mark.lang("deno")
def test_deno_connected_to_says_idle_behind_its_last_output() -> None:
    with host("silik") as gateway:
        gateway.ok("start deno -l d\n> d")
        requests = [gateway.begin(PRINTS.format(n=n)) for n in range(10)]
        for n, request in enumerate(requests):
            lines = request.end().stream().splitlines()
            assert lines == [f"<{n}> {i}" for i in range(300)]


async def no_answer(_: Message) -> None:
    return None
