"""A kernel that is killed at any moment of a cell ends the cell within a second."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from support.host import Host, host
from support.languages import why_absent

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

SECOND = 1.0
BRIEF, LONG = 12, 200
CODE = {
    "python3": [
        "import time; time.sleep(100)",
        "while True: pass",
        "while True: print('x' * 50)",
        "while True: display('x' * 1000)",
        "input('name? ')",
        "import subprocess; subprocess.run(['sleep', '100'])",
    ],
    "bash": ["sleep 100", "while true; do echo xxxxxxxxxx; done"],
    "ir": ["Sys.sleep(100)", "while (TRUE) cat('xxxxxxxxxx\\n')"],
    "deno": ["while (true) console.log('xxxxxxxxxx')", "await new Promise(() => 0)"],
}
NEEDS = {"bash": "bash", "ir": "r", "deno": "deno"}


def kernel_and_pid(opened: Host) -> tuple[str, int]:
    """Return the name and the process of the one kernel."""
    name, pid = opened.ok("t = %silik ps\nprint(t[0]['kernel'], t[0]['pid'])").stream().split()
    return name, int(pid)


@pytest.mark.parametrize("spec", CODE)
def test_a_kernel_that_is_killed_at_any_moment_ends_its_cell(spec: str, many: bool) -> None:
    if why_absent(NEEDS.get(spec, "")):
        pytest.skip(why_absent(NEEDS[spec]))
    tries = (LONG if many else BRIEF) // len(CODE)
    chosen = random.Random(7)
    slowest = 0.0
    with host() as opened:
        opened.ok(f"%load_ext silik_magics\n%silik start {spec} -l k")
        for number in range(tries):
            name, victim = kernel_and_pid(opened)
            code = CODE[spec][number % len(CODE[spec])]
            request = opened.begin(f"%%silik k\n{code}", ask=True)
            time.sleep(chosen.uniform(0, 0.4))
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            cell = request.end(timeout=10)
            seconds = time.monotonic() - killed
            slowest = max(slowest, seconds)
            (error,) = cell.errors
            assert error["ename"] == "KernelDied"
            assert error["evalue"].startswith(f"{name} died: killed by SIGKILL")
            assert "restart" in error["traceback"][-1]
            is_flood = "while" in code  # what was printed before comes first, and is read slowly
            assert seconds < (2 * SECOND if is_flood else SECOND), code
            opened.ok(f"%silik restart {name}")
    print(f"{spec}: {tries} deaths, the slowest was told after {slowest:.2f} s")


def test_a_kernel_that_is_silent_for_long_is_no_error(many: bool) -> None:
    seconds = 300 if many else 6
    with host() as opened:
        opened.ok("%load_ext silik_magics\n%silik start python3 -l k1")
        code = f"import time; time.sleep({seconds}); print('at last')"
        cell = opened.ok(f"%%silik k1\n{code}", timeout=seconds + 30)
        assert cell.stream() == "at last\n"
