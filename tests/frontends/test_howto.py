"""Every example on the how-to pages is run, from the top of a page to its end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import ipykernel
import pytest
from support.host import Cell, Host, host
from support.pages import DOCS, Example, examples, languages, write_files

pytestmark = pytest.mark.timeout(300)  # one page makes an environment, and installs packages

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PAGES = [*sorted(DOCS.joinpath("howto").glob("*.md")), DOCS / "python.md", DOCS / "contributing.md"]


def marked(page: Path) -> object:
    marks = [pytest.mark.lang(language) for language in languages(page)]
    return pytest.param(page, id=page.stem, marks=marks)


class Reader:
    """Somebody who types what a page says, in a folder and Jupyter directories of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = str(Path(sys.executable).parent)
        self.env = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "JUPYTER_DATA_DIR": str(folder / "share"),
            "LC_ALL": "C.UTF-8",
        }
        self.notebook: Host | None = None

    def show(self, example: Example) -> str:
        """Run an example and return what it shows."""
        if example.kind == "command":
            return self._command(example)
        assert self.notebook is not None
        cell = self.notebook.run(example.code)
        assert example.back is not None or cell.status == "ok", (example.code, cell.errors)
        return shown_by(cell)

    def _command(self, example: Example) -> str:
        done = subprocess.run(
            ["bash", "-c", example.code],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        assert done.returncode == 0, (example.code, done.stdout)
        self._install_what_is_here()
        return ANSI.sub("", done.stdout)

    def _install_what_is_here(self) -> None:
        """Let a new environment find the packages of this one: no test needs the network."""
        for site in self.folder.glob("*/lib/python3*/site-packages"):
            here = {sysconfig.get_path("purelib"), str(Path(ipykernel.__path__[0]).parent)}
            (site / "here.pth").write_text("\n".join(sorted(here)))


def shown_by(cell: Cell) -> str:
    """Return what a cell shows, as text, without colours."""
    parts = []
    for message in cell.messages:
        content = message["content"]
        if message["msg_type"] == "stream":
            parts.append(content["text"])
        elif message["msg_type"] == "error":
            parts.append("\n".join(content["traceback"]) + "\n")
        elif "text/plain" in content.get("data", {}):
            parts.append(content["data"]["text/plain"] + "\n")
    return ANSI.sub("", "".join(parts))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    found = Reader(tmp_path)
    with host(cwd=str(tmp_path), env=found.env) as found.notebook:
        yield found


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if page.exists()])
def test_the_examples_of_a_page_are_true(page: Path, reader: Reader) -> None:
    write_files(page, reader.folder)
    for example in examples(page):
        shown = reader.show(example)
        assert example.fits(shown), f"{example.code}\n\nshows\n\n{shown}"
