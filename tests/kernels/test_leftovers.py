"""`gc` removes what crashes have left, and nothing that lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from support.misbehaving import write_misbehaving_specs

from silik_magics import Silik
from silik_magics.kernels.leftovers import leftovers

OLD = 3600


def write(folder: Path, name: str, text: str = "", age: float = OLD) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time.time() - age,) * 2)
    return path


def info(**changes: Any) -> str:
    """The text of a connection file at whose ports nobody listens."""
    names = ("shell", "iopub", "stdin", "control", "hb")
    ports = {f"{name}_port": 1 + number for number, name in enumerate(names)}
    return json.dumps({"ip": "127.0.0.1", "transport": "tcp", "key": "x", **ports, **changes})


def found(folder: Path) -> set[str]:
    return {one.path.name for one in leftovers(folder)}


def test_files_of_a_kernel_that_is_gone_are_left_over(tmp_path: Path) -> None:
    write(tmp_path, "kernel-a.json", info())
    write(tmp_path, "silik-a.log", "its last words")
    write(tmp_path, "kernel-b.json", "{")
    write(tmp_path, "silik-c.log")
    assert found(tmp_path) == {"kernel-a.json", "silik-a.log", "kernel-b.json", "silik-c.log"}
    assert {one.what for one in leftovers(tmp_path)} == {"connection file", "log"}
    assert all(abs(one.age - OLD) < 60 for one in leftovers(tmp_path))


def test_what_may_still_be_used_stays(tmp_path: Path) -> None:
    write(tmp_path, "kernel-new.json", info(), age=10)
    write(tmp_path, "kernel-far.json", info(ip="192.0.2.1"))
    write(tmp_path, "jpserver-1.json", info())
    write(tmp_path, "notes.json", info())
    (tmp_path / "kernel-folder.json").mkdir()
    target = write(tmp_path, "target.txt")
    (tmp_path / "kernel-link.json").symlink_to(target)
    assert found(tmp_path) == set()


def test_what_a_process_names_stays(tmp_path: Path) -> None:
    write(tmp_path, "kernel-a.json", info())
    write(tmp_path, "silik-a.log")
    write(tmp_path, "kernel-b.json", info())
    command = [sys.executable, "-c", "input()", "-f", str(tmp_path / "kernel-a.json")]
    with subprocess.Popen([*command, "--x"], stdin=subprocess.PIPE) as process:
        assert found(tmp_path) == {"kernel-b.json"}
        process.kill()
    assert found(tmp_path) == {"kernel-a.json", "silik-a.log", "kernel-b.json"}


def test_no_directory_is_nothing_left_over(tmp_path: Path) -> None:
    assert leftovers(tmp_path / "absent") == []


def test_living_kernels_keep_their_files(runtime_dir: Path, kernels_dir: Path) -> None:
    write_misbehaving_specs(kernels_dir)
    stale = write(runtime_dir, f"kernel-{uuid.uuid4()}.json", info())
    with Silik() as silik:
        handles = [silik.start(spec) for spec in ("python3", "python3", "bare")]
        handles.append(silik.start("python3", "forked"))
        handles[0].kill()
        handles[1].signal("SIGSTOP")
        for path in runtime_dir.iterdir():
            os.utime(path, (time.time() - OLD,) * 2)
        living = {Path(handle.connection_file).name for handle in handles[1:]}
        shown = silik.command("gc --dry-run")
        assert stale.name in shown.text
        assert "1 h" in shown.text
        assert stale.exists()
        silik.command("gc")
        assert not stale.exists()
        left = {path.name for path in runtime_dir.iterdir()}
        assert living <= left
        assert Path(handles[0].connection_file).name not in left
        handles[1].signal("SIGCONT")
        assert [handle.run("42").status for handle in handles[1:]] == ["ok"] * 3


@pytest.mark.parametrize("arguments", [["gc"], ["gc", "--dry-run"]])
def test_the_command_line_has_it_too(arguments: list[str], tmp_path: Path) -> None:
    stale = write(tmp_path, "kernel-a.json", info())
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "silik_magics.batch.command_line", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1].split() == [
        "kernel-a.json",
        "connection",
        "file",
        "1",
        "h",
        "0",
        "min",
    ]
    assert stale.exists() == ("--dry-run" in arguments)
    if "--dry-run" not in arguments:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == "Nothing is left over.\n"
