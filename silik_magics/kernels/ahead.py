"""Kernels started ahead: they are ready when somebody asks for one, and given to one only."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from silik_magics.errors import SilikError
from silik_magics.kernels.kernel import Kernel

if TYPE_CHECKING:
    from silik_magics.kernels.manager import SilikKernelManager

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.3  # in which nothing may run or start, before the next is started
LEAST_MEMORY = 2**29  # bytes that must be free for one more
DEATHS = 3  # of kernels that nobody took, until no more are started

# What programs read when they start: to change it afterwards comes too late.
_AT_START = re.compile(
    r"PYTHON|IPYTHON|JUPYTER|R_|DENO_|NODE_|LD_|DYLD_|MALLOC_|GLIBC_|LC_|LANG|HOME$|PATH$|OMP_|KMP_"
    r"|MKL_|OPENBLAS_|GOTO_|BLIS_|VECLIB_|NUMEXPR_|BASH"
)

# Changes a kernel's working directory (empty: it stays) and variables; says whether it could.
Move = Callable[[Kernel, str, Mapping[str, str | None]], Awaitable[bool]]


@dataclass(frozen=True)
class Waiting:
    """A kernel that waits to be asked for.

    Attributes:
        made: the kernelspec and the settings that it was started with.
        cwd: its working directory.
        env: its environment.
    """

    kernel: Kernel
    made: Any
    cwd: str
    env: Mapping[str, str]


class Ahead:
    """The kernels of one manager that are started ahead.

    Attributes:
        asked: how many were asked for by a command, by kernelspec; beside those of the setting.
        move: changes the directory and environment of a kernel that was started elsewhere.
    """

    def __init__(self, manager: SilikKernelManager) -> None:
        self.asked: dict[str, int] = {}
        self.move: Move = _can_not
        self._manager = manager
        self._waiting: list[Waiting] = []
        self._deaths: Counter[str] = Counter()
        self._filling: asyncio.Task[None] | None = None

    @property
    def wanted(self) -> dict[str, int]:
        """How many are to be ready, by kernelspec."""
        return {**self._manager.warm, **self.asked}

    @property
    def kernels(self) -> list[Kernel]:
        """The kernels that are ready."""
        return [waiting.kernel for waiting in self._waiting if waiting.kernel.death is None]

    def fill(self) -> None:
        """Begin to start what is missing; has to be called in a loop."""
        if self._missing() and (self._filling is None or self._filling.done()):
            self._filling = asyncio.ensure_future(self._fill())

    async def keep(self, counts: Mapping[str, int]) -> None:
        """Change how many are wanted, and end those that are too many."""
        for spec, count in counts.items():
            self.asked[spec] = count
            self._deaths[spec] = 0
        await self._drop(self._unfit() + self._too_many())
        self.fill()

    async def take(self, spec: str, cwd: str, env: Mapping[str, str]) -> Kernel | None:
        """Return a kernel that is ready, for the caller alone; None where there is none that fits.

        Args:
            spec: the kernelspec.
            cwd: the working directory that it is to have.
            env: all of its environment.
        """
        unfit = self._unfit()
        if unfit:
            await self._drop(unfit)
        for waiting in list(self._waiting):
            changes = _changes(waiting.env, env)
            if waiting not in self._waiting or waiting.kernel.spec != spec or changes is None:
                continue
            self._waiting.remove(waiting)  # nobody else can get it from now on
            self._deaths[spec] = 0
            try:
                if await self._moved(waiting, cwd, changes):
                    waiting.kernel.process.relocate(cwd, env)
                    return waiting.kernel
            except BaseException:
                await self._drop([waiting])
                raise
            await self._drop([waiting])
        return None

    async def _moved(self, waiting: Waiting, cwd: str, changes: dict[str, str | None]) -> bool:
        new_cwd = "" if waiting.cwd == cwd else cwd
        if new_cwd or changes:
            return await self.move(waiting.kernel, new_cwd, changes)
        return await waiting.kernel.process.is_alive()  # its end may not have been told yet

    async def close(self) -> None:
        """Start no more, and forget the wishes; those that are ready belong to the manager."""
        self.asked.clear()
        self._waiting.clear()
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)

    # Starting and ending them

    def _missing(self) -> list[str]:
        there = Counter(waiting.kernel.spec for waiting in self._waiting)
        return [
            spec
            for spec, count in self.wanted.items()
            if there[spec] < count and self._deaths[spec] < DEATHS
        ]

    async def _fill(self) -> None:
        while missing := self._missing():
            await asyncio.sleep(IDLE_SECONDS)
            await self._drop(self._unfit())
            is_short = psutil.virtual_memory().available < LEAST_MEMORY
            if not is_short and not self._manager.is_busy:
                await self._start(missing[0])

    async def _start(self, spec: str) -> None:
        cwd, env = os.getcwd(), self._manager.inherited_environment()  # noqa: PTH109 - a string
        try:
            made = self._made(spec)
            kernel = await self._manager.launch(spec, name=f"{spec} (ahead)")
            await self.move(kernel, cwd, {})  # what is run first takes longest in many languages
        except (SilikError, LookupError) as error:
            logger.warning("%s can not be started ahead: %s", spec, error)
            self._deaths[spec] = DEATHS
            return
        self._waiting.append(Waiting(kernel, made, cwd, env))
        kernel.on_change.append(self._changed)

    def _changed(self, kernel: Kernel) -> None:
        waiting = any(each.kernel is kernel for each in self._waiting)
        if waiting and kernel.death is not None:
            self._deaths[kernel.spec] += 1
            asyncio.get_running_loop().call_soon(self._bury)

    def _bury(self) -> None:
        dead = [waiting for waiting in self._waiting if waiting.kernel.death is not None]
        task = asyncio.ensure_future(self._drop(dead))
        task.add_done_callback(lambda _: self.fill())

    def _made(self, spec: str) -> Any:
        manager = self._manager
        kernelspec = manager.kernel_spec_manager.get_kernel_spec(spec)  # type: ignore[union-attr]
        settings = (manager.share_history, manager.fork_start, manager.transport_encryption)
        return (kernelspec.to_dict(), *settings, list(manager.preload))

    def _unfit(self) -> list[Waiting]:
        """Return those that are dead, or whose kernelspec or settings have changed."""
        now: dict[str, Any] = {}
        for waiting in self._waiting:
            with suppress(LookupError):
                now.setdefault(waiting.kernel.spec, self._made(waiting.kernel.spec))
        return [
            waiting
            for waiting in self._waiting
            if waiting.kernel.death is not None or now.get(waiting.kernel.spec) != waiting.made
        ]

    def _too_many(self) -> list[Waiting]:
        room = Counter(self.wanted)
        many = []
        for waiting in self._waiting:
            room[waiting.kernel.spec] -= 1
            if room[waiting.kernel.spec] < 0:
                many.append(waiting)
        return many

    async def _drop(self, these: list[Waiting]) -> None:
        for waiting in these:
            with suppress(ValueError):
                self._waiting.remove(waiting)
        stops = (self._manager.stop(waiting.kernel, now=True) for waiting in these)
        await asyncio.gather(*stops)


async def _can_not(kernel: Kernel, cwd: str, variables: Mapping[str, str | None]) -> bool:
    del kernel, cwd, variables
    return False


def _changes(there: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None] | None:
    """Return what to change in an environment; None where it would come too late."""
    changes = {
        name: wanted.get(name)
        for name in there.keys() | wanted.keys()
        if there.get(name) != wanted.get(name)
    }
    late = any(_AT_START.match(name) or not name.isidentifier() for name in changes)
    return None if late else changes
