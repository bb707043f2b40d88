"""Every test runs in Jupyter directories of its own, with the kernelspecs of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything of Jupyter is imported: it reads them once.
_HOME = Path(tempfile.mkdtemp(prefix="silik-"))
for _name in ("runtime", "ipython", "data", "config", "kernels", "cache"):
    (_HOME / _name).mkdir(mode=0o700)
os.environ.update(
    JUPYTER_RUNTIME_DIR=str(_HOME / "runtime"),
    IPYTHONDIR=str(_HOME / "ipython"),
    JUPYTER_DATA_DIR=str(_HOME / "data"),
    JUPYTER_CONFIG_DIR=str(_HOME / "config"),
    JUPYTER_PATH=str(_HOME / "kernels"),
    JUPYTER_PLATFORM_DIRS="1",
)

# jedi writes its cache in place: a kernel that is killed meanwhile leaves half a file, and from
# then on no Python kernel of the user completes anything. What others keep there is used.
_caches = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
_names = {one.name for one in _caches.iterdir()} - {"jedi", "parso"} if _caches.is_dir() else ()
for _name in _names:
    (_HOME / "cache" / _name).symlink_to(_caches / _name)
if "PYTEST_XDIST_WORKER" in os.environ and (_caches / "jedi").is_dir():
    shutil.copytree(_caches / "jedi", _HOME / "cache" / "jedi")  # filled for all, see below
os.environ["XDG_CACHE_HOME"] = str(_HOME / "cache")

from support.host import Host, host  # noqa: E402
from support.languages import why_absent, write_language_specs  # noqa: E402
from support.ports import QuietPorts  # noqa: E402

from silik_magics import Silik  # noqa: E402

settings.register_profile("busy", deadline=None)  # the machine may have other things to do
settings.load_profile("busy")
QuietPorts.instance()  # jupyter_client's own, from now on
(_HOME / "kernels" / "kernels").mkdir()
write_language_specs(_HOME / "kernels" / "kernels")


def pytest_configure(config: pytest.Config) -> None:
    """Fill jedi's cache, before there are others to use it.

    A kernel's first completion takes seconds without; a console gives it five.
    """
    if config.getoption("numprocesses", None):
        complete = "import jedi; jedi.Interpreter('na', [{'name': 1}]).complete()"
        subprocess.run([sys.executable, "-c", complete], check=True)


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("lang"):
            if reason := why_absent(mark.args[0]):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def runtime_dir() -> Path:
    """The Jupyter runtime directory, where connection files and logs are."""
    return _HOME / "runtime"


@pytest.fixture(scope="session")
def kernels_dir() -> Path:
    """A directory in which a test may write kernelspecs."""
    return _HOME / "kernels" / "kernels"


@pytest.fixture
def silik() -> Iterator[Silik]:
    """The Python door, closed after the test."""
    with Silik() as opened:
        yield opened


@pytest.fixture(scope="module")
def notebook() -> Iterator[Host]:
    """A Python kernel with the extension loaded; its sub-kernels are stopped with it."""
    with host() as opened:
        assert opened.run("%load_ext silik_magics").status == "ok"
        yield opened
