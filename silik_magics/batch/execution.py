"""What the engine does with one notebook, from papermill's options to the notebook's last save."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import nbformat
from papermill.iorw import papermill_io
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

from silik_magics.batch import answers as scripted
from silik_magics.batch import subkernels
from silik_magics.batch.answers import Answers
from silik_magics.batch.client import Client
from silik_magics.batch.interruption import Run
from silik_magics.batch.saving import SAVE_SECONDS, Book
from silik_magics.errors import CommandError


def execute(
    nb: nbformat.NotebookNode,
    kernel_name: str,
    *,
    output_path: str | None = None,
    progress_bar: bool | dict[str, Any] = True,
    log_output: bool = False,
    autosave_cell_every: float = 30,
    save_every: float = SAVE_SECONDS,
    answers: str | os.PathLike[str] | None = None,
    client: Callable[..., Client] = Client,
    **options: Any,
) -> nbformat.NotebookNode:
    """Execute a notebook, and save it as it goes on; see :class:`SilikEngine`."""
    given = read_answers(answers or os.environ.get(scripted.VARIABLE))
    book = Book(
        nb,
        output_path,
        save_every=save_every,
        progress_bar=progress_bar,
        log_output=log_output,
        autosave_cell_every=autosave_cell_every,
    )
    run = Run()
    with run.signals():
        subkernels.forget(nb)
        book.notebook_start()
        try:
            run.run(client(book, given, **client_options(kernel_name, log_output, **options)).run)
        finally:
            book.cleanup_pbar()
            book.notebook_complete()
    return book.nb


def client_options(
    kernel_name: str,
    log_output: bool,
    *,
    stdout_file: Any = None,
    stderr_file: Any = None,
    start_timeout: int = 60,
    execution_timeout: int | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Return the options of nbclient's client, as papermill's own engine gives them to it."""
    others = remove_args(["input_path"], **others)
    return merge_kwargs(
        remove_args(["timeout", "startup_timeout"], **others),
        timeout=execution_timeout or others.get("timeout"),
        startup_timeout=start_timeout,
        kernel_name=kernel_name,
        log=logger,
        log_output=log_output,
        stdout_file=stdout_file,
        stderr_file=stderr_file,
    )


def read_answers(path: str | os.PathLike[str] | None) -> Answers | None:
    """Return the answers of a file, which may be at any of the places that papermill reads.

    Raises:
        CommandError: it can not be read.
    """
    if not path:
        return None
    source = os.fspath(path)
    try:
        return Answers.read(papermill_io.read(source, None), source)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        told = CommandError(
            f"the answers {source} can not be read: {reason}",
            f"`answers` and {scripted.VARIABLE} name a UTF-8 text file, with an answer a line.",
        )
        told.add_note(f"Hint: {told.hint}")  # papermill's command line shows Python's traceback
        raise told from None
