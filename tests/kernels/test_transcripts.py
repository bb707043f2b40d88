"""The transcripts, and the examples in the commands' help, played with real kernels."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from support.session import Session
from support.transcripts import play

from silik_magics.commands import declared  # noqa: F401 - fills the table
from silik_magics.commands.table import SilikCommand, commands

TRANSCRIPTS = sorted(Path(__file__).parents[1].joinpath("transcripts").glob("*.silik"))
_BLOCK = re.compile(r"^```text\n(silik> .*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [  # the examples of commands.md are those of the commands' help
    page
    for page in sorted(Path(__file__).parents[2].joinpath("docs").rglob("*.md"))
    if page.stem != "commands" and _BLOCK.search(page.read_text(encoding="utf-8"))
]
FIRST = 'start python3 --label k1\nrun "x = 19" k1.py\nrun "print(x)" k1.py\n'


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory of the examples."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "first.silik").write_text(FIRST)
    monkeypatch.chdir(tmp_path)


async def play_anew(text: str) -> None:
    async with Session() as session:
        await play(text, session)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_what_a_transcript_types_answers_as_it_says(path: Path) -> None:
    asyncio.run(play_anew(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("found", commands(), ids=lambda found: str(found.name))
def test_the_example_in_the_help_of_a_command_is_true(found: SilikCommand) -> None:
    asyncio.run(play_anew(found.example))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_sessions_on_a_page_of_the_documentation_are_true(page: Path) -> None:
    """They are one session, from the top of the page to its end."""
    asyncio.run(play_anew("\n".join(_BLOCK.findall(page.read_text(encoding="utf-8")))))
