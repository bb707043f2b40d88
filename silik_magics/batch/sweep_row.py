"""What is asked of a run of one point, what became of it, and how its notebook tells that itself.

A run that has ended writes its row into the notebook's metadata, and only then gives the notebook
its name. So the name alone says that the point was run, whoever was killed in that moment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# https://github.com/nteract/scrapbook writes `...scrap.ENCODER+json`, papermill before 1.0 records.
_SCRAP = "application/scrapbook.scrap."
_RECORD = "application/papermill.record+json"
_ENCODERS = ("json", "text")  # the others hold tables and images, which stand in the notebook

OK = "ok"
ERROR = "error"  # a cell raised, or the notebook could not be run
DIED = "died"  # the notebook's kernel, or the process that drove it, ended
TIMEOUT = "timeout"

METADATA = "silik_sweep"
ERROR_LENGTH = 300


@dataclass(frozen=True)
class Task:
    """A run to be done, in whichever process and on whichever machine.

    Args:
        sweep: the sweep that it belongs to.
        session: which start of that sweep asks for it; see :mod:`.sweep_session`.
        name: of the point.
        parameters: its values.
        notebook: the path of the notebook.
        folder: where the output goes.
        cwd: the working directory of the notebook's kernel.
        attempt: 1 for the first.
        timeout: seconds it may take.
    """

    sweep: str
    session: str
    name: str
    parameters: dict[str, Any]
    notebook: str
    folder: str
    cwd: str
    attempt: int = 1
    timeout: float | None = None

    @property
    def output(self) -> Path:
        """The path of the notebook when it has been run."""
        return Path(self.folder, f"{self.name}.ipynb")

    @property
    def part(self) -> Path:
        """Its path while it is being run, by this session; hidden, and cleared away."""
        return Path(self.folder, f".{self.name}.{self.session[:8]}.part.ipynb")

    def row(self, status: str, seconds: float = 0.0, error: str = "") -> Row:
        """Return the row that says how this ended."""
        error = " ".join(error.split())
        if len(error) > ERROR_LENGTH:
            error = error[: ERROR_LENGTH - 1] + "…"
        return Row(self.name, self.parameters, status, round(seconds, 3), error, self.attempt)


@dataclass(frozen=True)
class Row:
    """How a run of a point ended.

    Args:
        name: of the point.
        parameters: its values.
        status: `ok`, `error`, `died` or `timeout`.
        seconds: how long it took.
        error: what went wrong, on one line.
        attempt: 1 for the first run, 2 for the first retry.
        values: what the notebook recorded.
    """

    name: str
    parameters: dict[str, Any]
    status: str
    seconds: float = 0.0
    error: str = ""
    attempt: int = 1
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether the notebook ran to its end."""
        return self.status == OK


def recorded(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a notebook recorded in its outputs, the last of each name."""
    values: dict[str, Any] = {}
    for bundle in _bundles(notebook.get("cells", ())):
        for kind, payload in bundle.items():
            if not isinstance(payload, dict):
                continue
            if kind == _RECORD:
                values.update(payload)
            elif kind.startswith(_SCRAP) and "name" in payload and "data" in payload:
                encoder = kind.removeprefix(_SCRAP).removesuffix("+json")
                if encoder in _ENCODERS:
                    values[str(payload["name"])] = payload["data"]
    return values


def _bundles(cells: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for cell in cells:
        for output in cell.get("outputs", ()):
            yield output.get("data", {})


def commit(task: Task, row: Row) -> Row:
    """Give the notebook of a run that has ended its name, with the row in it.

    Returns:
        The row, with the values that the notebook recorded. Where the notebook was never written,
        or only half, there is none, and the row alone tells.
    """
    try:
        notebook = json.loads(task.part.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        task.part.unlink(missing_ok=True)
        return row
    row = Row(**{**asdict(row), "values": recorded(notebook)})
    notebook["metadata"].get("papermill", {})["output_path"] = str(task.output)
    notebook["metadata"][METADATA] = {"sweep": task.sweep, "row": asdict(row)}
    with task.part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    task.part.replace(task.output)
    return row


def committed(task: Task) -> Row | None:
    """Return the row of the output notebook, if it is that of this very attempt."""
    try:
        signature = json.loads(task.output.read_text(encoding="utf-8"))["metadata"][METADATA]
        row = Row(**signature["row"])
    except (OSError, ValueError, KeyError, TypeError):  # not there, or somebody else's
        return None
    expected = (task.sweep, task.name, task.attempt)
    return row if (signature.get("sweep"), row.name, row.attempt) == expected else None
