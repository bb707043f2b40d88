"""Ports of a kernel that starts are nobody else's."""

from __future__ import annotations

import json
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import papermill
import psutil
import pytest
from support.kernel import words_of
from support.languages import Language, each_language
from support.ports import is_free
from support.raw import in_thread, live, wait_until
from support.runs import read, write_notebook

from silik_magics import Silik

CHANNELS = ("shell", "control", "stdin", "iopub", "hb")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only run on Linux")


def until_ports_are_held(starting: Future[Any]) -> None:
    """Wait until nobody gets the ports of the kernel `slow`, which binds them after two seconds."""
    wait_until(lambda: bool(connection_files()))
    (file,) = connection_files()
    wait_until(lambda: file.read_text().strip().endswith("}"))
    info = json.loads(file.read_text())
    ports = [info[f"{channel}_port"] for channel in CHANNELS]
    wait_until(lambda: not any(is_free(info["ip"], port) for port in ports), 1)
    assert not starting.done()


def connection_files() -> list[Path]:
    """Return those of the kernels `slow` among our children."""
    commands = [words_of(child.pid) for child in psutil.Process().children(recursive=True)]
    return [Path(line[-1]) for line in commands if any("slow.py" in word for word in line)]


def test_nobody_gets_the_ports_of_a_kernel_that_starts(silik: Silik) -> None:
    starting = in_thread(silik.start, "slow")
    until_ports_are_held(starting)
    assert starting.result(10).run("hello").text == "hello"


def test_nobody_gets_the_ports_of_a_notebooks_kernel(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "in.ipynb", "hello", kernel="slow")
    out = tmp_path / "out.ipynb"
    running = in_thread(
        papermill.execute_notebook, path, out, engine_name="silik", progress_bar=False
    )
    until_ports_are_held(running)
    running.result(20)
    assert read(out).cells[0].outputs[0].text == "hello"


@each_language("python", "bash", "r", "deno")
def test_a_kernel_binds_the_ports_that_are_held_for_it(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec)
    assert live(handle).process.hold_ports
    assert handle.run(language.say).text == "hello"
    before = psutil.Process().num_fds()
    handle.restart()
    assert handle.run(language.say).text == "hello"
    assert psutil.Process().num_fds() - before < len(CHANNELS)  # they are held no longer


def test_a_kernel_that_wants_its_ports_for_itself_gets_them(silik: Silik) -> None:
    handle = silik.start("exclusive")
    assert not live(handle).process.hold_ports
    assert handle.run("hello").text == "hello"
