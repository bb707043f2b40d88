from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import silik_magics

HEAVY = ("zmq", "jupyter_client", "IPython", "ipykernel", "click", "traitlets", "asyncio", "psutil")


@pytest.mark.parametrize("name", silik_magics.__all__)
def test_every_public_name_is_there(name: str) -> None:
    found = getattr(silik_magics, name)
    assert isinstance(found, str) or found.__module__.startswith("silik_magics")


def test_the_list_of_public_names_is_sorted_and_all_that_dir_shows() -> None:
    assert sorted(silik_magics.__all__) == silik_magics.__all__
    assert dir(silik_magics) == silik_magics.__all__


def test_every_name_that_is_loaded_late_is_public() -> None:
    assert set(silik_magics._HOMES) <= set(silik_magics.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Slik'"):
        silik_magics.Slik  # noqa: B018 - it is the access that is tested


def test_the_version_is_that_of_the_distribution() -> None:
    assert silik_magics.__version__ == version("silik-magics")


def modules_after(statement: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has imported."""
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    found = modules_after("import silik_magics") - modules_after("pass")
    assert not found & set(HEAVY)
    assert {name for name in found if name.startswith("silik_magics")} == {
        "silik_magics",
        "silik_magics._version",
    }


def test_the_errors_can_be_imported_without_the_rest() -> None:
    found = modules_after("from silik_magics import CommandError") - modules_after("pass")
    assert not found & set(HEAVY)


def test_the_command_table_needs_no_front_end() -> None:
    found = modules_after("import silik_magics.commands.declared")
    assert not found & {"IPython", "ipykernel", "papermill", "nbclient", "nbformat"}
