"""ipykernel's own tests of its messages end the same through a connected `silik`.

They are taken from ipykernel's source distribution, of the version that is installed, and run in
processes of their own: with the kernel itself, and through `silik`. Left out are those that drive
no kernel through a client, or start one by other means than a kernelspec.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

# Two halves that take about as long, each run beside the other.
HALVES = (
    ("test_kernel.py", "test_async.py"),
    ("test_message_spec.py", "test_subshells.py", "test_debugger.py"),
)
TRIES = 3  # some hang on the clock of a machine that has other things to do

# Why a test must end otherwise through `silik`.
OTHERWISE = {
    "tests/test_kernel.py::test_parent_header_and_ident": "it prints the zmq identity of whoever"
    " is connected to the kernel, which is silik; headers, parents and sessions are as directly",
}
# What stands in the reason of those that are skipped on Linux, whatever is installed.
NEVER = ("only run on Windows", "only on windows", "Stalls on linux", "does its own capturing")

Verdicts = dict[str, str]


@pytest.fixture(scope="module")
def source(request: pytest.FixtureRequest) -> Path:
    """A directory with ipykernel's folder `tests`; downloaded once."""
    wanted = version("ipykernel")
    assert request.config.cache is not None
    directory = request.config.cache.mkdir(f"ipykernel-{wanted}")
    if not (directory / "tests").exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        options = ["--no-binary=ipykernel", f"--dest={directory}", f"ipykernel=={wanted}"]
        subprocess.run(pip + options, check=True)
        with tarfile.open(directory / f"ipykernel-{wanted}.tar.gz") as archive:
            archive.extractall(
                directory,
                filter=lambda member, path: (
                    tarfile.data_filter(member.replace(name=member.name.partition("/")[2]), path)
                    if member.name.partition("/")[2].startswith("tests/")
                    else None
                ),
            )
    return directory


def start(source: Path, home: Path, tests: list[str], *, through: bool) -> subprocess.Popen[bytes]:
    """Begin to run tests, in Jupyter directories of their own."""
    home.mkdir()
    directories = {
        name: str(home / name.lower())
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    }
    environment = {
        **os.environ,
        **directories,
        "PYTHONPATH": str(TESTS),
        "VERDICTS": str(home / "verdicts.json"),
        "THROUGH_SILIK": "yes" if through else "",
    }
    command = [sys.executable, "-m", "pytest", "-p", "support.verdicts", "--noconftest", "-q"]
    command += [f"--config-file={os.devnull}", f"--rootdir={source}", "-p", "no:cacheprovider"]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--timeout=60", *tests],
            cwd=source,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def run(source: Path, home: Path, *halves: list[str]) -> tuple[Verdicts, Verdicts]:
    """Run tests directly and through `silik`, and return how they ended."""
    sides: tuple[Verdicts, Verdicts] = {}, {}
    started = [
        (sides[through], place, start(source, place, half, through=bool(through)))
        for number, half in enumerate(halves)
        for through in (0, 1)
        for place in [home.with_name(f"{home.name}-{number}-{through}")]
    ]
    for verdicts, place, process in started:
        process.wait()
        assert (place / "verdicts.json").exists(), (place / "log").read_text()
        verdicts |= json.loads((place / "verdicts.json").read_text())
    return sides


@pytest.mark.timeout(600)
def test_ipykernels_own_tests_end_as_they_do_without_silik(source: Path, tmp_path: Path) -> None:
    halves = [[f"tests/{name}" for name in half] for half in HALVES]
    direct, through = run(source, tmp_path / "all", *halves)
    assert direct.keys() == through.keys()
    for number in range(TRIES - 1):
        again = [
            name
            for name in direct
            if name not in OTHERWISE and (direct[name] != through[name] or "failed" in direct[name])
        ]
        if not again:
            break
        for before, now in zip(
            (direct, through), run(source, tmp_path / f"again{number}", again), strict=True
        ):
            before |= now
    differ = {name: verdict for name, verdict in through.items() if verdict != direct[name]}
    assert differ == dict.fromkeys(OTHERWISE, "failed")
    verdicts = list(direct.values())
    assert verdicts.count("passed") > 80
    skipped = {name: verdict for name, verdict in direct.items() if verdict != "passed"}
    assert [verdict for verdict in skipped.values() if not any(w in verdict for w in NEVER)] == []
