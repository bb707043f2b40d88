"""Connection files and kernelspecs that are broken or were written to harm."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from silik_magics import Silik
from silik_magics.errors import CommandError, KernelDied, KernelTimeout, SilikError

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

SPEC = {"display_name": "Odd", "language": "odd"}


@pytest.fixture
def left(runtime_dir: Path) -> Callable[[], set[Path]]:
    """Gives the files that were left in the runtime directory since the test began."""
    before = set(runtime_dir.iterdir())
    return lambda: set(runtime_dir.iterdir()) - before


# Connection files


def test_an_attach_with_a_wrong_key_gives_up_in_time(
    silik: Silik, tmp_path: Path, left: Callable[[], set[Path]]
) -> None:
    kernel = silik.start("python3", "k1")
    info = json.loads(Path(kernel.connection_file).read_text())
    file = tmp_path / "kernel-wrong.json"
    file.write_text(json.dumps({**info, "key": "another"}))
    started, before = time.monotonic(), left()
    with pytest.raises(KernelTimeout, match="did not become ready within 1 s"):
        silik.command(f"start {file} -l other --timeout 1")
    assert time.monotonic() - started < 5
    assert str(silik.command("tree")) == "╰─ k1.py"
    assert kernel.run("6 * 7").text == "42"
    assert left() == before
    assert file.exists()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b""), "is no connection file: Expecting value"),
        (lambda path: path.write_bytes(os.urandom(500) + b"\xff"), "is no connection file"),
        (lambda path: path.write_text("[]"), "it is no JSON object"),
        (lambda path: path.write_text("[" * 10_000), "it is nested too deep"),
        (lambda path: path.write_text('{"ip": 5}'), "it lacks transport"),
        (lambda path: path.mkdir(), "no connection file is at"),
        (os.mkfifo, "it is no regular file"),
        (lambda path: path.symlink_to(path), "is no connection file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
        (lambda path: path.symlink_to("/nowhere"), "is no connection file"),
        (lambda path: _sparse(path), "it holds more than 1 MB"),
    ],
)
def test_what_is_no_connection_file_is_an_error_at_once(
    silik: Silik, tmp_path: Path, make: Callable[[Path], Any], why: str
) -> None:
    path = tmp_path / "odd.json"
    make(path)
    started = time.monotonic()
    with pytest.raises(CommandError, match=why):
        silik.command(f"start {path}")
    assert time.monotonic() - started < 2
    assert str(silik.command("tree")) == ""


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10_000_000_000)


@pytest.mark.parametrize("source", ["a\0b.json", "*.json", "x" * 5000 + ".json", "~nobody0/a.json"])
def test_a_path_of_anything_is_no_connection_file(silik: Silik, source: str) -> None:
    with pytest.raises(CommandError):
        silik.attach(source)


# Kernelspecs


def install(kernels_dir: Path, name: str, text: str | dict[str, Any]) -> Path:
    directory = kernels_dir / name
    directory.mkdir(exist_ok=True)
    file = directory / "kernel.json"
    file.unlink(missing_ok=True)
    file.write_text(text if isinstance(text, str) else json.dumps({**SPEC, **text}))
    return directory


@pytest.fixture
def odd(kernels_dir: Path) -> Any:
    """Installs the kernelspec `odd`, until the test is over."""
    yield lambda text: install(kernels_dir, "odd", text)
    for path in (kernels_dir / "odd").iterdir():
        path.unlink()
    (kernels_dir / "odd").rmdir()


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"argv": []}, "its `argv` is no list"),
        ({"argv": [1, 2]}, "its `argv` is no list"),
        ({"argv": "odd"}, "odd could not be started: odd: No such file"),
        ({"argv": ["/nowhere/program", "{connection_file}"]}, "No such file or directory"),
        ({"argv": ["/tmp", "{connection_file}"]}, "odd could not be started: /tmp: "),
        ({"argv": ["./", "{connection_file}"]}, "odd could not be started: ./: "),
        ({"argv": ["/etc/passwd"]}, "odd could not be started: /etc/passwd: "),
        ({"argv": ["a\0b"]}, "its `argv` holds a NUL"),
        ({"argv": ["true"], "env": {"A": 5}}, "its `env` holds"),
        ({"argv": ["true"], "env": {"A=B": "5"}}, "its `env` holds"),
        ({"argv": ["true"]}, "odd died: exited with code 0 while it was starting"),
        ({"argv": ["true", "x" * 1_000_000]}, "could not be started: true: Argument list too long"),
        ({"argv": ["true"], "interrupt_mode": "kindly"}, "the kernelspec odd can not be used"),
        ({"argv": ["true"], "env": []}, "the kernelspec odd can not be used"),
        ({"argv": ["true"], "metadata": 5}, "the kernelspec odd can not be used"),
        (
            {"argv": ["true"], "metadata": {"kernel_provisioner": 5}},
            "the kernelspec odd can not be used",
        ),
        (
            {"argv": ["true"], "metadata": {"kernel_provisioner": {"provisioner_name": "none"}}},
            "the kernelspec odd can not be used: its provisioner is not installed",
        ),
        ("", "the kernelspec odd can not be used"),
        ("[]", "the kernelspec odd can not be used"),
        ("{" * 100_000, "the kernelspec odd can not be used"),
    ],
)
def test_a_kernelspec_that_starts_nothing_is_one_error_and_spoils_no_other(
    silik: Silik, odd: Any, told: Any, error: str, left: Callable[[], set[Path]]
) -> None:
    odd(told)
    with pytest.raises(SilikError) as caught:
        silik.command("start odd -l odd --timeout 5")
    assert error in str(caught.value)
    assert isinstance(caught.value, CommandError | KernelDied)
    assert left() == set()
    assert "python3" in str(silik.command("kernels"))
    silik.command("doctor odd --timeout 5")
    assert silik.start("python3", "k1").run("6 * 7").text == "42"


def test_what_a_kernelspec_calls_itself_is_no_markup_and_moves_no_cursor(
    silik: Silik, odd: Any
) -> None:
    evil = "<script>alert(1)</script>\x1b[2J\u202e\n\x07"
    odd({"argv": ["true"], "display_name": evil, "language": evil})
    found: Any = silik.command("kernels")
    assert "<script" not in found.bundle()["text/html"]
    for text in found.bundle().values():
        assert not {"\x1b", "\u202e", "\x07"} & set(text)


# Where things are written


def test_connection_files_and_logs_are_for_the_user_alone(silik: Silik, runtime_dir: Path) -> None:
    kernel = silik.start("python3", "k1")
    assert stat.S_IMODE(Path(kernel.connection_file).stat().st_mode) == 0o600
    for log in runtime_dir.glob("silik-*.log"):
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime_dir.stat().st_mode) & 0o777 == 0o700


@pytest.mark.parametrize("label", ["../x", "a/b", "/tmp/x", "~/x", "..", "$(touch y)"])
def test_a_label_names_no_file(
    silik: Silik, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        silik.start("bare", label)
    except CommandError as error:
        assert "is no label" in error.message  # noqa: PT017 - the others are harmless
    silik.command("ps")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "start bare --env 'A=\0'",
        "start bare --env 'A=\ud800'",
        "start bare --env 'A\0=x'",
        "start bare --env =x",
        "start bare --env x",
        "start bare --cwd '\0'",
        "start bare --cwd '\ud800'",
        "start bare --cwd /dev/null",
        "start bare --cwd x/../../nowhere",
        "start bare --preload '\0'",
        "start bare -n 99999999999999999999999",
        "start bare -n 257",
        "start bare --timeout 1e999",
        "start '\0'",
        "start '\ud800'",
    ],
)
def test_an_option_of_any_text_is_an_error_that_starts_nothing(silik: Silik, line: str) -> None:
    with pytest.raises(CommandError) as caught:
        silik.command(line)
    caught.value.message.encode()
    assert "\0" not in caught.value.message
    assert str(silik.command("tree")) == ""


def test_a_value_of_an_environment_variable_is_not_told_when_it_is_no_text(silik: Silik) -> None:
    with pytest.raises(CommandError) as caught:
        silik.command("start bare --env 'TOKEN=secret\0'")
    assert "secret" not in str(caught.value.content())
