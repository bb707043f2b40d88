"""The papermill engine `silik`: `papermill --engine silik in.ipynb out.ipynb`.

papermill loads every engine at the end of its own import. So this module is loaded in the middle of
that, or begins it: what it needs of papermill is imported when a notebook is executed.
"""

from __future__ import annotations

from typing import Any

import nbformat


class SilikEngine:
    """Executes notebooks as papermill's own engine does, with these differences.

    The output is saved when something changed, at most every few seconds, instead of twice a cell,
    and always as a whole. When the run is cut off by Ctrl-C or SIGTERM it is saved at once. No
    kernel is left behind, whatever happens. A cell that was cut off, by a signal, a timeout or
    the death of its kernel, is marked as failed. The sub-kernels of the run are in the
    notebook's metadata, under `silik.kernels`. Questions are answered from a file.
    """

    @classmethod
    def execute_notebook(
        cls, nb: nbformat.NotebookNode, kernel_name: str, **options: Any
    ) -> nbformat.NotebookNode:
        """Execute a notebook.

        Args:
            nb: the notebook.
            kernel_name: its kernel.
            options: those of papermill's own engine; and `save_every`, the seconds until what a
                cell's beginning or end changed is saved, and `answers`, the path of a file whose
                lines answer `input()` and `getpass()` in order. Where papermill can not be given
                that, as on its command line, the environment variable SILIK_ANSWERS names it.

        Raises:
            DeadKernelError, CellTimeoutError: as papermill's own engine does. An error in a cell
                is raised by papermill itself.
            CommandError: the answers can not be read.
        """
        from silik_magics.batch.execution import execute

        return execute(nb, kernel_name, **options)

    @classmethod
    def nb_kernel_name(cls, nb: nbformat.NotebookNode, name: str | None = None) -> str:
        """Return the name of a notebook's kernel, or the one that is given."""
        from papermill.utils import nb_kernel_name

        return nb_kernel_name(nb, name)

    @classmethod
    def nb_language(cls, nb: nbformat.NotebookNode, language: str | None = None) -> str:
        """Return the language of a notebook, or the one that is given."""
        from papermill.utils import nb_language

        return nb_language(nb, language)


# Last, for this may begin papermill's import, which needs the engine.
from silik_magics.batch import translator  # noqa: E402

if hasattr(translator, "register"):  # else it has begun that import itself, and does it then
    translator.register()
