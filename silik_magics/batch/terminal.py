"""Runs a notebook with papermill, and shows its outputs on the terminal as they come.

papermill itself hands on the streams alone, and what is displayed only to its log.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from silik_magics.batch import notebooks
from silik_magics.batch.client import Client
from silik_magics.batch.engine import SilikEngine
from silik_magics.batch.execution import execute
from silik_magics.display.outputs import plain
from silik_magics.errors import KernelDied, remote_error
from silik_magics.kernels.process import open_log

ENGINE = "silik-terminal"


class TerminalClient(Client):
    """Shows each output when it comes; an error is shown by whoever it is raised to.

    Args:
        kernel_log: the file for what the kernel itself writes, which is no output of a cell.
        arguments: of the client.
    """

    def __init__(self, *arguments: Any, kernel_log: Path, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._kernel_log = kernel_log

    async def async_start_new_kernel(self, **options: Any) -> None:
        """Start the notebook's kernel."""
        with open_log(self._kernel_log) as log:
            await super().async_start_new_kernel(stdout=log, stderr=log, **options)

    def log_output_message(self, output: nbformat.NotebookNode) -> None:
        """Show an output."""
        if output.output_type == "stream":
            file = sys.stderr if output.name == "stderr" else sys.stdout
            file.write("".join(output.text))
            file.flush()
        elif "data" in output and "scrapbook" not in output.get("metadata", {}):
            sys.stdout.write(plain(output.data) + "\n")
            sys.stdout.flush()


class TerminalEngine(SilikEngine):
    """The engine `silik`, with a client that shows the outputs."""

    @classmethod
    def execute_notebook(
        cls, nb: nbformat.NotebookNode, kernel_name: str, **options: Any
    ) -> nbformat.NotebookNode:
        """Execute a notebook."""
        client = partial(TerminalClient, kernel_log=options.pop("kernel_log"))
        return execute(nb, kernel_name, client=client, **options)


def run(path: Path, output: Path, parameters: Mapping[str, Any]) -> None:
    """Run a notebook, which was looked at before.

    Args:
        path: the notebook.
        output: where the executed notebook goes.
        parameters: what its parameters are to be.

    Raises:
        RemoteError: a cell failed; the error is that of its code.
        KernelDied: the notebook's kernel did.
        KeyboardInterrupt: it was interrupted by Ctrl-C.
    """
    papermill_engines.register(ENGINE, TerminalEngine)
    logging.getLogger(papermill.__name__).setLevel(logging.CRITICAL)  # all of it is raised too
    with tempfile.TemporaryDirectory(prefix="silik-run-") as folder:
        log = Path(folder, "kernel.log")
        try:
            notebooks.execute(
                path,
                output,
                parameters,
                engine_name=ENGINE,
                stdout_file=sys.stdout,  # else nothing is handed to the client's method
                kernel_log=log,
            )
        except PapermillExecutionError as error:
            raise remote_error(error.ename, error.evalue, list(error.traceback)) from None
        except DeadKernelError:
            hint = f"{output} shows what it was running."
            raise _died(f"the kernel of {path} died", log, hint) from None
        except RuntimeError as error:  # that is what nbclient raises for it
            if notebooks.has_begun(output):
                raise
            hint = "`silik doctor SPEC` tells why a kernel does not start."
            raise _died(f"the kernel of {path} did not start: {error}", log, hint) from None


def _died(message: str, log: Path, hint: str) -> KernelDied:
    lines = notebooks.last_words(log)
    if lines:
        message += "\nThe last lines of its stderr:\n" + "\n".join(f"    {line}" for line in lines)
    return KernelDied(message, hint)
