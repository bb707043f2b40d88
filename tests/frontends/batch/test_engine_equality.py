"""papermill's own test notebooks come out of our engine as they come out of papermill's.

They are taken from papermill's source distribution when the tests run; no copy is kept here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support.runs import without_times

ENGINES = (None, "silik")
NOTEBOOKS = Path("papermill", "tests", "notebooks")
NAMES = (
    "binder.ipynb",
    "blank-vscode.ipynb",
    "broken.ipynb",
    "broken1.ipynb",
    "broken2.ipynb",
    "complex_parameters.ipynb",
    "gcs/gcs_in/gcs-simple_notebook.ipynb",
    "keyboard_interrupt.ipynb",
    "line_magic_error.ipynb",
    "nb_version_4.4.ipynb",
    "no_parameters.ipynb",
    "notimplemented_translator.ipynb",
    "read_check.ipynb",
    "report_mode_test.ipynb",
    "result_no_exec.ipynb",
    "s3/s3_in/s3-simple_notebook.ipynb",
    "simple_execute.ipynb",
    "sysexit.ipynb",
    "sysexit0.ipynb",
    "sysexit1.ipynb",
    "systemexit.ipynb",
    "test_autosave.ipynb",
    "test_logging.ipynb",
    "test_notebooknode_io.ipynb",
)
OPTIONS = {
    # It sleeps for a minute, to be interrupted.
    "keyboard_interrupt.ipynb": {"execution_timeout": 1, "interrupt_on_timeout": True},
}
RUN = """
import json, sys, papermill
path, out, engine, options = json.loads(sys.argv[1])
try:
    papermill.execute_notebook(
        path, out, engine_name=engine, kernel_name='python3', progress_bar=False, **options
    )
except papermill.PapermillExecutionError as error:
    sys.exit(f"{error.cell_index} {error.exec_count} {error.ename} {error}")
"""
# papermill's own engine does not hold the ports of its kernel: beside others it may lose one.
NOT_STARTED = ("Kernel died before replying", "Kernel didn't respond")
# What a second run of the same cell does not show again: times, addresses, temporary files.
_VARYING = (
    (re.compile(r"\r?Executing[^\r\n]*\r?\n?"), ""),  # papermill's progress bar, of a cell
    (re.compile(r"\b\d+(\.\d+)? ?(s|ms|us|µs|ns)\b"), "TIME"),
    (re.compile(r"0x[0-9a-f]{6,}|ipykernel_\d+(/\d+)?|kernel-[0-9a-f-]{36}"), "ADDRESS"),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """papermill's source distribution of the version that is installed."""
    folder = tmp_path_factory.mktemp("papermill")
    wanted = ["--no-deps", "--no-binary", ":all:", f"papermill=={version('papermill')}"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"papermill's source can not be downloaded: {done.stderr.strip()[-200:]}")
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def test_all_of_papermills_notebooks_are_compared(source: Path) -> None:
    found = (source / NOTEBOOKS).rglob("*.ipynb")
    assert sorted(str(path.relative_to(source / NOTEBOOKS)) for path in found) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_papermills_test_notebook_comes_out_the_same(
    source: Path, name: str, tmp_path: Path
) -> None:
    folders = {engine: tmp_path / str(engine) for engine in ENGINES}
    runs = {engine: _begin(source, name, folder, engine) for engine, folder in folders.items()}
    written = {engine: run.communicate()[1] for engine, run in runs.items()}
    if any(why in written[None] for why in NOT_STARTED):
        runs[None] = _begin(source, name, folders[None], None)
        written[None] = runs[None].communicate()[1]
    outcomes = {
        engine: _outcome(run.returncode, written[engine], folders[engine])
        for engine, run in runs.items()
    }
    assert outcomes["silik"] == outcomes[None]


def _begin(source: Path, name: str, folder: Path, engine: str | None) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    given = [str(NOTEBOOKS / name), str(folder / "out.ipynb"), engine, OPTIONS.get(name, {})]
    command = [sys.executable, "-W", "ignore", "-c", RUN, json.dumps(given)]
    return subprocess.Popen(command, cwd=source, stderr=subprocess.PIPE, text=True)


def _outcome(code: int, written: str, folder: Path) -> tuple[int, str, Any]:
    """Return exit code, error and notebook."""
    assert ("Exception encountered" in written) == bool(code), written
    error = written[written.rindex("Exception encountered") :] if code else ""
    notebook = json.loads((folder / "out.ipynb").read_text(encoding="utf-8"))
    notebook["metadata"]["papermill"].pop("output_path")
    return code, _steady(error), _steady(without_times(_joined(notebook)))


def _joined(notebook: dict[str, Any]) -> dict[str, Any]:
    """Join the parts of a stream: in how many it comes is a matter of time."""
    for cell in notebook["cells"]:
        joined: list[dict[str, Any]] = []
        for output in cell.get("outputs", ()):
            text = "".join(output.get("text", ()))
            if joined and "text" in output and joined[-1].get("name") == output["name"]:
                joined[-1]["text"] += text
            else:
                joined.append({**output, "text": text} if "text" in output else output)
        if "outputs" in cell:
            cell["outputs"] = joined
    return notebook


def _steady(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _steady(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_steady(item) for item in node]
    if isinstance(node, str):
        for pattern, instead in _VARYING:
            node = pattern.sub(instead, node)
    return node
