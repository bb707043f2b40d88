"""Makes `docs/polyglot.png`, a picture of the notebook of that name as it is stored.

Run `python docs/picture.py` in an environment with the extra `docs`; Chromium must be on PATH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import HighlightMagicsPreprocessor
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import BROWSERS, FLAGS  # noqa: E402

NOTEBOOK = ROOT / "notebooks" / "polyglot.ipynb"
PICTURE = ROOT / "docs" / "polyglot.png"
WIDTH = 1180
SHOWN = "picture"  # a tag of cells; one with the tag `next-column` begins the second
LANGUAGES = {"%%silik stats.r": "r", "%%silik model.py": "python", "%%silik sh.sh": "bash"}

# Two columns side by side, outputs in line with the code, and less air.
STYLE = """
<style>
  body.jp-Notebook { padding: 0; margin: 0; --jp-code-font-size: 14px; }
  main { padding: 12px; columns: 2; column-gap: 20px; }
  .jp-Cell { padding: 4px 0 !important; break-inside: avoid; }
  .celltag_next-column { break-before: column; }
  .jp-Cell-inputWrapper, .jp-Cell-outputWrapper { margin: 0; }
  .jp-InputPrompt, .jp-OutputPrompt, .jp-Collapser { display: none !important; }
  .jp-OutputArea-output { padding-left: 1ch; }
  .jp-OutputArea-output img { display: block; width: 500px; margin: 4px auto 0; }
</style>
"""

# A page tells its height to whoever dumps it.
MEASURE = """
<script>
  const height = document.querySelector("main").getBoundingClientRect().height;
  document.documentElement.dataset.height = Math.ceil(height);
</script>
"""


def shown() -> NotebookNode:
    """Return the cells of the notebook that are in the picture."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells = [c for c in notebook.cells if SHOWN in c.metadata.get("tags", ())]
    return notebook


def page_of(notebook: NotebookNode, directory: Path) -> Path:
    """Render a notebook and return the path of the page, which needs no network."""
    colours = HighlightMagicsPreprocessor(enabled=True, languages=LANGUAGES)
    exporter = HTMLExporter(
        preprocessors=[colours],
        template_name="lab",
        exclude_anchor_links=True,
        require_js_url="",
        mathjax_url="",
        mermaid_js_url="",
    )
    markup, _ = exporter.from_notebook_node(notebook)
    page = directory / "page.html"
    markup = markup.replace("</head>", STYLE + "</head>", 1)
    page.write_text(markup.replace("</body>", MEASURE + "</body>"), encoding="utf-8")
    return page


def browse(page: Path, *options: str) -> str:
    """Open a page in a headless browser and return what it writes."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("no browser found on PATH: install Chromium")
    # Its helpers may still write there when it has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = ["--headless", *FLAGS, f"--user-data-dir={profile}"]
        command = [browser, *flags, *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def main() -> None:
    """Make the picture, as wide as a README shows it and as high as the page."""
    with tempfile.TemporaryDirectory() as directory:
        page = page_of(shown(), Path(directory))
        dumped = browse(page, f"--window-size={WIDTH},800", "--dump-dom")
        height = re.search(r'<html[^>]* data-height="(\d+)"', dumped)
        if height is None:
            raise SystemExit("the browser did not say how high the page is")
        size = f"--window-size={WIDTH},{height[1]}"
        browse(page, size, "--force-device-scale-factor=2", f"--screenshot={PICTURE}")


if __name__ == "__main__":
    main()
