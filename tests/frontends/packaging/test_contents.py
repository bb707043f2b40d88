"""What is in the wheel and in the sdist, built from a copy with strays in it."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from support.wheels import FILES, FOLDERS, build, clean_copy

STRAYS = (
    "silik_magics/__pycache__/shell.cpython-311.pyc",
    "docs/build/index.html",
    "docs/notebooks/quickstart.ipynb",
    "notebooks/.ipynb_checkpoints/quickstart-checkpoint.ipynb",
    "notebooks/quickstart.out.ipynb",
    "notes.txt",
)
KERNELSPEC = "share/jupyter/kernels/silik"
LABEXTENSION = "share/jupyter/labextensions/silik-magics"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, in which somebody has worked."""
    made = clean_copy(tmp_path_factory.mktemp("contents") / "project")
    for stray in STRAYS:
        (made / stray).parent.mkdir(exist_ok=True, parents=True)
        (made / stray).touch()
    return made


@pytest.fixture(scope="module")
def built(project: Path) -> Path:
    """The folder with the sdist, and the wheel that was made from the sdist."""
    build(project, project.parent / "dist")
    return project.parent / "dist"


@pytest.fixture(scope="module")
def packed(built: Path) -> zipfile.ZipFile:
    """The wheel."""
    [found] = built.glob("*.whl")
    return zipfile.ZipFile(found)


@pytest.fixture(scope="module")
def metadata(packed: zipfile.ZipFile) -> Message:
    """What the wheel says of itself."""
    [name] = [name for name in packed.namelist() if name.endswith("/METADATA")]
    return message_from_string(packed.read(name).decode())


def below(project: Path, *folders: str) -> set[str]:
    """Return all files in these folders of the project but the strays."""
    found = {path for name in folders for path in (project / name).rglob("*") if path.is_file()}
    return {str(path.relative_to(project)) for path in found} - set(STRAYS)


def test_the_sdist_holds_the_project_and_no_stray(built: Path, project: Path) -> None:
    [found] = built.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == below(project, *FOLDERS) | {*FILES, "PKG-INFO"}
    assert {"docs/polyglot.png", "notebooks/quickstart.ipynb", ".ci/run"} < names


def test_the_wheel_holds_the_packages_the_kernelspec_and_the_labextension_alone(
    packed: zipfile.ZipFile, project: Path
) -> None:
    names = set(packed.namelist())
    about = {name for name in names if ".dist-info/" in name}
    data = {name for name in names if ".data/" in name}
    kernel = {name.removeprefix("kernel/") for name in below(project, "kernel/silik_magics_kernel")}
    assert names - about - data == below(project, "silik_magics") | kernel
    shared = {"kernel/kernelspec": KERNELSPEC, "kernel/labextension": LABEXTENSION}
    assert {name.partition(".data/data/")[2] for name in data} == {
        name.replace(folder, target)
        for folder, target in shared.items()
        for name in below(project, folder)
    }
    assert {name.partition(".dist-info/")[2] for name in about} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_wheel_tells_type_checkers_that_it_is_typed(
    packed: zipfile.ZipFile, metadata: Message
) -> None:
    assert "silik_magics/py.typed" in packed.namelist()
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])


def test_the_wheel_of_the_sdist_is_that_of_the_project(
    packed: zipfile.ZipFile, project: Path
) -> None:
    direct = project.parent / "direct"
    build(project, direct, "--wheel")
    [found] = direct.iterdir()
    with zipfile.ZipFile(found) as other:
        contents = {entry.filename: entry.CRC for entry in other.infolist()}
    assert {entry.filename: entry.CRC for entry in packed.infolist()} == contents


def test_each_python_that_is_named_is_tested(metadata: Message) -> None:
    named = {
        words[-1]
        for words in (value.split(" :: ") for value in metadata.get_all("Classifier") or [])
        if words[:2] == ["Programming Language", "Python"] and words[-1] != "3"
    }
    tested = {f"3.{path.stem[-2:]}" for path in Path(__file__).parent.glob("test_python_*.py")}
    assert named == tested
    assert metadata["Requires-Python"] == f">={min(tested)}"


def test_the_page_of_the_package_is_the_readme(metadata: Message, project: Path) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (project / "README.md").read_text(encoding="utf-8")


def test_an_extra_is_what_the_tests_run_with(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist") or []
    of_extra: dict[str, set[str]] = {}
    for line in required:
        package, _, extra = line.partition("; extra == ")
        of_extra.setdefault(extra.strip("'"), set()).add(package)
    for extra in set(of_extra) - {"", "test", "docs", "dev"}:
        assert of_extra[extra] <= of_extra["test"], extra


def test_every_extra_that_a_page_names_is_there(metadata: Message, project: Path) -> None:
    pages = [project / "README.md", *(project / "docs").rglob("*.md")]
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"install '(?:silik-magics|\.)\[(\w+)\]'", texts))
    assert named
    assert named <= set(metadata.get_all("Provides-Extra") or [])


def test_every_program_and_plugin_can_be_loaded(packed: zipfile.ZipFile) -> None:
    [name] = [name for name in packed.namelist() if name.endswith("/entry_points.txt")]
    points = ConfigParser(delimiters="=")
    points.read_string(packed.read(name).decode())
    assert set(points.sections()) == {
        "console_scripts",
        "jupyter_client.kernel_provisioners",
        "papermill.engine",
        "pygments.lexers",
    }
    wanted = [target for section in points.sections() for target in points[section].values()]
    code = "import pkgutil, sys; [pkgutil.resolve_name(name) for name in sys.argv[1:]]"
    subprocess.run([sys.executable, "-c", code, *wanted], check=True)
