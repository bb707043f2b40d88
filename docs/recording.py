"""Makes `docs/lab.gif`, a recording of JupyterLab with a Python kernel, a second one, and R.

Run `python docs/recording.py` in an environment with the extra `test`; Chromium and the kernel of R
must be there.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import conftest  # noqa: E402, F401 - gives this process Jupyter directories of its own
from support.browser import FLAGS, Notebook, Server, browser, server  # noqa: E402

RECORDING = ROOT / "docs" / "lab.gif"
SIZE = {"width": 940, "height": 900}
COLOURS = 255
MOMENT, PAUSE, END = 120, 1200, 5000  # milliseconds
NAME = "two-languages.ipynb"

CELLS = (
    "%load_ext silik_magics\n%silik start python3 --label k1\n%silik start ir --label stats",
    """\
%%silik k1.py
import matplotlib.pyplot as plt
plt.figure(figsize=(5, 1.8))
plt.plot([n**2 for n in range(20)], "o-", color="teal");""",
    """\
%%silik stats.r
options(repr.plot.width = 7, repr.plot.height = 3)
plot(cars, pch = 19, col = "gray40")
abline(lm(dist ~ speed, data = cars), col = "firebrick")""",
)


class Recording:
    """Frames, and how long each is seen."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def take(self, milliseconds: int) -> None:
        """Take a picture of the page as it is; one that is as the last makes that longer."""
        shot = self._notebook.page.screenshot(animations="disabled", caret="hide")
        frame = Image.open(io.BytesIO(shot)).convert("RGB")
        if self._frames and frame.tobytes() == self._frames[-1].tobytes():
            self._durations[-1] += milliseconds
        else:
            self._frames.append(frame)
            self._durations.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write the frames, all in the same colours."""
        some = self._frames[:: len(self._frames) // 4] + self._frames[-1:]
        together = Image.new("RGB", (SIZE["width"], SIZE["height"] * len(some)))
        for number, frame in enumerate(some):
            together.paste(frame, (0, SIZE["height"] * number))
        colours = together.quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        first, *others = [
            frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in self._frames
        ]
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self._durations,
            loop=0,
            optimize=True,
        )


def record(notebook: Notebook, jupyter: Server) -> Recording:
    """Type and run the cells."""
    jupyter.write(NAME, [""], "python3")
    notebook.open(jupyter, NAME)
    notebook.clear()
    notebook.page.keyboard.press("Control+b")  # away with the side bar
    recording = Recording(notebook)
    for code in CELLS:
        notebook.type("")
        for word in re.findall(r"\s*\S+\s*?", code):
            notebook.page.keyboard.insert_text(word)
            recording.take(MOMENT)
        recording.take(PAUSE)
        cells, cell = notebook.count(), notebook.last()
        notebook.page.keyboard.press("Shift+Enter")
        cell.until(lambda: notebook.count() > cells)  # noqa: B023
        cell.end()
        notebook.page.wait_for_timeout(500)  # the page lays out what came
        recording.take(2 * PAUSE)
    recording.take(END)
    return recording


def main() -> None:
    """Record, and write the file."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        extensions = Path(folder, "path")
        (extensions / "labextensions").mkdir(parents=True)
        source = ROOT / "kernel" / "labextension"
        (extensions / "labextensions" / "silik-magics").symlink_to(source)
        Path(folder, "lab").mkdir()
        with server("lab", Path(folder, "lab"), extensions) as jupyter, sync_playwright() as opened:
            chromium = opened.chromium.launch(executable_path=browser(), args=list(FLAGS))
            notebook = Notebook(chromium.new_page(viewport=SIZE))  # type: ignore[arg-type]
            record(notebook, jupyter).save(RECORDING)
            chromium.close()


if __name__ == "__main__":
    main()
