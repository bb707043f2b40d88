"""How a host is configured, and what is left when it ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.host import Host, host
from support.kernel import words_of
from support.languages import write_spec
from support.misbehaving import write_misbehaving_specs
from traitlets.config import Config

from silik_magics import Silik

CONFIG = "c.SilikKernelManager.start_timeout = 0.5\n"


def gone(pids: list[int], seconds: float = 5) -> bool:
    """Say whether processes are gone, at the latest after so many seconds."""
    deadline = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_an_ipython_configuration_file_is_honoured(tmp_path: Path, kernels_dir: Path) -> None:
    argv = ["sleep", "100"]
    write_spec(kernels_dir, "dozing", {"argv": argv, "display_name": "Dozing", "language": "x"})
    config = tmp_path / "profile_default"
    config.mkdir()
    (config / "ipython_config.py").write_text(CONFIG)
    (config / "ipython_kernel_config.py").write_text(CONFIG)
    with host(env={**os.environ, "IPYTHONDIR": str(tmp_path)}) as opened:
        opened.ok("%load_ext silik_magics")
        cell = opened.run("%silik start dozing")
        assert [error["ename"] for error in cell.errors] == ["KernelTimeout"]
        assert "0.5 s" in cell.errors[0]["evalue"]
        assert opened.ok("%config SilikKernelManager.start_timeout").plain == ["0.5"]


def test_config_is_there_after_the_first_use() -> None:
    with host() as opened:
        opened.ok("%load_ext silik_magics\n%silik pwd")
        assert "SilikKernelManager" in opened.ok("%config").stream()
        assert "start_timeout" in opened.ok("%config SilikKernelManager").stream()
        opened.ok("%config SilikKernelManager.start_timeout = 30")
        assert opened.ok("%config SilikKernelManager.start_timeout").plain == ["30.0"]
        assert opened.ok("%silik start python3 -l k1").plain == ["╰─ k1.py"]


def test_a_configuration_given_in_python_is_honoured() -> None:
    config = Config()
    config.SilikKernelManager.start_timeout = 0.5
    with Silik(config) as silik:
        assert silik.manager.start_timeout == 0.5


def test_loading_the_extension_imports_nothing_that_is_not_needed() -> None:
    with host() as opened:
        opened.ok("import sys; before = set(sys.modules)")
        opened.ok("%load_ext silik_magics")
        new = opened.value("sorted(name for name in set(sys.modules) - before)")
        assert "click" not in new
        assert "silik_magics.kernels" not in new
        assert "silik_magics.commands" not in new


@pytest.fixture
def opened(runtime_dir: Path) -> Any:
    """A host with sub-kernels, their pids, and the files that were there before them."""
    before = set(runtime_dir.iterdir())
    with host() as started:
        started.ok("%load_ext silik_magics")
        started.ok("%silik start python3 -n 2 -l k")
        started.ok("%silik start bash -l b1")
        started.ok("%%silik k1.py\nimport subprocess; p = subprocess.Popen(['sleep', '100'])")
        files = set(runtime_dir.iterdir()) - before
        assert len([f for f in files if f.name.startswith("silik-")]) == 3
        yield started, started.pids(), before


def test_shutting_the_host_down_stops_its_kernels_and_removes_their_files(
    opened: tuple[Host, list[int], set[Path]], runtime_dir: Path
) -> None:
    started, pids, before = opened
    assert len(pids) >= 4
    began = time.monotonic()
    started.manager.shutdown_kernel()
    assert gone(pids)
    assert time.monotonic() - began < 8
    assert set(runtime_dir.iterdir()) <= before


def test_a_host_that_is_told_to_terminate_leaves_no_kernel_behind(
    opened: tuple[Host, list[int], set[Path]],
) -> None:
    started, pids, _ = opened
    kernels = [pid for pid in pids if "sleep" not in words_of(pid)]
    started.manager.signal_kernel(signal.SIGTERM)
    assert gone(kernels)


@pytest.mark.parametrize("ending", ["shut down", "unload"])
def test_a_kernel_that_ignores_all_signals_is_ended_with_the_host(
    ending: str, kernels_dir: Path, runtime_dir: Path
) -> None:
    write_misbehaving_specs(kernels_dir)
    before = set(runtime_dir.iterdir())
    with host() as started:
        started.ok("%load_ext silik_magics\n%silik start immortal -l one")
        pids = started.pids()
        assert len(pids) == 1
        began = time.monotonic()
        if ending == "unload":
            started.ok("%unload_ext silik_magics")
        else:
            started.manager.shutdown_kernel()
        assert gone(pids, 0.5)
        assert time.monotonic() - began < 4
    assert set(runtime_dir.iterdir()) <= before


def test_restarting_the_host_leaves_no_kernel_behind(
    opened: tuple[Host, list[int], set[Path]],
) -> None:
    started, pids, _ = opened
    started.manager.restart_kernel()
    started.client.wait_for_ready(timeout=30)
    assert gone(pids)
    started.ok("%load_ext silik_magics")
    assert started.ok("%silik ps").plain[0] == "No kernel is here."


def test_exit_stops_the_kernels_and_keeps_the_host() -> None:
    with host() as started:
        started.ok("%load_ext silik_magics\n%silik start python3 -l k1")
        pids = started.pids()
        started.ok("%silik exit")
        assert gone(pids)
        assert started.ok("%silik start python3 -l k1").plain == ["╰─ k1.py"]
