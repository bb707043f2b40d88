"""The distributions as they are built, and the Pythons on which the wheel is installed."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
import psutil
import pytest

from silik_magics import __version__

ROOT = Path(__file__).resolve().parents[2]
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore")
FOLDERS = ("silik_magics", "kernel", "tests", "notebooks", "docs", ".ci")
# What decides which Python, which Jupyter directories and which virtual environment are used.
OURS = ("PYTHON", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "PYENV_VERSION", "SILIK")


def clean_copy(target: Path) -> Path:
    """Copy what belongs to the project, and nothing that was made by using it."""
    target.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, target)
    made = shutil.ignore_patterns(
        "__pycache__", ".ipynb_checkpoints", "*.out.ipynb", "_build", "notebooks"
    )
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=made)
    return target


def build(project: Path, target: Path, *options: str) -> None:
    """Build distributions of a project with the backend that is installed."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", target, *options]
    done = subprocess.run(
        [*command, project], cwd=target.parent, env=clean_environment(), capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def clean_environment(home: Path | None = None) -> dict[str, str]:
    """Return this process's environment without what points to the tests' own installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    if home is None:
        return kept
    places = ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    for name in places:
        kept[name] = str(home / name.lower())
    return kept


def python_of(version: str) -> str | None:
    """Return a Python of this version that works: of PATH, or else of pyenv."""
    found = [shutil.which(f"python{version}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    found += sorted(map(str, pyenv.glob(f"{version}*/bin/python{version}")), reverse=True)
    return next((one for one in found if one and _works(one)), None)


def _works(python: str) -> bool:
    done = subprocess.run([python, "-c", "import venv"], capture_output=True, check=False)
    return done.returncode == 0


@dataclass(frozen=True)
class Installed:
    """A virtual environment that has the wheel and what it requires, and nothing else."""

    home: Path

    @property
    def tools(self) -> Path:
        return self.home / "venv" / "bin"

    @property
    def python(self) -> Path:
        return self.tools / "python"

    def run(self, *words: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, in an empty folder."""
        program = shutil.which(words[0], path=str(self.tools))
        assert program, f"{words[0]} was not installed"
        env = clean_environment(self.home)
        env["PATH"] = os.pathsep.join([str(self.tools), env["PATH"]])
        folder = self.home / "work"
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [program, *words[1:]],
            cwd=folder,
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
        )

    def ok(self, *words: str | Path, timeout: float = 60) -> str:
        """Run a program that must succeed, and return what it writes to stdout."""
        done = self.run(*words, timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pip(self, *words: str) -> str:
        """Run the tests' own pip on the environment, which has none: that takes time."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *words]
        env = {**clean_environment(), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@cache
def wheel() -> Path:
    """Return the wheel, built once for each process of the tests."""
    directory = Path(tempfile.mkdtemp(prefix="silik-wheel-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    build(clean_copy(directory / "project"), directory / "dist", "--wheel")
    [found] = (directory / "dist").iterdir()
    return found


def install(version: str, home: Path) -> Installed:
    """Install the wheel on a Python of this version; skip the test where there is none."""
    python = python_of(version)
    if python is None:
        pytest.skip(f"no Python {version} is installed (neither on PATH nor by pyenv)")
    made = Installed(home)
    command = [python, "-m", "venv", "--without-pip", home / "venv"]
    subprocess.run(command, check=True, env=clean_environment())
    # What is never imported need not be compiled.
    made.pip("install", "--quiet", "--no-compile", "--only-binary=:all:", str(wheel()))
    return made


class Fresh:
    """What must work where nothing but the wheel was installed."""

    version: str

    @pytest.fixture(scope="class")
    @classmethod
    def installed(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
        made = install(cls.version, tmp_path_factory.mktemp("fresh"))
        yield made
        shutil.rmtree(made.home, ignore_errors=True)  # it is large, and pytest would keep it

    def test_it_is_that_python_and_that_wheel(self, installed: Installed) -> None:
        code = "import sys, silik_magics as s; print(sys.version, s.__version__, s.__file__)"
        said = installed.ok("python", "-c", code)
        assert said.startswith(f"{self.version}.")
        assert __version__ in said
        assert str(installed.home) in said

    def test_what_is_required_fits_together(self, installed: Installed) -> None:
        assert "No broken requirements found" in installed.pip("check")

    def test_the_quickstart_runs(self, installed: Installed) -> None:
        notebook = ROOT / "notebooks" / "quickstart.ipynb"
        installed.ok("papermill", notebook, "out.ipynb", "--no-progress-bar", timeout=100)
        done = nbformat.read(installed.home / "work" / "out.ipynb", as_version=4)
        code = [cell for cell in done.cells if cell.cell_type == "code"]
        assert {cell.metadata.papermill.status for cell in code} == {"completed"}
        outputs = [output for cell in code for output in cell.outputs]
        assert [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"] == []
        assert any("image/svg+xml" in output.get("data", {}) for output in outputs)

    def test_the_command_line_says_its_version(self, installed: Installed) -> None:
        assert installed.ok("silik", "--version").split()[-1] == __version__

    @pytest.mark.parametrize("spec", ["python3", "silik"])
    def test_kernels_start(self, installed: Installed, spec: str) -> None:
        assert f"{spec} starts: ready after" in installed.ok("silik", "doctor", spec)

    def test_jupyter_knows_the_kernel(self, installed: Installed) -> None:
        listed = installed.ok("jupyter", "kernelspec", "list").split()
        where = Path(listed[listed.index("silik") + 1])
        assert where.is_relative_to(installed.home)
        assert {path.name for path in where.iterdir()} == {
            "kernel.json",
            "logo-32x32.png",
            "logo-64x64.png",
            "logo-svg.svg",
        }

    def test_what_needs_an_extra_says_how_to_install_it(self, installed: Installed) -> None:
        notebook = ROOT / "notebooks" / "pipeline.ipynb"
        options = ["-p", "seed=1", "--scheduler", "tcp://127.0.0.1:1"]
        done = installed.run("silik", "sweep", notebook, *options)
        assert done.returncode == 2, done
        assert "MissingDependency: distributed is not installed" in done.stderr
        assert "pip install 'silik-magics[distributed]'" in done.stderr

    def test_nothing_is_left_running(self, installed: Installed) -> None:
        def left() -> list[psutil.Process]:
            return [one for one in psutil.process_iter(["cmdline"]) if is_ours(one)]

        def is_ours(one: psutil.Process) -> bool:
            return str(installed.home) in " ".join(one.info["cmdline"] or ())

        psutil.wait_procs(left(), timeout=5)
        assert [one.info["cmdline"] for one in left()] == []
