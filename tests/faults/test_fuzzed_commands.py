"""Command lines that nobody would type, on a shell with living kernels.

CI runs some hundreds of them, the long form (`SILIK_FAULTS=long`) 10,000. `SILIK_FAULTS_SEED`
chooses others.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import pytest
from support.session import Session

from silik_magics.commands.context import kernel_of
from silik_magics.commands.declared import TABLE
from silik_magics.commands.table import SilikCommand
from silik_magics.display.sinks import Text
from silik_magics.errors import SilikError
from silik_magics.language.words import quote
from silik_magics.tree import Leaf

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3000)]

SEED = int(os.environ.get("SILIK_FAULTS_SEED", "1"))
SHORT, LONG = 400, 10_000
USERS = 10  # at once in the long form, each with kernels of its own; most of the time is waiting
ROUND = 100  # lines, and then it is looked whether all is well
DEADLINE = 60.0  # seconds that a line may take: `doctor` and `start` begin kernels

# What would end the fuzzing itself, or stop a kernel that nobody wakes up.
LEFT_OUT = {"exit", "quit", "warm"}
SLOW = {"start", "new", "doctor", "restart"}
STOPPING = ("STOP", "TSTP", "TTIN", "TTOU")
FILES = ["a.txt", "self.silik", "lines.silik", "fifo", "binary", "sparse", "none", ".", "..", "/"]
FILES += ["/dev/zero", "/dev/null", "/proc/self/mem", "loop", "a\0b", "x" * 300, "~", "~nobody0"]
PATHS = ["k1", "k1.py", "b1", "b1.bare", "*", "**", "k?", "[kb]*", "~", "/", ".", "..", "~/", "f"]
PATHS += ["f/g", "f/", "../..", "~/f/../k1.py", "nowhere", "", "//", "***", "[", "a b", "ü"]
CODES = ["1", "x = 1", "1 / 0", "print('é')", "", " ", "raise ValueError('\ud800')", "(", "pass"]
JUNK = ["\x1b[2J", "\u202e", "\0", "\ud800", "é", "日本", "👩\u200d🚀", "\u0301", "<b>", "&", "\\"]
JUNK += ["'", '"', "$", "${x}", "${", "`ls`", "$(ls)", ";", "|", ">", "<", "#", "--", "-", "="]
JUNK += ["{x}", "\t", "\r", "\n", "\u2028", "\x85", "%silik", "%%silik", "/cmd", "-h", "--help"]
JUNK += ["9" * 5000, "1e999", "x" * 10_000, "nan", "-1", "0", "1", "2", "0.5", "SIGINT", "SIGCONT"]
JUNK += ["9", "null", "[1", "{}"]
NAMES = ["x", "y", "os", "class", "é", "1x", "x.y", "None"]


class Lines:
    """Makes lines of commands, options, paths and junk; the same from the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        found = {k: v for k, v in TABLE.commands.items() if k not in LEFT_OUT}
        self.commands = {k: v for k, v in found.items() if isinstance(v, SilikCommand)}

    def line(self) -> str:
        chance = self.chance
        name = chance.choice([*self.commands])
        if name in SLOW and chance.random() < 0.8:
            name = "tree"
        words = [self.word(name) for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 4]))]
        if chance.random() < 0.6:
            words = [word for param in self.commands[name].params for word in self.fitting(param)]
        if name in SLOW and chance.random() < 0.5:
            words = [chance.choice(["python3", "bare", "crashing", "absent", "k1"]), *words]
        words = [word for word in words if not any(end in word.upper() for end in STOPPING)]
        written = [self.written(word) for word in words]
        if chance.random() < 0.05:
            name = self.bent(name)
        return " ".join([name, *written])

    def fitting(self, param: click.Parameter) -> list[str]:
        """Return words that a parameter may get, an option only at times."""
        chance = self.chance
        kinds = {"FILE": FILES, "DIR": FILES, "CODE": CODES, "PATH": PATHS, "PATH...": PATHS}
        kinds |= {"integer range": ["1", "2"], "SIG": ["INT", "CONT", "WINCH"], "NAME": NAMES}
        word = chance.choice(kinds.get(param.type.name, NAMES + JUNK))
        if isinstance(param, click.Argument):
            return [word] if param.required or chance.random() < 0.5 else []
        if chance.random() < 0.8:
            return []
        flag = isinstance(param, click.Option) and param.is_flag
        return [chance.choice(param.opts)] if flag else [chance.choice(param.opts), word]

    def word(self, name: str) -> str:
        chance = self.chance
        options = [opt for param in self.commands[name].params for opt in param.opts]
        kinds = [PATHS, PATHS, FILES, CODES, NAMES, JUNK, options or JUNK]
        word = str(chance.choice(chance.choice(kinds)))
        return self.bent(word) if chance.random() < 0.1 else word

    def bent(self, word: str) -> str:
        at = self.chance.randint(0, len(word))
        return word[:at] + self.chance.choice(JUNK) + word[at + self.chance.randint(0, 1) :]

    def written(self, word: str) -> str:
        kind = self.chance.random()
        return word if kind < 0.5 else quote(word) if kind < 0.9 else f'"{word}"'


