"""A pytest plugin for ipykernel's own tests: tells how each ended, and puts `silik` between.

Loaded in a pytest of its own, see `test_conformance_ipykernel.py`. These environment variables
are for it: `VERDICTS` is the file to write, `THROUGH_SILIK` says whether their kernels are reached
through the kernel `silik`. Told is too how many kernels were forked.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import manager
from jupyter_client.kernelspec import get_kernel_spec
from jupyter_core.paths import jupyter_data_dir

from silik_magics.kernels.forking.provisioner import ForkProvisioner

# How each test ended, by its id: `passed`, `failed`, or why it was skipped.
verdicts: dict[str, str] = {}
forked: list[str] = []
start_directly = manager.start_new_kernel
launch = ForkProvisioner.launch_kernel


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cov", help="one of their tests looks for it")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "flaky(max_runs): of a plugin that they use")
    ForkProvisioner.launch_kernel = launch_and_count  # type: ignore[method-assign]
    if os.environ.get("THROUGH_SILIK"):
        manager.start_new_kernel = start_through_silik


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        verdicts[report.nodeid] = str(report.longrepr[-1])  # type: ignore[index]
    elif report.failed:
        verdicts[report.nodeid] = "failed"
    elif report.when == "call":
        verdicts[report.nodeid] = "passed"


def pytest_sessionfinish() -> None:
    told = {"verdicts": verdicts, "forked": len(forked)}
    Path(os.environ["VERDICTS"]).write_text(json.dumps(told), encoding="utf-8")


async def launch_and_count(self: ForkProvisioner, cmd: list[str], **options: Any) -> Any:
    """Launch a kernel; take note of those that were forked."""
    info = await launch(self, cmd, **options)
    if not self.why_spawned:
        forked.append(self.kernel_id)
    return info


def start_through_silik(
    startup_timeout: float = 60,
    kernel_name: str = "python3",
    extra_arguments: list[str] | None = None,
    **options: Any,
) -> tuple[Any, Any]:
    """Start `silik` and connect it to a kernel; in the place of jupyter_client's function."""
    if extra_arguments:
        kernel_name = write_spec_with(kernel_name, extra_arguments)
    started, client = start_directly(startup_timeout, "silik", **options)
    for cell in (f"start {kernel_name} -l k1", "> k1"):
        reply = client.execute_interactive(cell, timeout=60, output_hook=lambda _: None)
        assert reply["content"]["status"] == "ok", reply["content"]
    return started, client


def write_spec_with(name: str, arguments: list[str]) -> str:
    """Write the kernelspec of a kernel that gets more arguments, and return its name."""
    spec = get_kernel_spec(name).to_dict()
    directory = Path(jupyter_data_dir(), "kernels", "with-arguments")
    directory.mkdir(parents=True, exist_ok=True)
    spec["argv"] += arguments
    (directory / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return directory.name
