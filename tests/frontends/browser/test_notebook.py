"""Notebook 7 in a browser: both doors, one in connect mode."""

from __future__ import annotations

import pytest
from support.cells import Cells

APPLICATION = "notebook"
WAYS = ("silik", "magics-connected")  # the others are tested in JupyterLab

# The first test of a module starts a server, a browser and two kernels.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


class TestNotebook(Cells):
    """What cells do, in Notebook."""
