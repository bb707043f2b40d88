"""No key, token or password is in a log, an output, an error or a list of processes."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.host import Cell, Host, host, kernel_logs
from support.runs import papermill, write_notebook
from support.session import Session
from traitlets.config import Config

from silik_magics.kernels.manager import SilikKernelManager, runtime_dir
from silik_magics.shell import Shell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

TOKEN, PASSWORD = "token-3f1b9c-of-the-user", "password-77aa-of-the-user"
ASK = "import getpass; secret = getpass.getpass('Password: ')"
# Python runs it when it starts: in the host, in the kernel silik and in every sub-kernel.
SITE = """
import logging, os
logging.basicConfig(level=logging.DEBUG, filename=f"{here}/{{os.getpid()}}.log")
"""
COMMANDS = [
    f"start python3 -l k1 --env TOKEN={TOKEN}",
    "start bare -l b1",
    f"start crashing --env TOKEN={TOKEN}",
    f"start absent --env TOKEN={TOKEN}",
    "ps",
    "tree",
    "ls",
    "info k1 --json",
    "info k1",
    "history k1 -o",
    "run 'undefined' k1",
    "interrupt k1",
    "doctor python3",
    "start nowhere.json",
    "kill b1",
    "restart k1",
    "run hello b1",
    "nonsense",
]


def keys(directory: Path) -> set[str]:
    """Return the keys in the connection files there are."""
    infos: list[dict[str, Any]] = []
    for path in directory.glob("*.json"):
        infos.append(json.loads(path.read_text()))
    names = ("key", "curve_secretkey")
    return {info[name] for info in infos for name in names if info.get(name)}


def shown(cells: list[Cell]) -> str:
    return json.dumps([(x.messages, x.reply, x.questions) for x in cells], default=str)


def processes(opened: Host) -> str:
    return "\n".join(str(psutil.Process(pid).cmdline()) for pid in opened.pids())


@pytest.fixture(params=["magics", "silik"])
def told(request: pytest.FixtureRequest, tmp_path: Path, runtime_dir: Path) -> tuple[str, set[str]]:
    """All that was written anywhere by a busy user of a door, and the secrets there were."""
    said: list[Cell] = []
    secrets = {TOKEN, PASSWORD}
    (tmp_path / "sitecustomize.py").write_text(SITE.format(here=tmp_path))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with (tmp_path / "stderr.log").open("w") as stderr:
        magics = request.param == "magics"
        options: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": path}, "stderr": stderr}
        options |= {} if magics else {"extra_arguments": ["--debug"]}
        with host("python3" if magics else "silik", **options) as opened:
            prefix = "%silik " if magics else ""
            if magics:
                opened.ok("%load_ext silik_magics")
            for command in COMMANDS:
                said.append(opened.run(prefix + command))
                secrets |= keys(runtime_dir)
                if command == "info k1":
                    said.append(opened.run(f"%%silik k1\n{ASK}", answers=[PASSWORD]))
                    assert said[-1].status == "ok"
                    opened.ok(f"{prefix}> k1")
                    said.append(opened.run(ASK, answers=[PASSWORD]))
                    assert said[-1].status == "ok", said[-1].errors
                    said.append(opened.run(f"{prefix}/cmd"))
            assert [cell.status for cell in said].count("ok") > 10
            listed = processes(opened)
    logs = "".join(log.read_text(errors="replace") for log in tmp_path.glob("*.log"))
    assert logs.count("DEBUG:") > 20, "nothing was logged in detail"
    return "\n".join([logs, shown(said), listed, kernel_logs()]), secrets


def test_no_secret_is_written_anywhere(told: tuple[str, set[str]]) -> None:
    text, secrets = told
    assert len(secrets) > 4
    for secret in secrets:
        at = text.find(secret)
        assert at < 0, text[max(0, at - 500) : at + 100]


SECRETS = """\
import json, pathlib
from jupyter_core.paths import jupyter_runtime_dir
files = pathlib.Path(jupyter_runtime_dir()).glob("kernel-*.json")
keys = [json.loads(file.read_text())["key"] for file in files]
keys.append(get_ipython().kernel.session.key.decode())
pathlib.Path("keys.txt").write_text("\\n".join(keys))
"""


@pytest.mark.parametrize("engine", [[], ["--engine", "silik"]], ids=["its own", "silik"])
def test_no_secret_is_written_by_a_run_of_papermill(tmp_path: Path, engine: list[str]) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE.format(here=tmp_path))
    (tmp_path / "token.txt").write_text(TOKEN)
    (tmp_path / "answers.txt").write_text(f"{PASSWORD}\n" * 2 if engine else "")
    asks = [ASK, f"%%silik k1\n{ASK}"] if engine else []
    cells = [
        "%load_ext silik_magics\ntoken = open('token.txt').read()",
        "%silik start python3 -l k1 --env TOKEN={token}",
        "%%silik k1\nimport os; print(len(os.environ['TOKEN']))",
        SECRETS,
        *asks,
        "%%silik k1\nraise ValueError('the run fails here')",
    ]
    write_notebook(tmp_path / "in.ipynb", *cells)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path, "SILIK_ANSWERS": "answers.txt"}
    options = ["--log-level", "DEBUG", "--log-output", *engine]
    with papermill(tmp_path, "in.ipynb", "out.ipynb", *options, env=env) as begun:
        _, written = begun.end()
    logs = "".join(log.read_text(errors="replace") for log in tmp_path.glob("*.log"))
    out = (tmp_path / "out.ipynb").read_text()
    assert "the run fails here" in written
    assert f'"{len(TOKEN)}\\n"' in out
    assert logs.count("DEBUG:") > 20, "nothing was logged in detail"
    keys = (tmp_path / "keys.txt").read_text().split()
    assert len(keys) >= 2
    text = "\n".join([written, out, logs, kernel_logs()])
    for secret in [TOKEN, PASSWORD, *keys]:
        at = text.find(secret)
        assert at < 0, text[max(0, at - 500) : at + 100]


def test_sockets_of_ipc_are_for_the_user_alone_and_nothing_of_them_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, directory = Config(), Path(runtime_dir())
    config.KernelManager.transport = "ipc"
    before = set(directory.iterdir())

    def made() -> set[Path]:
        return set(directory.iterdir()) - before

    async def use() -> list[int]:
        async with Session(Shell(SilikKernelManager(config=config))) as session:
            await session.type("start python3 -l k1")
            assert await session.type("run 'print(6 * 7)' k1") == "42\n"
            return [path.stat().st_mode for path in made()]

    modes = asyncio.run(use())
    assert [mode & 0o022 for mode in modes] == [0] * len(modes)
    assert len([mode for mode in modes if stat.S_ISSOCK(mode)]) == 5
    assert made() == set()
    assert list(tmp_path.iterdir()) == []


def test_the_runtime_directory_is_made_for_the_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "new"))
    before = os.umask(0)
    try:
        made = Path(runtime_dir())
    finally:
        os.umask(before)
    assert made == tmp_path / "new"
    assert stat.S_IMODE(made.stat().st_mode) & 0o777 == 0o700
