"""Clients that use kernels as people do, and a saboteur; what they saw is checked.

Every random choice comes from one seed, but what happens between processes does not: a failure
names the seed, and may take a few runs to come again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from silik_magics.api import AsyncSilik
from silik_magics.errors import CommandError, KernelDied, KernelTimeout, SilikError

DEADLINE = 30.0  # seconds in which every request must have ended
RUN_SECONDS = 8.0  # what code may take: a kernel that was stopped takes no notice
SILENCE = (0.0, 0.15)  # between two deeds of the saboteur

# Says `TOKEN 0` to `TOKEN N-1`, a line each.
COUNTS = {
    "python3": "for i in range({n}): print(f'{token} {{i}}')",
    "bare": "{n}",
    "bash": "for i in $(seq 0 {last}); do echo {token} $i; done",
    "ir": "for (i in 0:{last}) cat('{token}', paste0(i, '\\n'))",
    "deno": "for (let i = 0; i < {n}; i++) console.log('{token}', i)",
}
SLEEPS = {
    "python3": "import time\nfor i in range({n}): print(f'{token} {{i}}'); time.sleep(.01)",
    "bash": "for i in $(seq 0 {last}); do echo {token} $i; sleep .01; done",
    "ir": "for (i in 0:{last}) {{ cat('{token}', paste0(i, '\\n')); Sys.sleep(.01) }}",
}


class Chaos:
    """One run: 8 kernels or so, two clients, a saboteur.

    Args:
        specs: a kernelspec for each kernel; its label is `k` and its number.
        seed: of all random choices.

    Attributes:
        count: how often each thing was done, and how it ended.
        wrong: what must not happen, and did.
    """

    def __init__(self, specs: list[str], seed: int) -> None:
        self.specs = specs
        self.random = random.Random(seed)
        self.count: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._silik: AsyncSilik | None = None
        self._tokens = 0

    async def run(self, seconds: float, clients: int = 2) -> None:
        """Do it for so many seconds, and stop everything."""
        async with AsyncSilik() as self._silik:
            await asyncio.gather(*(self._start(number) for number in range(len(self.specs))))
            end = time.monotonic() + seconds
            saboteur = asyncio.ensure_future(self._sabotage())
            try:
                await asyncio.gather(*(self._use(end) for _ in range(clients)))
            finally:
                saboteur.cancel()
                with suppress(asyncio.CancelledError):
                    await saboteur
            await self._all_answer()

    @property
    def silik(self) -> AsyncSilik:
        """What is used."""
        assert self._silik is not None
        return self._silik

    async def _start(self, number: int) -> None:
        await self.silik.start(self.specs[number], f"k{number}")

    # What people do

    async def _use(self, end: float) -> None:
        deeds = {
            self._count: 10,
            self._count_and_interrupt: 4,
            self._count_and_give_up: 2,
            self._restart: 3,
            self._stop_and_start: 3,
            self._kill: 1,
            self._complete: 2,
            self._look: 1,
        }
        while time.monotonic() < end and len(self.wrong) < 10:
            (deed,) = self.random.choices(list(deeds), list(deeds.values()))
            number = self.random.randrange(len(self.specs))
            name = deed.__name__.removeprefix("_")
            begun = time.monotonic()
            try:
                await asyncio.wait_for(deed(number), DEADLINE)
                how = "ok"
            except TimeoutError:
                how = "HUNG"
                self.wrong.append(f"{name} of k{number} ({self.specs[number]}) did not end")
            except (KernelDied, KernelTimeout, CommandError) as error:
                how = type(error).__name__
            except SilikError as error:
                how = "wrong error"
                self.wrong.append(f"{name} of k{number}: {error!r}")
            self.count[f"{name}: {how}"] += 1
            self.count["slowest"] = max(
                self.count["slowest"], round(1000 * (time.monotonic() - begun))
            )

    def _path(self, number: int) -> str:
        return f"k{number}"

    def _token(self) -> str:
        self._tokens += 1
        return f"<{self._tokens}>"

    async def _count(self, number: int) -> None:
        """Run a cell that prints numbered lines; all of them, and nothing else, must come."""
        await self._run(number, COUNTS, self.random.choice([1, 5, 200]))

    async def _run(self, number: int, phrases: dict[str, str], lines: int) -> None:
        spec = self.specs[number]
        token = self._token()
        phrase = phrases.get(spec, COUNTS[spec])
        code = phrase.format(n=lines, last=lines - 1, token=token)
        result = await self.silik[self._path(number)].run(
            code, timeout=RUN_SECONDS, on_timeout=self.random.choice(["interrupt", "restart"])
        )
        if spec == "bare":
            return
        said = result.text.splitlines()
        wanted = [f"{token} {i}" for i in range(lines)]
        complete = result.status == "ok"
        if spec == "deno":  # it says `idle` before its outputs, and may be stopped in between
            wanted = wanted[: len(said)]
        if complete and said != wanted:
            self.wrong.append(f"{spec}: {code!r} said {said[:3]}...{said[-3:]} ({len(said)} lines)")
        strangers = [line for line in said if line.startswith("<") and token not in line]
        if strangers:
            self.wrong.append(f"{spec}: {code!r} showed what others said: {strangers[:3]}")
        self.count[f"run {result.status}"] += 1

    async def _count_and_interrupt(self, number: int) -> None:
        running = asyncio.ensure_future(self._run(number, SLEEPS, 300))
        try:
            await asyncio.sleep(self.random.uniform(0, 0.3))
            await self.silik[self._path(number)].interrupt()
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _count_and_give_up(self, number: int) -> None:
        """Go away while the cell runs; what it still says must not turn up anywhere."""
        running = asyncio.ensure_future(self._run(number, SLEEPS, 30))
        await asyncio.sleep(self.random.uniform(0, 0.2))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def _restart(self, number: int) -> None:
        await self.silik[self._path(number)].restart(now=self.random.random() < 0.5)

    async def _stop_and_start(self, number: int) -> None:
        with suppress(CommandError):  # the other client has just stopped it
            await self.silik[self._path(number)].stop(now=self.random.random() < 0.7)
        starting = asyncio.ensure_future(self._start(number))
        if self.random.random() < 0.2:  # changes its mind
            await asyncio.sleep(self.random.uniform(0, 0.2))
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._start(number)
        else:
            await starting

    async def _kill(self, number: int) -> None:
        await self.silik[self._path(number)].kill()

    async def _complete(self, number: int) -> None:
        cell = f"%%silik {self._path(number)}\npri"
        await self.silik.shell.complete(cell, len(cell))
        await self.silik.shell.inspect(cell, len(cell))

    async def _look(self, _: int) -> None:
        for command in ("ps", "tree"):
            await self.silik.command(command)

    # What happens to them

    async def _sabotage(self) -> None:
        while True:
            await asyncio.sleep(self.random.uniform(*SILENCE) * len(self.specs) / 2)
            pids = [kernel.process.pid for kernel in self.silik.manager.kernels.values()]
            pids += [kernel.process.pid for kernel in self.silik.manager._opening]
            alive = [pid for pid in pids if pid]
            if not alive:
                continue
            pid = self.random.choice(alive)
            if self.random.random() < 0.6:
                self._send(pid, signal.SIGKILL)
            else:
                self._send(pid, signal.SIGSTOP)
                later = self.random.uniform(0, 1)
                asyncio.get_running_loop().call_later(later, self._send, pid, signal.SIGCONT)

    def _send(self, pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            self.count[f"saboteur: {number.name}"] += 1

    async def _all_answer(self) -> None:
        """Every kernel that is there can be used on, if need be after a restart."""
        for number, spec in enumerate(self.specs):
            try:
                async with asyncio.timeout(3 * DEADLINE):
                    await self._answers(number)
            except (TimeoutError, SilikError) as error:
                self.wrong.append(f"k{number} ({spec}) can not be used any more: {error!r}")

    async def _answers(self, number: int) -> None:
        path = self._path(number)
        handles: Any = self.silik.kernels
        if not any(name.startswith(f"{path}.") for name in handles):
            await self._start(number)
        if not self.silik[path].is_alive():
            await self.silik[path].restart()
        for _ in range(2):  # one that was stopped a moment ago still wakes up
            with suppress(KernelTimeout, KernelDied):
                await self._run(number, COUNTS, 50)
                return
            await self.silik[path].restart(now=True)
        await self._run(number, COUNTS, 50)
