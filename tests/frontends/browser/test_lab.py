"""JupyterLab in a browser: both doors, one in connect mode."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.cells import Cells

APPLICATION = "lab"
WAYS = ("magics", "silik-connected")  # the others are tested in Notebook

# The first test of a module starts a server, a browser and two kernels.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


class TestLab(Cells):
    """What cells do, in JupyterLab."""


@pytest.mark.usefixtures("application")
def test_labs_own_list_shows_the_extension_and_whether_it_is_turned_off(
    extensions: Path, tmp_path: Path
) -> None:
    def labextension(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "jupyter", "labextension", *words],
            env=os.environ | {"JUPYTER_PATH": str(extensions), "JUPYTER_CONFIG_DIR": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)

    assert re.search(r"^\s*silik-magics v[\d.]+ enabled +OK", labextension("list"), re.MULTILINE)
    page = (Path(__file__).resolve().parents[3] / "docs" / "frontends.md").read_text()
    command = re.search(r"^jupyter labextension (.*)$", page, re.MULTILINE)
    labextension(*command[1].split())
    assert re.search(r"^\s*silik-magics v[\d.]+ disabled", labextension("list"), re.MULTILINE)
