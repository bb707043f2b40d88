"""Nothing that a user, a kernel or a file says is ever run as Python of ours or by a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import silik_magics

ROOT = Path(silik_magics.__file__).parents[1]
SOURCES = sorted(
    [*ROOT.glob("silik_magics/**/*.py"), *ROOT.glob("kernel/silik_magics_kernel/**/*.py")]
)
CALLS = {"eval", "exec", "execfile", "__import__"}
METHODS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
METHODS |= {"asyncio.create_subprocess_shell", "pickle.load", "pickle.loads", "yaml.load"}
METHODS |= {"tempfile.mktemp"}


def found_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in CALLS:
            yield called.id
        if isinstance(called, ast.Attribute):
            name = f"{ast.unparse(called.value)}.{called.attr}"
            if name in METHODS:
                yield name
        if any(one.arg == "shell" and ast.unparse(one.value) == "True" for one in node.keywords):
            yield "shell=True"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_eval_and_no_shell(path: Path) -> None:
    assert list(found_in(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_what_is_looked_for_would_be_found() -> None:
    assert len(SOURCES) > 50
    source = "eval('1')\nos.system('x')\nsubprocess.run('x', shell=True)"
    assert list(found_in(ast.parse(source))) == ["eval", "os.system", "shell=True"]
