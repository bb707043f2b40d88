"""ipykernel's own tests of its messages end the same when it is forked, and through `silik`.

They are taken from ipykernel's source distribution, of the version that is installed, and run in
processes of their own: with the kernel as it is spawned, forked from a template, and through
`silik`. Left out are those that drive
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

SPAWNED, FORKED, THROUGH = "spawned", "forked", "through silik"
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


def start(source: Path, home: Path, tests: list[str], how: str) -> subprocess.Popen[bytes]:
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
        "THROUGH_SILIK": "yes" if how == THROUGH else "",
        "JUPYTER_DEFAULT_PROVISIONER_NAME": "silik-fork" if how == FORKED else "local-provisioner",
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


def run(source: Path, home: Path, *halves: list[str]) -> dict[str, Verdicts]:
    """Run tests with kernels of each kind, and return how they ended."""
    started = [
        (how, place, start(source, place, half, how))
        for number, half in enumerate(halves)
        for how in (SPAWNED, FORKED, THROUGH)
        for place in [home.with_name(f"{home.name}-{number}-{how.split()[0]}")]
    ]
    found: dict[str, Verdicts] = {SPAWNED: {}, FORKED: {}, THROUGH: {}}
    for how, place, process in started:
        process.wait()
        assert (place / "verdicts.json").exists(), (place / "log").read_text()
        told = json.loads((place / "verdicts.json").read_text())
        found[how] |= told["verdicts"]
        assert told["forked"] >= (how == FORKED and len(told["verdicts"]) > 5), told["forked"]
    return found


@pytest.mark.timeout(600)
def test_ipykernels_own_tests_end_as_they_do_with_a_spawned_kernel(
    source: Path, tmp_path: Path
) -> None:
    halves = [[f"tests/{name}" for name in half] for half in HALVES]
    found = run(source, tmp_path / "all", *halves)
    expected = found[SPAWNED]
    assert found[FORKED].keys() == found[THROUGH].keys() == expected.keys()
    for number in range(TRIES - 1):
        again = [
            name
            for name in expected
            if name not in OTHERWISE
            and (
                {each[name] for each in found.values()} != {expected[name]}
                or "failed" in expected[name]
            )
        ]
        if not again:
            break
        for how, now in run(source, tmp_path / f"again{number}", again).items():
            found[how] |= now
    assert _differ(found[FORKED], expected) == {}
    assert _differ(found[THROUGH], expected) == dict.fromkeys(OTHERWISE, "failed")
    assert list(expected.values()).count("passed") > 80
    skipped = [verdict for verdict in expected.values() if verdict != "passed"]
    assert [verdict for verdict in skipped if not any(w in verdict for w in NEVER)] == []


def _differ(found: Verdicts, expected: Verdicts) -> Verdicts:
    return {name: verdict for name, verdict in found.items() if verdict != expected[name]}
