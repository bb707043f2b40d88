"""The documentation is built, and what is in it is reached."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from support.pages import DOCS, blocks

import silik_magics

ROOT = DOCS.parent
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("howto/*.md")])
LINK = re.compile(r"(?<!`)\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class Links(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        found = dict(attrs)
        self.ids |= {found["id"] or ""} if "id" in found else set()
        self.targets += [found[name] or "" for name in ("href", "src") if found.get(name)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built with warnings as errors."""
    target = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(target / "trees"), str(DOCS), str(target / "html")],
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return target / "html"


def test_every_page_and_notebook_is_built(built: Path) -> None:
    stems = [path.stem for path in ROOT.glob("notebooks/*.ipynb")]
    notebooks = [f"notebooks/{stem}" for stem in stems if not stem.endswith(".out")]
    names = [str(page.relative_to(DOCS).with_suffix("")) for page in PAGES]
    assert "notebooks/quickstart" in notebooks
    for name in (*names, *notebooks):
        assert (built / f"{name}.html").is_file(), name


def test_no_link_of_the_built_pages_leads_nowhere(built: Path) -> None:
    pages = {page: Links(page) for page in built.rglob("*.html")}
    for page, found in pages.items():
        for target in found.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert file.exists(), (page.name, target)
            if parts.fragment and file in pages and not page.stem.startswith("genindex"):
                assert unquote(parts.fragment) in pages[file].ids | {"top"}, (page.name, target)


def test_the_api_page_tells_of_every_public_name(built: Path) -> None:
    ids = Links(built / "python.html").ids
    names = {name for name in silik_magics.__all__ if not name.startswith("__")}
    assert {f"silik_magics.{name}" for name in names} <= ids


def test_a_cell_for_a_kernel_has_the_colours_of_its_language(built: Path) -> None:
    page = (built / "howto" / "r.html").read_text(encoding="utf-8")
    assert '<span class="o">&lt;-</span>' in page  # R's arrow is one operator, not two


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_links_of_a_page_work_where_it_lies_too(page: Path) -> None:
    """As they are in the repository, on the site that keeps it."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = page.parent / path if path else page
        assert file.is_file(), target
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(anchor_of, headings), target


@pytest.mark.parametrize("name", ["design", "contributing", "values"])
def test_the_files_that_a_page_names_are_there(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:silik_magics|kernel|tests|docs|\.ci)/[\w/.-]*)`", text)
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_contributors_are_told_the_checks_that_are_made() -> None:
    made = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    checks = {hook["entry"] for repo in made["repos"] for hook in repo["hooks"]}
    [told] = [
        set(block.text.splitlines())
        for block in blocks(DOCS / "contributing.md")
        if "ruff" in block.text
    ]
    assert told == checks


def anchor_of(heading: str) -> str:
    """Return the name under which GitHub and MyST link to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
