"""Notebooks and papermill: what must be right before one is run, and how it is run.

papermill finds out in the middle of a run what is wrong, or only warns.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from silik_magics.errors import CommandError, did_you_mean
from silik_magics.kernels.death import last_lines

ENGINE = "silik"
TAG = "parameters"
START_TRIES = 3
_ON_TCP = "Kernel is running over TCP without encryption"  # ipykernel, where papermill starts it


def engine_name() -> str | None:
    """Return the engine that runs notebooks: ours, or papermill's own where it is not installed."""
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillException

    try:
        papermill_engines.get_engine(ENGINE)
    except PapermillException:
        return None
    return ENGINE


def _path_for_papermill(path: str | os.PathLike[str]) -> str:
    """Return a path as papermill takes it: it replaces `{name}` in paths by parameters."""
    return os.fspath(path).replace("{", "{{").replace("}", "}}")


def execute(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    parameters: Mapping[str, Any],
    **options: Any,
) -> None:
    """Run a notebook with papermill; again, when its kernel did not even begin with it.

    The ports of a kernel are chosen before it binds them. Where many kernels start at once, another
    one is faster now and then (https://github.com/nteract/papermill/issues/511).

    Raises:
        RuntimeError: the kernel did not start, in none of the tries.
        Exception: what papermill raises.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    for left in reversed(range(START_TRIES)):
        try:
            papermill.execute_notebook(
                _path_for_papermill(path),
                _path_for_papermill(output),
                dict(parameters),
                progress_bar=False,
                **options,
            )
        except DeadKernelError:
            raise
        except RuntimeError:
            if not left or has_begun(Path(output)):
                raise
        else:
            return


def has_begun(output: Path) -> bool:
    """Say whether papermill has begun with a cell of a notebook."""
    try:
        cells = json.loads(output.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return False
    return any(cell["metadata"].get("papermill", {}).get("start_time") for cell in cells)


def last_words(log: Path) -> tuple[str, ...]:
    """Return the last lines that a notebook's kernel wrote, without what every one writes."""
    return tuple(line for line in last_lines(log) if _ON_TCP not in line)


def check(path: Path, parameters: Iterable[str], *, kernel: bool = True) -> None:
    """Look at a notebook before it is run.

    Args:
        path: the notebook.
        parameters: the names of those that it is to be given.
        kernel: whether it is going to be run on this machine, so that its kernel must be here.

    Raises:
        CommandError: it is not there, is no notebook, has no such kernel or parameters.
    """
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it warns of what is refused here
    notebook = _loaded(path)
    name = notebook.metadata.kernelspec.get("name") if "kernelspec" in notebook.metadata else None
    if not name:
        raise CommandError(
            f"{path} does not say which kernel it is for",
            "open it with a notebook front-end, choose a kernel and save it.",
        )
    if kernel:
        _check_kernel(name)
    _check_parameters(path, notebook, list(parameters))


def _loaded(path: Path) -> Any:
    from nbformat import ValidationError
    from nbformat.reader import NotJSONError
    from papermill.iorw import load_notebook_node

    if not path.is_file():
        near = did_you_mean(path.stem, _notebooks_beside(path))
        hint = near or f"paths are relative to {Path.cwd()}"
        raise CommandError(f"there is no notebook at {path}", hint)
    try:
        return load_notebook_node(str(path))
    except (NotJSONError, ValidationError, UnicodeDecodeError, AttributeError, KeyError):
        raise CommandError(f"{path} is no notebook", "give a file of Jupyter's format.") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", "look at who may read it.") from None


def _notebooks_beside(path: Path) -> list[str]:
    try:
        return [file.stem for file in path.parent.glob("*.ipynb")]
    except OSError:
        return []


def _check_kernel(name: str) -> None:
    from silik_magics.kernels.manager import SilikKernelManager

    manager = SilikKernelManager()
    try:
        manager.specs.get(name)
    finally:
        manager.close()


def _check_parameters(path: Path, notebook: Any, given: list[str]) -> None:
    from papermill.utils import find_first_tagged_cell_index

    if not given:
        return
    index = find_first_tagged_cell_index(notebook, TAG)
    if index < 0:
        raise CommandError(
            f"{path} has no cell with the tag `{TAG}`, so it takes no parameter {given[0]}",
            f"tag the cell that gives the parameters their defaults: `{TAG}`.",
        )
    cell = notebook.cells[index]
    known = _parameters(path, notebook, cell)
    # papermill reads simple assignments only, and not those of every language.
    unknown = next(
        (name for name in given if not re.search(rf"\b{re.escape(name)}\b", cell.source)), None
    )
    if unknown is not None:
        there = f"there is {', '.join(known)}" if known else f"look into its cell `{TAG}`."
        raise CommandError(
            f"{path} has no parameter {unknown}", did_you_mean(unknown, known) or there
        )


def _parameters(path: Path, notebook: Any, cell: Any) -> list[str]:
    """Return the names that papermill finds in a cell of parameters; none where it can not read."""
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators
    from papermill.utils import nb_kernel_name, nb_language

    try:
        translator = papermill_translators.find_translator(
            nb_kernel_name(notebook), nb_language(notebook)
        )
        return [found.name for found in translator.inspect(cell)]
    except NotImplementedError:
        return []
    except (PapermillException, ValueError) as error:
        raise CommandError(
            f"{path} can not be given parameters: {error}", "run it without them."
        ) from None


def check_output(path: Path) -> None:
    """Look at where an executed notebook is to go, and write nothing.

    Raises:
        CommandError: it can not be written.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise CommandError(f"{path} is a folder", "name a file with `-o`.")
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}", "make it, or name another with `-o`.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise CommandError(f"{path} can not be written", "name another file with `-o`.")
