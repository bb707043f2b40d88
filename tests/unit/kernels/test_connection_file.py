from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from silik_magics.kernels.connection_file import read_connection_file

GOOD: dict[str, Any] = {
    "ip": "127.0.0.1",
    "transport": "tcp",
    "shell_port": 1,
    "iopub_port": 2,
    "stdin_port": 3,
    "control_port": 4,
    "hb_port": 5,
    "key": "of these tests",
    "signature_scheme": "hmac-sha256",
    "kernel_name": "python3",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kernel-1.json"


def test_the_fields_of_a_connection_file_are_read(file: Path) -> None:
    file.write_text(json.dumps(GOOD))
    assert read_connection_file(str(file)) == GOOD


def test_a_link_to_one_is_followed(file: Path) -> None:
    file.write_text(json.dumps(GOOD))
    link = file.with_name("link.json")
    link.symlink_to(file)
    assert read_connection_file(str(link)) == GOOD


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe\x00", "no UTF-8"),
        (b"\x7fELF\x00\x00", "Expecting value"),
        (b"[1, 2]", "no JSON object"),
        (b"5", "no JSON object"),
        (b"NaN", "no JSON object"),
        (b"{}", "lacks ip, transport, shell_port"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deep"),
        (b'{"ip": ' + b"9" * 5000 + b"}", "Exceeds the limit"),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}', "more than 1 MB"),
    ],
)
def test_what_is_no_connection_file_is_told_from_one(file: Path, text: bytes, why: str) -> None:
    file.write_bytes(text)
    with pytest.raises(ValueError, match=why):
        read_connection_file(str(file))


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("shell_port", "1", "its shell_port is no port"),
        ("shell_port", True, "its shell_port is no port"),
        ("iopub_port", 0, "its iopub_port is no port"),
        ("iopub_port", 10**30, "its iopub_port is no port"),
        ("stdin_port", -1, "its stdin_port is no port"),
        ("control_port", float("nan"), "its control_port is no port"),
        ("transport", "carrier pigeon", "neither tcp nor ipc"),
        ("transport", ["tcp"], "neither tcp nor ipc"),
        ("transport", "x" * 10_000, "neither tcp nor ipc"),
        ("ip", 5, "its ip is no text"),
        ("ip", "", "its ip is empty"),
        ("ip", "a\0b", "its ip is no text"),
        ("key", 5, "its key is no text"),
        ("key", "\ud800", "its key is no text"),
        ("signature_scheme", "hmac-nonsense", "signature_scheme 'hmac-nonsense' is not known"),
        ("signature_scheme", "sha256", "is not known"),
        ("kernel_name", {}, "its kernel_name is no text"),
        ("curve_publickey", "short", "its curve_publickey is no key"),
        ("curve_publickey", "x" * 40, "only one of"),
    ],
)
def test_a_field_that_is_odd_is_named(file: Path, field: str, value: Any, why: str) -> None:
    file.write_text(json.dumps({**GOOD, field: value}))
    with pytest.raises(ValueError, match=why):
        read_connection_file(str(file))


@pytest.mark.parametrize("field", ["ip", "transport", "shell_port", "control_port"])
def test_a_field_that_is_missing_is_named(file: Path, field: str) -> None:
    file.write_text(json.dumps({name: value for name, value in GOOD.items() if name != field}))
    with pytest.raises(ValueError, match=f"it lacks {field}"):
        read_connection_file(str(file))


def test_what_is_no_file_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(ValueError, match="no regular file"):
        read_connection_file(str(file))
    with pytest.raises(IsADirectoryError):
        read_connection_file(str(file.parent))
    with pytest.raises(ValueError, match="no regular file"):
        read_connection_file("/dev/zero")
