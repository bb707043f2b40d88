"""Kernels that are started ahead are there at once, are what others are, and are given out once."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.languages import Language, each_language, write_spec
from support.raw import live, wait_until

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.errors import CommandError, SilikError

# How each language says where it is, what a variable of the environment holds, and which names
# there are that begin with none of its own.
TOLD = {
    "bash": 'echo "$PWD|$SILIK_TEST"',
    "ir": 'cat(getwd(), "|", Sys.getenv("SILIK_TEST"), sep = "")',
    "deno": 'console.log(Deno.cwd() + "|" + Deno.env.get("SILIK_TEST"))',
    "python3": "import os; print(os.getcwd(), os.environ.get('SILIK_TEST'), sep='|')",
}
VALUE = "ä 'b\" $c\n`d`\\"


def ready(silik: Silik, count: int) -> list[int]:
    """Wait until so many kernels are ready, and return their pids."""

    def pids() -> list[int]:
        return [row["pid"] for row in silik.command("ps").data if row["state"] == "ahead"]

    wait_until(lambda: len(pids()) == count, 20)
    return pids()


def pid(handle: KernelHandle) -> int:
    found = live(handle).process.pid
    assert found is not None
    return found


def test_start_gives_out_what_is_ready_and_another_is_started(silik: Silik) -> None:
    silik.command("warm python3=2")
    pids = ready(silik, 2)
    began = time.monotonic()
    handles = [silik.start("python3", label) for label in ("k1", "k2")]
    print("both after", time.monotonic() - began)
    assert sorted(map(pid, handles)) == sorted(pids)
    assert not set(ready(silik, 2)) & set(pids)
    assert handles[0].run("6 * 7").text == "42"
    assert live(handles[0]).executions == 1
    assert [row["kernel"] for row in silik.command("ps").data] == ["k1.py", "k2.py", "-", "-"]


def test_many_at_once_get_one_each(silik: Silik) -> None:
    silik.command("warm python3=2")
    pids = ready(silik, 2)
    silik.command("start python3 -n 4 -l w")
    given = [pid(handle) for handle in silik]
    assert len(set(given)) == 4
    assert set(pids) <= set(given)


def test_a_kernel_that_was_started_ahead_is_as_new(silik: Silik) -> None:
    silik.command("warm python3=1")
    ready(silik, 1)
    code = (
        "print(sorted(n for n in globals() if n[0] != '_'), len(In), get_ipython().execution_count)"
    )
    mine = silik.start("python3", "k1", cwd="/usr", env={"SILIK_TEST": VALUE})
    silik.command("warm python3=0")
    theirs = silik.start("python3", "k2", cwd="/usr", env={"SILIK_TEST": VALUE})
    assert mine.run(code).text == theirs.run(code).text
    told = TOLD["python3"]
    assert mine.run(told).text == theirs.run(told).text == f"/usr|{VALUE}"
    mine.restart()
    assert mine.run(told).text == f"/usr|{VALUE}"


@each_language("bash", "r", "deno")
def test_it_works_for_every_language(silik: Silik, language: Language, tmp_path: Path) -> None:
    silik.command(f"warm {language.spec}=1")
    (there,) = ready(silik, 1)
    handle = silik.start(language.spec, "k1", cwd=str(tmp_path), env={"SILIK_TEST": VALUE})
    assert pid(handle) == there
    assert handle.run(TOLD[language.spec]).text == f"{tmp_path}|{VALUE}"


def test_what_is_read_at_the_start_of_a_program_is_not_changed_afterwards(silik: Silik) -> None:
    silik.command("warm python3=1")
    (there,) = ready(silik, 1)
    handle = silik.start("python3", "k1", env={"PYTHONPATH": "/nowhere"})
    assert pid(handle) != there
    assert handle.run("import sys; '/nowhere' in sys.path").text == "True"
    preloaded = silik.start("python3", "k2", preload=["colorsys"])
    assert preloaded.run("import sys; 'colorsys' in sys.modules").text == "True"
    assert ready(silik, 1) == [there]


def test_a_variable_that_is_gone_meanwhile_is_taken_away(
    silik: Silik, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SILIK_TEST", "old")
    silik.command("warm python3=1")
    ready(silik, 1)
    monkeypatch.delenv("SILIK_TEST")
    monkeypatch.chdir(tmp_path)
    assert silik.start("python3", "k1").run(TOLD["python3"]).text == f"{tmp_path}|None"


def test_a_directory_that_is_gone_in_the_meantime_is_an_error(silik: Silik) -> None:
    silik.command("warm python3=1")
    ready(silik, 1)
    with pytest.raises(CommandError, match="/nowhere is not a directory"):
        silik.start("python3", "k1", cwd="/nowhere")
    assert silik.tree == ""


def test_one_that_dies_is_replaced(silik: Silik) -> None:
    silik.command("warm python3=1")
    (there,) = ready(silik, 1)
    os.kill(there, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(there), 5)
    handle = silik.start("python3", "k1")
    assert handle.run("6 * 7").text == "42"
    assert ready(silik, 1) != [there]


def test_what_can_not_be_started_is_tried_once(
    silik: Silik, kernels_dir: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    argv = ["sh", "-c", f"echo started >> '{log}'; exit 3"]
    write_spec(kernels_dir, "broken", {"argv": argv, "display_name": "B", "language": "x"})
    silik.command("warm broken=2")
    time.sleep(2)
    [row] = silik.command("warm").data
    assert row == {"kernelspec": "broken", "wanted": 2, "ready": 0}
    assert log.read_text() == "started\n"
    with pytest.raises(SilikError):
        silik.start("broken")


def test_when_its_kernelspec_changes_it_is_ended(silik: Silik, kernels_dir: Path) -> None:
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Mine", "language": "python"}
    write_spec(kernels_dir, "mine", spec)
    try:
        silik.command("warm mine=1")
        (there,) = ready(silik, 1)
        write_spec(kernels_dir, "mine", {**spec, "env": {"SILIK_TEST": "new"}})
        handle = silik.start("mine", "k1")
        assert pid(handle) != there
        assert handle.run(TOLD["python3"]).text.endswith("|new")
        assert not psutil.pid_exists(there)
    finally:
        shutil.rmtree(kernels_dir / "mine")


def test_fewer_are_ended_and_nothing_is_left_at_the_end(runtime_dir: Path) -> None:
    before = set(runtime_dir.iterdir())
    with Silik() as silik:
        silik.command("warm python3=3")
        pids = ready(silik, 3)
        silik.command("warm python3=1")
        assert len([each for each in pids if psutil.pid_exists(each)]) == 1
        silik.command("warm python3=2")  # one is just starting when all ends
    assert [each for each in pids if psutil.pid_exists(each)] == []
    assert set(runtime_dir.iterdir()) == before


def test_those_of_the_setting_are_there_for_the_first_start(silik: Silik) -> None:
    silik.manager.warm = {"python3": 1}
    silik.command("pwd")
    (there,) = ready(silik, 1)
    assert pid(silik.start("python3", "k1")) == there


def test_exit_ends_them_too(silik: Silik) -> None:
    silik.command("warm python3=1")
    pids = ready(silik, 1)
    silik.command("exit")
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), 5)
    assert silik.command("warm").data == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("warm python3", "python3 does not say how many of what"),
        ("warm python3=x", "python3=x does not say how many"),
        ("warm python3=1000", "python3=1000 does not say how many"),
        ("warm pyhton3=1", "no kernelspec is called pyhton3"),
    ],
)
def test_bad_wishes_are_errors(silik: Silik, line: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        silik.command(line)
    assert silik.command("warm").data == []
