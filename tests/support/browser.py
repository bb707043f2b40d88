"""JupyterLab and Notebook as people use them: a real server, and a notebook in a real browser.

What is done to a page is what a user does: keys, clicks and drags.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
SIZE = {"width": 1100, "height": 1000}
SECONDS = 60  # until something is seen: the machine may be busy
MODULES = {"lab": "jupyterlab", "notebook": "notebook"}
# A workspace for each: a workspace opens again what was open in it.
PAGES = {"lab": "lab/workspaces/{stem}/tree/{name}", "notebook": "notebooks/{name}"}

ERROR = re.compile(r"^(\w+Error|KeyboardInterrupt|Kernel\w+|UnknownCommand|Missing\w+)\b", re.M)

# Finds the innermost element around a word.
COLOUR = """(code, word) => {
    const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    while (texts.nextNode() && !texts.currentNode.data.includes(word));
    return getComputedStyle(texts.currentNode.parentElement).color;
}"""


def why_no_browser(application: str) -> str:
    """Return why an application can not be tested here, or an empty string."""
    if not find_spec("playwright"):
        return "playwright is not installed (`pip install playwright`)"
    if not browser():
        return "no browser is installed (`apt-get install chromium`)"
    if not find_spec(MODULES[application]):
        return f"{MODULES[application]} is not installed (`pip install {MODULES[application]}`)"
    return ""


def browser() -> str | None:
    """Return the path of the system's browser."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@dataclass
class Server:
    """A Jupyter server whose files are in a folder of its own."""

    application: str
    process: subprocess.Popen[bytes]
    url: str
    token: str
    folder: Path

    def address(self, name: str) -> str:
        """Return the address of a notebook's page."""
        page = PAGES[self.application].format(name=name, stem=Path(name).stem)
        return f"{self.url}{page}?token={self.token}"

    def write(self, name: str, cells: list[str], spec: str) -> None:
        """Write a notebook with these code cells."""
        written = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": spec, "display_name": spec}},
        )
        nbformat.write(written, self.folder / name)

    def is_connected(self, name: str) -> bool:
        """Say whether the kernel of a notebook waits, and a front-end hears it."""
        request = Request(
            f"{self.url}api/sessions", headers={"Authorization": f"token {self.token}"}
        )
        with urlopen(request, timeout=SECONDS) as answer:
            sessions = json.load(answer)
        kernels = [one["kernel"] for one in sessions if one["path"] == name]
        return any(one["connections"] and one["execution_state"] == "idle" for one in kernels)


@contextmanager
def server(application: str, folder: Path, extensions: Path) -> Iterator[Server]:
    """Run `jupyter lab` or `jupyter notebook`, and end it with its kernels.

    Args:
        application: "lab" or "notebook".
        folder: for the notebooks and the server's own files.
        extensions: a directory of a Jupyter path, in which `labextensions` is.
    """
    runtime, token = folder / "runtime", secrets.token_hex(8)
    for name in ("runtime", "config", "notebooks"):
        (folder / name).mkdir()
    quiet = folder / "settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    settings = {"fetchNews": "false", "checkForUpdates": False}  # of the network
    (quiet / "notification.jupyterlab-settings").write_text(json.dumps(settings))
    command = [
        *(sys.executable, "-m", MODULES[application], "--no-browser", "--allow-root"),
        *("--ServerApp.port=0", "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}"),
        f"--ServerApp.root_dir={folder / 'notebooks'}",
    ]
    environment = os.environ | {
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_PATH": os.pathsep.join([str(extensions), os.environ["JUPYTER_PATH"]]),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
    }
    log = folder / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=written, stderr=written
        )
    try:
        described = runtime / f"jpserver-{process.pid}.json"
        until(lambda: _is_written(described, process), log.read_text, 2 * SECONDS)
        url = json.loads(described.read_text())["url"]
        yield Server(application, process, url, token, folder / "notebooks")
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        finally:
            process.kill()  # does nothing to one that has ended


def _is_written(described: Path, process: subprocess.Popen[bytes]) -> bool:
    """Say whether a server has described itself; else it must be alive."""
    assert process.poll() is None, "the server has ended"
    return described.exists() and described.read_text().rstrip().endswith("}")


