"""The extension for JupyterLab and Notebook: what the browser suite can not see of it."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from silik_magics import __version__

FOLDER = Path(__file__).resolve().parents[3] / "kernel" / "labextension"
INSTALLED = "share/jupyter/labextensions/silik-magics/"


def test_it_has_the_version_of_the_package_and_loads_a_file_that_is_there() -> None:
    described = json.loads((FOLDER / "package.json").read_text())
    assert described["version"] == __version__
    assert (FOLDER / described["jupyterlab"]["_build"]["load"]).is_file()


def test_it_says_which_package_it_is_uninstalled_with() -> None:
    assert json.loads((FOLDER / "install.json").read_text())["packageName"] == "silik-magics"


def test_an_installed_package_brings_every_file_of_it() -> None:
    files = {str(file) for file in importlib.metadata.files("silik-magics") or ()}
    brought = {file.partition(INSTALLED)[2] for file in files if INSTALLED in file}
    if not brought:
        pytest.skip("silik-magics was installed before it had the extension: install it again")
    assert brought == {
        str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*") if file.is_file()
    }
