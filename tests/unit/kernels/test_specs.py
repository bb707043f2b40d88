from __future__ import annotations

import json
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from silik_magics.errors import CommandError
from silik_magics.kernels.specs import Specs


@pytest.fixture
def specs(tmp_path: Path) -> Specs:
    for name, language in [("ir", "R"), ("python3", "python"), ("bash", "bash")]:
        add(tmp_path, name, language)
    return Specs(KernelSpecManager(kernel_dirs=[str(tmp_path)], ensure_native_kernel=False))


def add(directory: Path, name: str, language: str) -> None:
    (directory / name).mkdir()
    spec = {"argv": [name, "{connection_file}"], "display_name": name, "language": language}
    (directory / name / "kernel.json").write_text(json.dumps(spec))


def test_kernelspecs_are_sorted_by_name(specs: Specs) -> None:
    assert list(specs.all()) == ["bash", "ir", "python3"]


def test_a_kernelspec_has_its_facts(specs: Specs, tmp_path: Path) -> None:
    found = specs.get("ir")
    assert (found.name, found.language, found.display_name) == ("ir", "R", "ir")
    assert found.argv == ("ir", "{connection_file}")
    assert Path(found.resource_dir) == tmp_path / "ir"


def test_a_kernelspec_that_was_just_installed_is_found(specs: Specs, tmp_path: Path) -> None:
    assert "deno" not in specs.all()
    add(tmp_path, "deno", "typescript")
    assert specs.get("deno").language == "typescript"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pyhton3", "did you mean python3? there is bash, ir, python3; `kernels` shows more"),
        ("R", "for R, did you mean ir? there is bash, ir, python3; `kernels` shows more"),
        ("xyzzy", "there is bash, ir, python3; `kernels` shows more"),
    ],
)
def test_a_kernelspec_that_is_not_there_is_named_with_what_there_is(
    specs: Specs, name: str, hint: str
) -> None:
    with pytest.raises(CommandError) as caught:
        specs.get(name)
    assert caught.value.message == f"no kernelspec is called {name}"
    assert caught.value.hint.startswith(hint)


def test_where_none_is_installed_the_hint_says_so(tmp_path: Path) -> None:
    none = Specs(KernelSpecManager(kernel_dirs=[str(tmp_path)], ensure_native_kernel=False))
    with pytest.raises(CommandError) as caught:
        none.get("python3")
    assert caught.value.hint.startswith("none is installed")


ARGV = "its `argv` is no list of a program and its arguments"


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"argv": []}, ARGV),
        ({"argv": [""]}, ARGV),
        ({"argv": [1, 2]}, ARGV),
        ({"argv": ["python", None]}, ARGV),
        ({"argv": ["a\0b"]}, "its `argv` holds a NUL"),
        ({"argv": ["a"], "env": {"A": 1}}, "its `env` holds what is no environment variable"),
        ({"argv": ["a"], "env": {"A=B": "1"}}, "its `env` holds what is no environment variable"),
        ({"argv": ["a"], "env": {"A": "\0"}}, "its `env` holds what is no environment variable"),
        ({"argv": ["a"], "env": {"A": "1"}}, ""),
    ],
)
def test_what_can_not_be_started_is_known(
    specs: Specs, tmp_path: Path, told: dict[str, object], problem: str
) -> None:
    write(tmp_path, "odd", json.dumps({"display_name": "Odd", "language": "odd", **told}))
    assert specs.get("odd").problem == problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "argument after ** must be a mapping"),
        ('{"argv": 5}', "argv"),
        ('{"argv": ["a"], "env": 5}', "env"),
        ('{"argv": ["a"], "interrupt_mode": "politely"}', "interrupt_mode"),
        ('{"argv": ["a"], "language": {}}', "language"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_broken_kernelspec_spoils_no_other_and_is_named(
    specs: Specs, tmp_path: Path, text: str, why: str
) -> None:
    write(tmp_path, "odd", text)
    assert list(specs.all()) == ["bash", "ir", "python3"]
    with pytest.raises(CommandError, match="the kernelspec odd can not be used: ") as caught:
        specs.get("odd")
    assert why in caught.value.message
    assert caught.value.hint == f"mend {tmp_path}/odd/kernel.json."


def write(directory: Path, name: str, text: str) -> None:
    (directory / name).mkdir()
    (directory / name / "kernel.json").write_text(text)
