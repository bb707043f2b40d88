"""How Sphinx builds the documentation: `python -m sphinx -W -n docs docs/_build/html`.

The pages are Markdown that reads well where it lies, too: they link to each other, and to the
notebooks, by relative paths. Sphinx knows only what is below this folder, so the notebooks are
copied to `docs/notebooks` (which is not kept), and the links that leave the folder are mended.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(ROOT / "kernel")]  # what is documented is what lies here

from IPython.lib.lexers import IPython3Lexer  # noqa: E402
from pygments.lexers.special import TextLexer  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

from silik_magics import __version__  # noqa: E402
from silik_magics_kernel.lexer import SilikLexer  # noqa: E402

project = "silik_magics"
author = copyright = "The silik-magics developers"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
default_role = "code"
nitpicky = True

html_theme = "furo"
html_title = "silik_magics"
html_copy_source = False

myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests execute the notebooks; here their stored outputs are shown
suppress_warnings = ["mystnb.unknown_mime_type"]  # what notebooks record for sweeps is not shown

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Types of the standard library, of Jupyter, and of our own insides have no page here.
nitpick_ignore_regex = [("py:class", r"(?!silik_magics\.[A-Z]).*"), ("py:obj", r".*\.[A-Z]\w?")]

# Where a path that leaves the folder of a page is found among the documents.
LINKS = (
    (re.compile(r"\]\((?:\.\./)+notebooks/"), "](/notebooks/"),
    (re.compile(r"\]\((?:\.\./)+docs/"), "](/"),
)


def copy_notebooks() -> None:
    """Bring `docs/notebooks` up to date."""
    target = DOCS / "notebooks"
    target.mkdir(exist_ok=True)
    wanted = {path.name: path for path in ROOT.joinpath("notebooks").glob("*.ipynb")}
    wanted = {name: path for name, path in wanted.items() if not name.endswith(".out.ipynb")}
    for path in target.glob("*.ipynb"):
        if path.name not in wanted:
            path.unlink()
    for name, path in wanted.items():
        copy = target / name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            copy.write_bytes(path.read_bytes())


copy_notebooks()


def mend_links(app: Sphinx, name: str, content: list[str]) -> None:
    """Rewrite the links of a page that lead out of this folder."""
    del app, name
    for pattern, found in LINKS:
        content[0] = pattern.sub(found, content[0])


class CellLexer(IPython3Lexer):
    """Python with magics; a cell that begins with `%%silik` has the colours of its kernel."""

    name = "Python with silik's magics"
    aliases = ("python", "ipython3")

    def get_tokens_unprocessed(self, text: str, *rest: Any) -> Iterator[tuple[int, Any, str]]:
        """Yield the tokens of a cell."""
        if text.lstrip().startswith("%%silik"):
            yield from SilikLexer(ensurenl=False, stripnl=False).get_tokens_unprocessed(text)
        else:
            yield from super().get_tokens_unprocessed(text, *rest)


def setup(app: Sphinx) -> None:
    """Add what the configuration above can not say."""
    app.connect("source-read", mend_links)
    for alias in (*CellLexer.aliases, "ipython"):
        app.add_lexer(alias, CellLexer)
    app.add_lexer("silik", SilikLexer)
    app.add_lexer("csv", TextLexer)
