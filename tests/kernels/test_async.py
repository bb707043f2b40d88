"""The Python door for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.misbehaving import write_misbehaving_specs
from support.raw import wait_until

from silik_magics import AsyncSilik
from silik_magics.errors import CommandError, KernelDied, KernelTimeout


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(main, 30)

    asyncio.run(bounded(), debug=False)


def test_start_run_and_stop() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start("python3", "k1")
            result = await handle.run("print('hello')\n6 * 7")
            assert (result.text, result.data["text/plain"]) == ("hello\n42", "42")
            assert (handle.name, handle.ready, handle.is_alive()) == ("k1.py", True, True)
            assert list(silik.kernels) == ["k1.py"]
            error = (await handle.run("1 / 0")).error
            assert error is not None
            assert error.ename == "ZeroDivisionError"
            await handle.stop()
            assert silik.tree == ""

    run(main())


def test_runs_on_different_kernels_overlap() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            await silik.command("start python3 -n 3 -l w")
            await silik.run("import time", "w*")
            started = time.monotonic()
            results = await asyncio.gather(
                *(handle.run("time.sleep(1); 5") for handle in silik.kernels.values())
            )
            assert time.monotonic() - started < 2
            assert [result.text for result in results] == ["5", "5", "5"]

    run(main())


def test_runs_on_one_kernel_queue_and_keep_their_outputs_apart() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start("python3")
            results = await asyncio.gather(*(handle.run(f"print({n}); {n}") for n in range(10)))
            assert [result.text for result in results] == [f"{n}\n{n}" for n in range(10)]
            assert [result.execution_count for result in results] == list(range(1, 11))

    run(main())


def test_a_cancelled_run_leaves_the_connection_usable() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start("python3")
            running = asyncio.ensure_future(handle.run("import time; time.sleep(1); print('old')"))
            await asyncio.sleep(0.4)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            result = await handle.run("print('new')")
            assert result.text == "new"

    run(main())


def test_a_cancelled_start_leaves_no_kernel() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            starting = asyncio.ensure_future(silik.start("slow", "k1"))
            await asyncio.sleep(0.3)
            starting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await starting
            assert silik.tree == ""
            assert silik.manager.list_kernel_ids() == []
            assert (await silik.start("bare", "k1")).name == "k1.bare"

    run(main())


def test_wait_for_ends_a_run_as_a_cancellation_does() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start("messaged")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handle.run("100"), 0.3)
            await handle.interrupt()
            assert (await handle.run("0")).text == "slept"

    run(main())


def test_interrupt_timeout_restart_and_death() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start("python3", "k1")
            running = asyncio.ensure_future(handle.run("import time; time.sleep(100)"))
            await asyncio.sleep(0.5)
            await handle.interrupt()
            error = (await running).error
            assert error is not None
            assert error.ename == "KeyboardInterrupt"
            with pytest.raises(KernelTimeout):
                await handle.run("import time; time.sleep(100)", timeout=0.3)
            with pytest.raises(KernelDied, match="exited with code 7"):
                await handle.run("import os; os._exit(7)")
            await handle.restart()
            assert (await handle.run("1")).text == "1"

    run(main())


def test_the_answer_to_input_may_take_its_time() -> None:
    async def main() -> None:
        async def ask(prompt: str, password: bool) -> str:
            await asyncio.sleep(0.1)
            return f"{prompt}{password}"

        async with AsyncSilik() as silik:
            handle = await silik.start("python3")
            assert (await handle.run("print(input('name? '))", ask=ask)).text == "name? False"
            plain = await handle.run("print(input())", ask=lambda *_: "Ada")
            assert plain.text == "Ada"

    run(main())


def test_its_own_client_is_asynchronous() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start("python3")
            client = handle.client()
            client.start_channels()
            await client.wait_for_ready(timeout=10)
            running = asyncio.ensure_future(handle.run("print('ours')"))
            client.execute("x = 5")
            reply = await client.get_shell_msg(timeout=10)
            assert reply["content"]["status"] == "ok"
            client.stop_channels()
            assert (await running).text == "ours"
            assert (await handle.run("x")).text == "5"

    run(main())


def test_run_needs_a_kernel_and_says_so() -> None:
    async def main() -> None:
        async with AsyncSilik() as silik:
            with pytest.raises(CommandError):
                await silik.run("1")
            with pytest.raises(CommandError):
                await silik.run("1", "nobody.py")

    run(main())


def test_an_error_inside_of_the_with_statement_leaves_no_kernel() -> None:
    pids: list[int] = []

    async def main() -> None:
        async with AsyncSilik() as silik:
            await silik.start("bare")
            pids.extend(k.process.pid or 0 for k in silik.manager.kernels.values())
            raise LookupError

    with pytest.raises(LookupError):
        run(main())
    wait_until(lambda: not psutil.pid_exists(pids[0]))


@pytest.mark.parametrize("spec", ["python3", "bare"])
def test_a_restart_behind_a_stop_starts_nothing(
    spec: str, kernels_dir: Path, runtime_dir: Path
) -> None:
    write_misbehaving_specs(kernels_dir)
    before = set(runtime_dir.iterdir())

    async def main() -> None:
        async with AsyncSilik() as silik:
            handle = await silik.start(spec, "k1")
            stopping = asyncio.ensure_future(handle.stop())
            await asyncio.sleep(0.01)  # it has begun
            with pytest.raises(CommandError, match="was stopped"):
                await handle.restart()
            await stopping
            assert silik.manager.list_kernel_ids() == []

    run(main())
    assert set(runtime_dir.iterdir()) == before
