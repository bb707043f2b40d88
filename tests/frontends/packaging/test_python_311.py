"""The wheel on Python 3.11, where nothing else was installed, and what type checkers see of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.wheels import Fresh, Installed

SCRIPT = '''
"""A user's program."""

from collections.abc import Mapping
from typing import assert_type

from silik_magics import AsyncSilik, KernelDied, KernelHandle, RunResult, Silik


def main() -> None:
    with Silik() as silik:
        k1 = silik.start("python3", label="k1", cwd="/", timeout=30)
        assert_type(k1, KernelHandle)
        try:
            result = k1.run("6 * 7", timeout=10)
        except KernelDied as error:
            assert_type(error.hint, str)
            return
        assert_type(result, RunResult)
        k1.run("input()", ask=lambda prompt, password: "Ada")
        assert_type(result.text, str)
        assert_type(silik.run("1", "k1.py"), dict[str, RunResult])
        assert_type(silik["k1.py"], KernelHandle)
        assert_type(silik.kernels, Mapping[str, KernelHandle])
        assert_type(k1.path, str)
        assert_type(k1.is_alive(), bool)
        k1.restart(now=True)


async def later() -> None:
    async with AsyncSilik() as silik:
        k1 = await silik.start("python3")
        assert_type(await k1.run("input()", ask=answer), RunResult)


async def answer(prompt: str, password: bool) -> str:
    return "secret" if password else "Ada"


main()
'''

WRONG = """
from silik_magics import Silik

silik = Silik()
silik.start("python3", labell="k1")
silik.start()
silik.stop(1)
k1 = silik["k1.py"]
k1.run()
k1.run("1").textt
"""


class TestOnPython311(Fresh):
    version = "3.11"

    def pyright(self, installed: Installed, code: str) -> subprocess.CompletedProcess[str]:
        script = installed.home / "work" / "script.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(code)
        return subprocess.run(
            [Path(sys.executable).parent / "pyright", "--pythonpath", installed.python, script],
            cwd=script.parent,
            capture_output=True,
            encoding="utf-8",
        )

    def test_a_program_that_uses_it_has_its_types_checked(self, installed: Installed) -> None:
        done = self.pyright(installed, SCRIPT)
        assert done.returncode == 0, done.stdout

    def test_a_wrong_use_is_seen_by_a_type_checker(self, installed: Installed) -> None:
        done = self.pyright(installed, WRONG)
        assert done.returncode == 1
        lines = {line.split(":")[1] for line in done.stdout.splitlines() if " error: " in line}
        assert lines == {"5", "6", "7", "9", "10"}, done.stdout