class Cell:
    """A code cell of a page, wherever it is when it is looked at."""

    def __init__(self, notebook: Notebook, number: int) -> None:
        self._notebook = notebook
        self.there = notebook.page.locator(".jp-Notebook .jp-Cell").nth(number)

    @property
    def prompt(self) -> str:
        """What stands in the brackets: a number, `*` or nothing."""
        return self.there.locator(".jp-InputPrompt").inner_text().strip("[]: ")

    @property
    def text(self) -> str:
        """All that the cell shows below its code, as text."""
        return "\n".join(self.there.locator(".jp-OutputArea-output").all_inner_texts())

    def shown(self, mime: str) -> Locator:
        """Return the outputs of a MIME type."""
        return self.there.locator(f'.jp-OutputArea-output[data-mime-type="{mime}"]')

    @property
    def stdout(self) -> str:
        """What the cell shows of stdout."""
        return "".join(self.shown("application/vnd.jupyter.stdout").all_inner_texts())

    @property
    def stderr(self) -> str:
        """What the cell shows of stderr, and of errors, which a page shows alike."""
        return "".join(self.shown("application/vnd.jupyter.stderr").all_inner_texts())

    @property
    def error(self) -> str:
        """The error that the cell shows, or an empty string."""
        return self.stderr if ERROR.search(self.stderr) else ""

    def colour(self, word: str) -> str:
        """Return the colour of a word of the code."""
        return self.there.locator(".cm-content").evaluate(COLOUR, word)

    def until(self, seen: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Wait until something is seen; else tell what the cell shows."""
        return until(seen, lambda: f"[{self.prompt}] {self.text}", seconds)

    def end(self) -> Cell:
        """Wait until the cell is done."""
        self.until(lambda: self.prompt.isdecimal())
        return self


class Notebook:
    """A notebook that is open in a page.

    A test begins with one empty cell; each cell that is run leaves an empty one below.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(1000 * SECONDS)
        self.complaints: list[str] = []
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self._heard("error", error.stack or str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def open(self, server: Server, name: str) -> None:
        """Open a notebook and wait until its kernel can be asked."""
        self.page.goto(server.address(name))
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        until(lambda: server.is_connected(name))
        self.until_idle()

    def until_idle(self) -> None:
        """Wait until the front-end shows that the kernel waits."""
        indicator = self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        indicator.first.wait_for(state="attached")  # a narrow page hides it

    def clear(self) -> None:
        """Leave one empty cell."""
        self.page.keyboard.press("Escape")  # of what may be open above the cell
        self.last().there.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("d")
        self.page.keyboard.press("d")
        until(lambda: self.count() == 1 and not self.last().text, self.count)

    def count(self) -> int:
        """Return how many cells there are."""
        return self.page.locator(".jp-Notebook .jp-Cell").count()

    def cell(self, number: int) -> Cell:
        """Return a cell by its number, from 0."""
        return Cell(self, number)

    def last(self) -> Cell:
        """Return the last cell."""
        return self.cell(self.count() - 1)

    def type(self, code: str) -> Cell:
        """Write code into the last cell, the cursor behind it."""
        cell = self.last()
        cell.there.locator(".cm-content").click()
        self.page.keyboard.insert_text(code)
        return cell

    def begin(self, code: str) -> Cell:
        """Run code in the last cell, and do not wait for it."""
        cells, cell = self.count(), self.type(code)
        self.page.keyboard.press("Shift+Enter")
        until(lambda: self.count() > cells, self.count)
        return cell

    def run(self, code: str) -> Cell:
        """Run code in the last cell."""
        return self.begin(code).end()

    def ok(self, code: str) -> Cell:
        """Run code that raises nothing."""
        cell = self.run(code)
        assert not cell.error, cell.text
        return cell

    def fill(self, cells: list[str]) -> list[Cell]:
        """Write cells, and run none."""
        written = []
        for code in cells:
            if written:
                self.page.keyboard.press("Escape")
                self.page.keyboard.press("b")
                until(lambda: self.count() > len(written), self.count)
            written.append(self.type(code))
        return written

    def complete(self, code: str, wanted: str) -> list[str]:
        """Write code, press TAB until something is offered, take it, and return all that was.

        A front-end offers words of the cell at once, and gives up a kernel that is late.
        """
        self.type(code)
        offered = self.page.locator(".jp-Completer:visible .jp-Completer-match")

        def pressed() -> bool:
            self.page.keyboard.press("Tab")
            with suppress(TimeoutError):
                return until(lambda: wanted in offered.all_inner_texts(), seconds=2)
            if offered.count():
                self.page.keyboard.press("Escape")
            return False

        until(pressed, lambda: self.last().there.inner_text())
        found = offered.all_inner_texts()
        offered.get_by_text(wanted, exact=True).click()
        return found

    def tooltip(self, code: str) -> str:
        """Write code, press Shift-TAB, and return what it tells."""
        self.type(code)
        self.page.keyboard.press("Shift+Tab")
        told = self.page.locator(".jp-Tooltip-content")
        told.wait_for()
        return told.inner_text()

    def stop(self) -> None:
        """Press the stop button."""
        self.page.locator('[data-command="notebook:interrupt-kernel"]:visible').first.click()

    def choose(self, menu: str, item: str) -> None:
        """Choose an item of a menu."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=menu).first.click()
        label = self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True)
        label.click()

    def restart(self) -> None:
        """Choose Kernel, Restart Kernel, and say yes."""
        self.choose("Kernel", "Restart Kernel…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def drag(self, handle: Locator, right: float) -> None:
        """Take something with the mouse and move it to the right, by so many pixels."""
        box = handle.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right, y, steps=5)
        self.page.mouse.up()


def until(
    seen: Callable[[], Any], tell: Callable[[], object] = str, seconds: float = SECONDS
) -> Any:
    """Wait until something is seen, and return it; else `tell` tells what there is instead."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s; there is: {tell()}")
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Door:
    """A notebook with the magics, or on the kernel `silik`, and its own kernelspec."""

    notebook: Notebook
    spec: str


@dataclass(frozen=True)
class Way:
    """How code reaches the kernel k1.py from a notebook.

    Args:
        notebook: where it is typed.
        before: stands before the code.
    """

    notebook: Notebook
    before: str

    def ok(self, code: str) -> Cell:
        """Run code that raises nothing in k1.py."""
        return self.notebook.ok(self.before + code)

    def run(self, code: str) -> Cell:
        """Run code in k1.py."""
        return self.notebook.run(self.before + code)


NewNotebook = Callable[[str, list[str], str], Notebook]  # by its name, cells and kernelspec
Picture = Callable[[Notebook], None]
