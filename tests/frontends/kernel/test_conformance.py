"""jupyter_kernel_test passes whole: in command mode, and connected, as for python3 itself.

Its classes are named through their module, or pytest would collect them here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jupyter_kernel_test as suite
import pytest
from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    Tests = suite.KernelTests
else:
    Tests = object

# The suite leaves the sockets of a class to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class InSilik(Tests):
    """The samples are executed by the kernel `silik`, after these cells."""

    kernel_name = "silik"
    cells_before: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.km, cls.kc = start_new_kernel(kernel_name=cls.kernel_name)
        for cell in cls.cells_before:
            reply = cls.kc.execute_interactive(cell, timeout=30, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok", reply["content"]


class PythonSamples(Tests):
    """What Python answers, whoever passes it on."""

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('oops', file=sys.stderr)"
    completion_samples = [  # noqa: RUF012 - here and below: the suite's own declarations
        {"text": "zi", "matches": ["zip"]},
        {"text": "import itertoo", "matches": ["itertools"]},
    ]
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n"]  # noqa: RUF012
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2"]  # noqa: RUF012
    invalid_code_samples = ["import = 7q"]  # noqa: RUF012
    code_page_something = "zip?"
    code_generate_error = "raise ValueError('no')"
    code_execute_result = [  # noqa: RUF012
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    ]
    code_display_data = [  # noqa: RUF012
        {"code": f"from IPython.display import *; display({value})", "mime": mime}
        for value, mime in [("HTML('<b>b</b>')", "text/html"), ("Math('x')", "text/latex")]
    ]
    code_history_pattern = "1?2*"
    # No `range`: IPython answers with session 0 when it is asked for its session by number.
    supported_history_operations = ("tail", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"


class TestDirect(PythonSamples, suite.KernelTests):
    kernel_name = "python3"


class TestConnected(InSilik, PythonSamples, suite.KernelTests):
    cells_before = ("start python3 -l k1", "> k1.py")


class TestConnectedToForked(InSilik, PythonSamples, suite.KernelTests):
    cells_before = ("start python3 -l k1 --preload json", "> k1.py")  # the first would be spawned


class TestCommandMode(InSilik, suite.KernelTests):
    cells_before = ("start python3 -l k1\nmkdir models",)

    language_name = "silik"
    file_extension = ".silik"
    code_hello_world = "run \"print('hello, world')\" k1.py"
    code_stderr = "%%silik k1\nimport sys; print('oops', file=sys.stderr)"
    completion_samples = [  # noqa: RUF012
        {"text": "kern", "matches": ["kernels"]},
        {"text": "> k", "matches": ["k1.py"]},
        {"text": "tree\ncd mo", "matches": ["models/"]},
        {"text": "start python3 --if", "matches": ["--if-missing"]},
        {"text": "run 'x = 1\ny = 2' k", "matches": ["k1.py"]},
        {"text": "%%silik k1\nzi", "matches": ["zip"]},
    ]
    complete_code_samples = ["tree", "# note\nls\n", "run 'x = 1\nx' k1.py", "%%silik k1\nx\n"]  # noqa: RUF012
    incomplete_code_samples = ["run 'x = 1", 'run "if x:\n', "%%silik k1.py"]  # noqa: RUF012
    code_generate_error = "start no-such-kernel"
    code_execute_result = [  # noqa: RUF012
        {"code": "run 6*7 k1.py", "result": "42"},
        {"code": "run '\"é\" * 2' k1.py", "result": "'éé'"},
    ]
    code_display_data = [  # noqa: RUF012
        {"code": "tree", "mime": "text/plain"},
        {"code": "kernels", "mime": "text/html"},
        {"code": "ps", "mime": "text/html"},
    ]
    code_history_pattern = "run 6?7*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "start"
    code_clear_output = "%%silik k1\nfrom IPython.display import clear_output\nclear_output()"
    # A command has no pager: no sample of one, hence no test of one.
    test_pager = None  # type: ignore[assignment]


class TestWelcome(suite.IopubWelcomeTests):
    kernel_name = "silik"
    support_iopub_welcome = True
