"""The doctor tells why real kernels, and such as misbehave, start or do not."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.host import below
from support.languages import LANGUAGES, Language, each_language, write_spec
from support.misbehaving import HERE

from silik_magics import Silik
from silik_magics.commands.doctor import diagnose
from silik_magics.kernels.forking.templates import running
from silik_magics.kernels.phases import PHASES
from silik_magics.kernels.process import runs


@pytest.fixture(autouse=True)
def _nothing_left(runtime_dir: Path) -> Iterator[None]:
    files = set(runtime_dir.iterdir())
    processes = set(below(os.getpid()))
    yield
    assert set(runtime_dir.iterdir()) == files
    left = set(below(os.getpid())) - processes
    templates = {template.process.pid for template in running() if template.process is not None}
    assert [
        process.pid for process in left if runs(process.pid) and process.pid not in templates
    ] == []


@pytest.fixture
def examined(shared: Silik) -> Any:
    """Examine a kernelspec: the report and its data."""

    def examine(line: str) -> tuple[str, dict[str, Any]]:
        answer = shared.command(f"doctor {line}")
        assert shared.tree == ""  # what it starts is nobody's
        return answer.text, answer.data

    return examine


@each_language("python", "bash", "r", "deno")
def test_a_kernel_that_works_is_told_with_the_time_of_each_phase(
    language: Language, examined: Any
) -> None:
    text, data = examined(language.spec)
    assert data["starts"], text
    assert text.startswith(f"{language.spec} starts: ready after ")
    assert list(data["phases"]) == list(PHASES)
    assert all(seconds >= 0 for seconds in data["phases"].values())
    assert data["phases"]["first reply"] > 0.01
    assert Path(data["file"]).is_file()
    assert Path(data["program"]["found"]).is_file()
    assert "{connection_file}" in data["program"]["argv"]


def test_the_program_and_its_interpreter_are_resolved(examined: Any) -> None:
    text, data = examined(LANGUAGES["python"].spec)
    assert data["program"]["found"] == sys.executable
    version = ".".join(map(str, sys.version_info[:3]))
    assert f"interpreter  Python {version} (" in text
    assert "ipykernel_launcher" in data["program"]["argv"]
    assert data["provisioner"] == "local-provisioner"


def test_the_environment_of_the_kernelspec_is_told_without_its_secrets(
    examined: Any, kernels_dir: Path
) -> None:
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    env = {"WHERE": "${HOME}/x", "API_KEY": "hunter2"}
    write_spec(kernels_dir, "env", {"argv": argv, "language": "python", "env": env})
    text, data = examined("env")
    assert data["starts"], text
    assert data["environment"] == {"WHERE": "${HOME}/x", "API_KEY": "(hidden)"}
    assert "hunter2" not in text + str(data)


def test_a_missing_program_is_told_with_where_it_was_looked_for(examined: Any) -> None:
    text, data = examined("absent")
    assert not data["starts"]
    assert "absent could not be started: silik-test-no-such-program: No such file" in data["error"]
    assert "install silik-test-no-such-program" in data["hint"]
    assert "program      silik-test-no-such-program → (not found)" in text
    assert "is in none of the directories of PATH: /" in text
    assert list(data["phases"]) == ["find"]


def test_a_script_whose_interpreter_is_missing_is_told(
    examined: Any, kernels_dir: Path, tmp_path: Path
) -> None:
    script = tmp_path / "kernel"
    script.write_text("#!/opt/moved/venv/bin/python -u\n")
    script.chmod(0o700)
    write_spec(kernels_dir, "moved", {"argv": [str(script), "{connection_file}"]})
    text, data = examined("moved")
    assert not data["starts"]
    assert "interpreter  /opt/moved/venv/bin/python -u" in text
    assert f"✗ {script} wants /opt/moved/venv/bin/python, which does not exist" in text


def test_a_path_that_is_not_there_or_not_executable_is_told(
    examined: Any, kernels_dir: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    write_spec(kernels_dir, "gone", {"argv": [str(program), "{connection_file}"]})
    assert f"✗ {program} does not exist" in examined("gone")[0]
    program.write_text("")
    assert f"✗ {program} can not be executed" in examined("gone")[0]


def test_a_kernel_that_dies_at_once_is_told_with_its_last_words(examined: Any) -> None:
    text, data = examined("crashing")
    assert not data["starts"]
    assert text.startswith("crashing does not start: crashing died: exited with code 3 while it")
    assert data["stderr"] == ("crashing: no libfoo.so.3 on this machine",)
    assert text.count("no libfoo.so.3") == 1
    assert list(data["phases"]) == ["find", "spawn"]
    assert "first reply    ✗ failed after " in text


def test_a_kernel_that_never_answers_is_given_up_after_the_timeout(examined: Any) -> None:
    started = time.monotonic()
    text, data = examined("deaf --timeout 1")
    assert 0.9 < time.monotonic() - started < 3
    assert "deaf did not become ready within 1 s" in data["error"]
    assert data["stderr"] == ("I am here, but I do not listen",)
    assert 0.9 < data["waited"] < 2
    assert "first reply    ✗ failed after " in text


def test_a_slow_kernel_shows_where_its_time_goes(examined: Any) -> None:
    _, data = examined("slow")
    assert data["starts"]
    assert max(data["phases"], key=data["phases"].get) == "first reply"
    assert data["phases"]["first reply"] > 1.9


@pytest.mark.parametrize(
    ("does", "error", "stderr"),
    [
        (
            "sys.exit('no more')",
            "unready answered, and died when it ran an empty line: exited with code 1",
            "no more",
        ),
        ("time.sleep(100)", "unready answered, but did not run an empty line within 1 s", ""),
    ],
)
def test_a_kernel_that_answers_but_does_not_execute_is_told(
    does: str, error: str, stderr: str, examined: Any, kernels_dir: Path, tmp_path: Path
) -> None:
    program = tmp_path / "unready.py"
    program.write_text(
        f"import sys, time\nsys.path.insert(0, {str(HERE)!r})\nfrom bare import Bare\n"
        f"class Unready(Bare):\n    def execute(self, code, request): {does}\n"
        "Unready().serve()\n"
    )
    argv = [sys.executable, str(program), "{connection_file}"]
    write_spec(kernels_dir, "unready", {"argv": argv, "language": "none"})
    text, data = examined("unready --timeout 1")
    assert data["error"].startswith(error)
    assert "".join(data["stderr"]) == stderr
    assert "outputs up" in data["phases"]
    assert "first execute  ✗ failed after " in text


def test_a_kernelspec_that_hides_another_is_told(
    kernels_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory in (tmp_path / "kernels", kernels_dir):
        write_spec(directory, "twice", {"argv": ["nothing", "{connection_file}"]})
    monkeypatch.setenv("JUPYTER_PATH", f"{tmp_path}:{kernels_dir.parent}")
    with Silik() as silik:
        text = silik.command("doctor twice").text
    assert f"{tmp_path}/kernels  here it is" in text
    assert f"{kernels_dir}  one of that name, hidden" in text


def test_stopping_the_wait_leaves_no_kernel(silik: Silik) -> None:
    async def cut_off() -> None:
        task = asyncio.ensure_future(diagnose(silik.manager, "slow"))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    silik._portal.call(cut_off)
    assert silik.manager.kernels == {}