def write_files() -> None:
    Path("a.txt").write_text("text")
    Path("self.silik").write_text("source self.silik")
    Path("lines.silik").write_text("pwd\ntree\nnonsense\n")
    Path("binary").write_bytes(bytes(range(256)))
    os.mkfifo("fifo")
    Path("loop").symlink_to("loop")
    with Path("sparse").open("wb") as sparse:
        sparse.truncate(10_000_000_000)


async def fuzz(count: int, users: int) -> Counter[str]:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    seeds = range(SEED, SEED + users)
    each = [use(seed, count // users, troubles) for seed in seeds]
    return sum(await asyncio.gather(*each), Counter[str]())


async def use(seed: int, count: int, troubles: list[dict[str, Any]]) -> Counter[str]:
    lines, seen = Lines(seed), Counter[str]()
    async with Session() as session:
        await next_is_right(session)
        for number in range(count):
            line = lines.line()
            if session.shell.state.connected:
                # To IPython `cat` is a program that waits for its input, and so on.
                line = lines.chance.choice([*CODES, *JUNK, "/cmd", "/cmd", "%%silik k1\n1"])
            try:
                seen[await outcome(session, line)] += 1
                if number % 5 == 0:
                    cursor = lines.chance.randint(-1, len(line) + 1)
                    await asyncio.wait_for(session.shell.complete(line, cursor), DEADLINE)
                    await asyncio.wait_for(session.shell.inspect(line, cursor), DEADLINE)
            except BaseException as error:
                error.add_note(f"line {number} of seed {seed}: {line!r}")
                raise
            if number % ROUND == ROUND - 1:
                await next_is_right(session)
            assert not troubles, (line, troubles)
    return seen


async def outcome(session: Session, line: str) -> str:
    """Run a line as a door does; return how it ended."""
    context = session.shell.context(Text(lambda text, _: text.encode("utf-8")))
    try:
        await asyncio.wait_for(session.shell.run_cell(line, context), DEADLINE)
    except SilikError as error:
        # It can be sent to a front-end, and written to a terminal.
        json.dumps(error.content(), ensure_ascii=False).encode()
        "\n".join(error._render_traceback_()).encode()
        return type(error).__name__
    return "ok"


async def next_is_right(session: Session) -> None:
    await asyncio.sleep(0.5)  # a signal may end a kernel a moment after it was sent
    await session.type("/cmd")
    await session.type("cd ~")
    if len(list(session.shell.state.tree.root.leaves())) > 8:
        await session.type("rm -r **")
    for spec, name in (("python3", "k1.py"), ("bare", "b1.bare")):
        there = session.shell.state.tree.root.children.get(name)
        if isinstance(there, Leaf) and kernel_of(there).death is None:
            continue
        for taken in (name, name[:2]):  # a folder may have the label
            if taken in session.shell.state.tree.root.children:
                await session.type(f"rm -r {taken}")
        await session.type(f"start {spec} -l {name[:2]}")
    assert await session.type('run "print(6 * 7)" k1.py') == "42\n"
    assert await session.type("run hello b1.bare") == "hello"


def test_a_line_of_anything_is_done_or_is_one_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files()
    before = {path: path.lstat().st_mtime for path in tmp_path.rglob("*")}
    started, count = time.monotonic(), LONG if many else SHORT
    seen = asyncio.run(fuzz(count, USERS if many else 1))
    assert seen["ok"] > count / 20
    assert seen["CommandError"] > count / 20
    assert {path: path.lstat().st_mtime for path in tmp_path.rglob("*")} == before
    with capsys.disabled():
        took = f"{time.monotonic() - started:.0f} s"
        print(f"\n{count} lines of seed {SEED} in {took}: {seen.most_common()}")
