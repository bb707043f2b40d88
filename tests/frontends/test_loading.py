"""What `%load_ext silik_magics` costs a kernel that runs, and what the first command does."""

from __future__ import annotations

import ast
import sys

from support.host import host

BUDGET = 0.05  # seconds of the processor, so that a busy machine is no failure
MEASURED = """
import sys
import time

before, began = set(sys.modules), time.process_time()
{line}
spent = time.process_time() - began
spent, sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})
"""


def test_loading_is_quick_and_imports_no_other_package() -> None:
    with host() as fresh:
        shown = fresh.ok(MEASURED.format(line="%load_ext silik_magics")).plain[-1]
    spent, packages = ast.literal_eval(shown)
    assert spent < BUDGET
    assert set(packages) - sys.stdlib_module_names <= {"silik_magics", "IPython"}


def test_the_first_command_imports_nothing_of_batch_runs() -> None:
    with host() as fresh:
        fresh.ok("%load_ext silik_magics")
        shown = fresh.ok(MEASURED.format(line="_tree = %silik tree")).plain[-1]
    _, packages = ast.literal_eval(shown)
    assert not {"papermill", "nbclient", "nbformat", "distributed", "tqdm"} & set(packages)
