from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from silik_magics.commands.reference import help_of, overview, page
from silik_magics.commands.table import SilikCommand, commands, lookup

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"


def test_the_page_in_the_documentation_is_fresh() -> None:
    fresh = "run `python -m silik_magics.commands.reference > docs/commands.md`"
    assert PAGE.read_text(encoding="utf-8") == page(), fresh


def test_the_module_writes_the_page_whatever_the_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "silik_magics.commands.reference"],
        capture_output=True,
        check=True,
        env={**os.environ, "COLUMNS": "50", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.decode() == page()


@pytest.mark.parametrize("found", commands(), ids=lambda found: str(found.name))
def test_help_breaks_no_word_and_no_line_is_long(found: SilikCommand) -> None:
    text, _, _ = help_of(found).partition("\nExample:")
    for line in text.splitlines():
        assert len(line) <= 88
        assert not line.endswith("-")


def test_the_help_of_a_command_tells_all_of_it() -> None:
    told = help_of(lookup("start"))
    assert told.startswith("Usage: start [OPTIONS] SPEC\n")
    for part in ("--if-missing", "-l, --label LABEL", "Aliases: new", "Example:\n  silik> start"):
        assert part in told


def test_an_empty_line_of_an_example_is_shown_empty() -> None:
    assert "<BLANKLINE>" not in help_of(lookup("history"))
    assert "<BLANKLINE>" not in page()


def test_the_overview_gives_each_command_one_line() -> None:
    lines = overview().splitlines()
    assert len(lines) == len(commands()) + 2
    assert all(len(line) <= 100 for line in lines)
    assert not any(line.endswith("...") for line in lines)
