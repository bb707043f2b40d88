"""Every example of docs/sweeps.md is run, in order, in one folder."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.sweeps import write_notebook

PAGE = (Path(__file__).parents[3] / "docs" / "sweeps.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {"csv": "points.csv", "yaml": "points.yaml", "silik": "first.silik"}
PORT = "8786"


def blocks(language: str) -> list[str]:
    return [text.removesuffix("\n") for name, text in BLOCK.findall(PAGE) if name == language]


def exchanges() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the page, and what must come back."""
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *back = part.splitlines()
            yield command, back


@pytest.fixture
def background() -> Iterator[Callable[..., None]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(words: list[str], folder: Path) -> None:
        process = subprocess.Popen(
            words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)

    yield start
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.timeout(180)
def test_the_examples_of_the_page_are_true(tmp_path: Path, background: Callable[..., None]) -> None:
    parameters, *cells = blocks("python")
    write_notebook(tmp_path / "model.ipynb", *cells, parameters=parameters)
    for language, name in FILES.items():
        [text] = blocks(language)
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = str(sock.getsockname()[1])
    tools = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C"}
    for command, back in exchanges():
        words = shlex.split(command.replace(PORT, port))
        if words[-1] == "&":
            background([f"{tools}/{words[0]}", *words[1:-1]], tmp_path)
            _until_listening(int(port))
            continue
        done = subprocess.run(
            words, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", timeout=100
        )
        shown = re.sub(r"^.*\r|^[\w-]+: +\d+%\|.*$", "", done.stderr, flags=re.MULTILINE)
        told = [line for line in (*shown.splitlines(), *done.stdout.splitlines()) if line.strip()]
        for line in back:
            pattern = ".*".join(map(re.escape, line.split("...")))
            assert any(re.fullmatch(pattern, found.strip()) for found in told), (
                command,
                line,
                told,
            )
        if words[0] != "silik":
            assert done.stdout.splitlines() == back


def _until_listening(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)
