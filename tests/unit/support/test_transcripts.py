from __future__ import annotations

import asyncio

import pytest
from support.session import Session
from support.transcripts import Exchange, parse, play


def test_a_transcript_is_cells_and_what_comes_back() -> None:
    text = """
# Two lines
# of prose.

silik> tree
├─ a
╰─ b

silik> run "x = 1
......   y
......
...... z" k1
silik> pwd
# no prose
~/
"""
    assert parse(text) == [
        Exchange(["tree"], ["├─ a", "╰─ b"]),
        Exchange(['run "x = 1', "  y", "", 'z" k1']),
        Exchange(["pwd"], ["# no prose", "~/"]),
    ]


def test_what_comes_back_before_anything_is_typed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nothing is typed before '~/'"):
        parse("~/\nsilik> pwd")


@pytest.mark.parametrize(
    ("back", "shown"),
    [
        (["19"], "19\n"),
        ([], ""),
        (["a", "...", "d"], "a\nb\nc\nd\n"),
        (["...Error: no"], "Traceback\n  ValueError: no\n"),
        (["/...kernel-....json"], "/run/kernel-12.json\n"),
        (["a", "<BLANKLINE>", "b"], "a\n\nb\n"),
        (["name  language"], "name     language  \n"),
    ],
)
def test_what_fits(back: list[str], shown: str) -> None:
    assert Exchange(["x"], back).fits(shown)


@pytest.mark.parametrize(
    ("back", "shown"),
    [
        (["19"], ""),
        ([], "19\n"),
        (["19"], "19\n20\n"),
        (["19"], "1 9\n"),
        (["a", "...", "d"], "a\nb\n"),
        (["a", "b"], "a\n\nb\n"),
        (["a b"], "a  b\n"),
        (["   ╰─ a"], "╰─ a\n"),
        (["a.b"], "axb\n"),
    ],
)
def test_what_does_not_fit(back: list[str], shown: str) -> None:
    assert not Exchange(["x"], back).fits(shown)


def test_a_transcript_that_is_wrong_fails_and_shows_what_came_back() -> None:
    async def run(text: str) -> None:
        async with Session() as session:
            await play(text, session)

    asyncio.run(run("silik> mkdir a\n╰─ a\nsilik> cd a\n...... pwd\n~/a/\n~/a/"))
    with pytest.raises(AssertionError) as caught:
        asyncio.run(run("silik> mkdir a\n╰─ a\nsilik> cd a\n~/b/"))
    shown = [line for line in str(caught.value).splitlines() if line.strip() and line[0] != "?"]
    assert shown == ["  silik> cd a", "- ~/b/", "+ ~/a/"]
