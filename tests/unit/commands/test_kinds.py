from __future__ import annotations

import math
import signal
from pathlib import Path

import click
import pytest

from silik_magics.commands.context import State
from silik_magics.commands.kinds import (
    FILE,
    FOLDER,
    PATH,
    SECONDS,
    SIGNAL,
    SPEC,
    VARIABLE,
    Kind,
    files,
)


def offered(kind: Kind, state: State, incomplete: str = "") -> list[str]:
    found = kind.candidates(state, incomplete)
    values = [x if isinstance(x, str) else x.value for x in found]
    return [value for value in values if value.startswith(incomplete)]


@pytest.mark.parametrize("written", ["SIGTERM", "sigterm", "TERM", "term", "15"])
def test_a_signal_is_a_name_or_a_number(written: str) -> None:
    assert SIGNAL.convert(written, None, None) == signal.SIGTERM


@pytest.mark.parametrize("written", ["SIGFOO", "0", "999", "-9", "", "²", "9.0"])
def test_another_word_is_no_signal(written: str) -> None:
    with pytest.raises(click.BadParameter, match="is no signal"):
        SIGNAL.convert(written, None, None)


@pytest.mark.parametrize(("written", "seconds"), [("1", 1.0), ("0.25", 0.25), ("1e3", 1000.0)])
def test_seconds_are_a_number(written: str, seconds: float) -> None:
    assert SECONDS.convert(written, None, None) == seconds


@pytest.mark.parametrize("written", ["0", "-1", "nan", "inf", "soon", str(math.inf)])
def test_a_duration_is_more_than_nothing_and_ends(written: str) -> None:
    with pytest.raises(click.BadParameter):
        SECONDS.convert(written, None, None)


def test_paths_are_those_of_the_folder_that_is_typed(state: State) -> None:
    assert offered(PATH, state) == ["models/", "k1.py"]
    assert offered(PATH, state, "models/") == ["models/old/", "models/k1.py", "models/b1.sh"]
    assert offered(PATH, state, "models/b") == ["models/b1.sh"]
    assert offered(PATH, state, "nothing/") == []
    assert offered(PATH, state, "k1.py/") == []


def test_paths_may_begin_at_the_root_or_above(state: State) -> None:
    state.tree.current = state.tree.folder("models/old")
    assert offered(PATH, state, "~/k") == ["~/k1.py"]
    assert offered(PATH, state, "/k") == ["/k1.py"]
    assert offered(PATH, state, "../b") == ["../b1.sh"]


def test_where_a_folder_is_wanted_no_kernel_is_offered(state: State) -> None:
    assert offered(FOLDER, state) == ["models/"]
    assert offered(FOLDER, state, "models/") == ["models/old/"]


def test_kernelspecs_are_offered_by_name(state: State) -> None:
    assert "python3" in offered(SPEC, state, "py")


def test_connection_files_are_offered_once_one_is_begun(state: State, runtime_dir: Path) -> None:
    living = runtime_dir / "kernel-unit.json"
    living.write_text("{}")
    try:
        assert "kernel-unit.json" not in offered(SPEC, state)
        assert "kernel-unit.json" in offered(SPEC, state, "kernel-u")
    finally:
        living.unlink()


def test_a_path_to_a_connection_file_is_offered(state: State, tmp_path: Path) -> None:
    (tmp_path / "c.json").touch()
    (tmp_path / "c.txt").touch()
    (tmp_path / "sub").mkdir()
    assert offered(SPEC, state, f"{tmp_path}/") == [f"{tmp_path}/c.json", f"{tmp_path}/sub/"]


def test_variables_are_offered_in_order(state: State) -> None:
    state.variables.update(beta="1", alpha="2")
    assert offered(VARIABLE, state) == ["alpha", "beta"]


def test_files_are_those_of_the_working_directory(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.silik").touch()
    (tmp_path / "a.silik").touch()
    monkeypatch.chdir(tmp_path)
    assert offered(FILE, state) == ["a.silik", "sub/"]
    assert offered(FILE, state, "sub/") == ["sub/b.silik"]
    assert offered(FILE, state, "./s") == ["./sub/"]
    assert [item.value for item in files("", "/")] == ["sub/"]


def test_the_home_directory_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.silik").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [item.value for item in files("~/a")] == ["~/a.silik"]


@pytest.mark.parametrize("path", ["none/", "~no-such-user/", "a\0b/", "/" + "x" * 5000 + "/"])
def test_a_directory_that_can_not_be_read_offers_nothing(path: str) -> None:
    assert list(files(path)) == []
