"""Makes `docs/quickstart.png`, a picture of the executed quickstart notebook.

Run `python docs/picture.py` in an environment with the extra `docs`; Chromium must be on PATH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import papermill
from nbconvert import HTMLExporter
from nbconvert.preprocessors import TagRemovePreprocessor

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
PICTURE = ROOT / "docs" / "quickstart.png"
WIDTH = 920
LEFT_OUT = "not-in-picture"  # a tag of cells

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

# Brings outputs in line with the code and takes out air.
STYLE = """
<style>
  body.jp-Notebook { padding: 0; margin: 0; }
  main { padding: 8px 20px; }
  .jp-Cell { padding-top: 4px !important; padding-bottom: 4px !important; }
  .jp-RenderedHTMLCommon h2 { margin: 0.6em 0 0.3em !important; }
  .jp-RenderedHTMLCommon p { margin: 0 0 0.3em !important; }
  .jp-OutputArea-output { padding-left: 1ch; }
</style>
"""

# A page tells its height to whoever dumps it.
MEASURE = """
<script>
  const height = document.querySelector("main").getBoundingClientRect().height;
  document.documentElement.dataset.height = Math.ceil(height);
</script>
"""


def executed(directory: Path) -> Path:
    """Execute the notebook and return the path of the result, in this directory."""
    target = directory / "quickstart.ipynb"
    papermill.execute_notebook(NOTEBOOK, target, progress_bar=False)
    return target


def page_of(notebook: Path) -> Path:
    """Render a notebook and return the path of the page, which needs no network, beside it."""
    leave_out = TagRemovePreprocessor(enabled=True, remove_cell_tags={LEFT_OUT})
    exporter = HTMLExporter(
        preprocessors=[leave_out],
        template_name="lab",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        require_js_url="",
        mathjax_url="",
        mermaid_js_url="",
    )
    markup, _ = exporter.from_filename(str(notebook))
    page = notebook.with_suffix(".html")
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
        command = [browser, *FLAGS, f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def main() -> None:
    """Make the picture, as wide as a README shows it and as high as the page."""
    with tempfile.TemporaryDirectory() as directory:
        page = page_of(executed(Path(directory)))
        dumped = browse(page, f"--window-size={WIDTH},800", "--dump-dom")
        height = re.search(r'<html[^>]* data-height="(\d+)"', dumped)
        if height is None:
            raise SystemExit("the browser did not say how high the page is")
        browse(page, f"--window-size={WIDTH},{height[1]}", f"--screenshot={PICTURE}")


if __name__ == "__main__":
    main()
