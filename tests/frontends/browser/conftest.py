"""A server and a browser for the tests of a module, and notebooks that are open in it.

A module says in APPLICATION whether it is JupyterLab or Notebook, and in WAYS how code reaches a
sub-kernel. The browser is closed with the module: while it is open, this thread has a running
event loop.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("support.browser", "support.cells")

from support.browser import (  # noqa: E402
    FLAGS,
    SIZE,
    Door,
    NewNotebook,
    Notebook,
    Picture,
    Server,
    Way,
    browser,
    server,
    why_no_browser,
)

ROOT = Path(__file__).resolve().parents[3]
PREPARATION = {
    "python3": "%load_ext silik_magics\n%silik start python3 -l k1 --if-missing",
    "silik": "start python3 -l k1 --if-missing",
}
WAYS = {
    "magics": ("python3", "%%silik k1.py\n", ""),
    "magics-connected": ("python3", "", "%silik > k1.py"),
    "silik": ("silik", "%%silik k1.py\n", ""),
    "silik-connected": ("silik", "", "> k1.py"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "way" in metafunc.fixturenames:
        metafunc.parametrize("way", metafunc.module.WAYS, indirect=True)
    if "door" in metafunc.fixturenames:
        metafunc.parametrize("door", list(PREPARATION), indirect=True)


@pytest.fixture(scope="module")
def application(request: pytest.FixtureRequest) -> str:
    """JupyterLab or Notebook; the test is skipped where it, or a browser, is missing."""
    name: str = request.module.APPLICATION
    if reason := why_no_browser(name):
        pytest.skip(reason)
    return name


@pytest.fixture(scope="module")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for a Jupyter path, with the extension of this checkout."""
    path = tmp_path_factory.mktemp("path")
    (path / "labextensions").mkdir()
    (path / "labextensions" / "silik-magics").symlink_to(ROOT / "kernel" / "labextension")
    return path


@pytest.fixture(scope="module")
def jupyter(
    application: str, extensions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with this extension."""
    with server(application, tmp_path_factory.mktemp(application), extensions) as running:
        yield running


@pytest.fixture(scope="module")
def new_notebook(jupyter: Server) -> Iterator[NewNotebook]:
    """Opens a notebook by its name, its cells and its kernelspec."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=list(FLAGS))

        def opened(name: str, cells: list[str], spec: str) -> Notebook:
            page = chromium.new_page(viewport=SIZE)  # type: ignore[arg-type]
            notebook = Notebook(page)
            jupyter.write(name, cells, spec)
            notebook.open(jupyter, name)
            return notebook

        yield opened
        chromium.close()


@pytest.fixture(scope="module")
def open_notebook(
    new_notebook: NewNotebook,
) -> Callable[[str], Notebook]:
    """Returns the module's notebook of a kernelspec."""
    opened: dict[str, Notebook] = {}

    def found(spec: str) -> Notebook:
        if spec not in opened:
            opened[spec] = new_notebook(f"{spec}.ipynb", [""], spec)
        return opened[spec]

    return found


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Picture:
    """Takes a picture of a page, into the folder that SILIK_SCREENSHOTS names."""
    folder = Path(os.environ.get("SILIK_SCREENSHOTS", tmp_path))
    name = re.sub(r"\W+", "-", f"{request.module.APPLICATION}-{request.node.name}").strip("-")

    def take(notebook: Notebook) -> None:
        notebook.page.screenshot(path=folder / f"{name}.png")

    return take


@pytest.fixture
def door(
    request: pytest.FixtureRequest,
    open_notebook: Callable[[str], Notebook],
    picture: Picture,
) -> Iterator[Door]:
    """A notebook on one of the two kernelspecs, with one empty cell and a kernel k1.py."""
    notebook = open_notebook(request.param)
    notebook.clear()
    notebook.ok(PREPARATION[request.param])
    notebook.clear()
    yield Door(notebook, request.param)
    picture(notebook)


@pytest.fixture
def way(
    request: pytest.FixtureRequest,
    open_notebook: Callable[[str], Notebook],
    picture: Picture,
) -> Iterator[Way]:
    """One of the ways to k1.py; connected, where that is the way."""
    spec, before, connect = WAYS[request.param]
    notebook = open_notebook(spec)
    notebook.clear()
    notebook.ok(PREPARATION[spec])
    if connect:
        notebook.ok(connect)
    notebook.clear()
    yield Way(notebook, before)
    picture(notebook)
    if connect:
        notebook.clear()
        notebook.ok("/cmd")
