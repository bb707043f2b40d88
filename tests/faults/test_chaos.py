"""Kernels are killed and stopped at random moments while two clients use them.

Every request ends, every output belongs to its request, and no process or file is left.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest
from support.chaos import Chaos
from support.host import below
from support.languages import why_absent

from silik_magics.kernels.process import runs

pytestmark = pytest.mark.faults

BRIEF, LONG = 20.0, float(os.environ.get("SILIK_SECONDS", "1200"))  # seconds
KERNELS = ["python3", "python3", "python3", "bare", "bash", "ir", "deno", "python3"]
LANGUAGES = {"bash": "bash", "ir": "r", "deno": "deno"}


@pytest.mark.timeout(LONG + 300)
def test_kernels_that_are_killed_and_stopped_at_random(
    many: bool, runtime_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # of jedi: kernels are killed at work on it
    specs = [spec for spec in KERNELS if not why_absent(LANGUAGES.get(spec, ""))]
    files = set(runtime_dir.iterdir())
    processes = {process.pid for process in below(os.getpid())}
    seed = int(os.environ.get("SILIK_SEED", random.randrange(10**6)))
    chaos = Chaos(specs, seed)
    asyncio.run(chaos.run(LONG if many else BRIEF))
    report = "\n".join(f"{count:6} {what}" for what, count in sorted(chaos.count.items()))
    print(f"seed {seed}\n{report}")
    assert chaos.wrong == [], "\n".join([f"seed {seed}", report, *chaos.wrong])
    deadline = time.monotonic() + 5
    while left := [p for p in below(os.getpid()) if p.pid not in processes and runs(p.pid)]:
        assert time.monotonic() < deadline, [process.cmdline() for process in left]
        time.sleep(0.05)
    assert set(runtime_dir.iterdir()) == files
