"""What cells do in a front-end, whichever it is: tests that a module for each of them takes over.

`way` is one of the ways to the kernel k1.py, `door` a notebook with the magics or on the kernel
`silik`.
"""

from __future__ import annotations

import re
from pathlib import Path

import psutil

from support.browser import Door, NewNotebook, Picture, Server, Way
from support.kernel import until_gone

STREAMS = "import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)"
TABLE = "import pandas\npandas.DataFrame({'fruit': ['apple', 'pear'], 'weight': [19, 23]})"
PLOT = "import matplotlib.pyplot as plt\nplt.figure(figsize=(4, 2))\nplt.plot([1, 4, 9]);"
ERROR = "def divide(what):\n    return what / 0\n\ndivide(19)"
NAMES = "marker_one = 1\nmarker_two = 2\ndef sized(weight):\n    '''Tell how big it is.'''"
SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(value=3, max=20)\nslider"
LONG = "kept = 19\nimport time\nfor n in range(200):\n    print('tick', n)\n    time.sleep(0.5)"
PID = "import os\nprint('pid', os.getpid())"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "frontends.md"
(EXAMPLE,) = re.findall(r"^```python\n(.*?)\n```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
RUN_ALL = {
    "python3": [
        EXAMPLE,
        "%%silik k1.py\nprint('run', time := globals().get('time', 0) + 1)",
        "%silik > k1.py",
        "print('connected', time)",
        "/cmd",
        "print('all', 19)",
    ],
    "silik": [
        "start python3 -l k1 --if-missing",
        "%%silik k1.py\nprint('run', time := globals().get('time', 0) + 1)",
        "> k1.py",
        "print('connected', time)",
        "/cmd",
        "run \"print('all', 19)\" k1.py",
    ],
}

# A phrase in each language, and a word of it that has another colour in Python.
PHRASES = {
    "r": ("f <- function(x) TRUE", "function"),
    "sh": ("for x in 1 2; do echo $x; done", "done"),
    "js": ("const x = 1", "const"),
    "ts": ("interface Point { x: number }", "interface"),
    "jl": ("function f() 1 end", "function"),
}


def host_of(server: Server, pid: int) -> psutil.Process:
    """Return the kernel of the server below which a process is."""
    kernels = psutil.Process(server.process.pid).children()
    (host,) = [one for one in kernels if pid in {it.pid for it in one.children(recursive=True)}]
    return host


class Cells:
    """Take these over in a class of a module that says its APPLICATION and its WAYS."""

    def test_a_cell_shows_streams_a_table_a_plot_and_an_error(self, way: Way) -> None:
        streams = way.ok(STREAMS)
        assert streams.stdout.strip() == "to stdout"
        assert streams.stderr.strip() == "to stderr"
        table = way.ok(TABLE).shown("text/html").locator("table")
        assert table.locator("td").all_inner_texts() == ["apple", "19", "pear", "23"]
        image = way.ok(PLOT).shown("image/png").locator("img")
        assert image.evaluate("image => image.complete && image.naturalWidth") > 200
        error = way.run(ERROR).error
        assert "ZeroDivisionError: division by zero" in error
        assert "return what / 0" in error
        assert "silik" not in error

    def test_tab_completes_the_names_of_the_sub_kernel(self, way: Way) -> None:
        way.ok(NAMES)
        way.notebook.clear()  # else the front-end finds the names in the cell above
        offered = way.notebook.complete(f"{way.before}value = marker_", "marker_two")
        assert "marker_one" in offered
        cell = way.notebook.last()
        cell.until(lambda: "value = marker_two" in cell.there.inner_text())

    def test_shift_tab_tells_of_what_is_in_the_sub_kernel(self, way: Way) -> None:
        way.ok(NAMES)
        told = way.notebook.tooltip(f"{way.before}sized")
        assert "sized(weight)" in told
        assert "Tell how big it is." in told

    def test_a_slider_moved_with_the_mouse_sets_the_value_in_the_sub_kernel(self, way: Way) -> None:
        cell = way.ok(SLIDER)
        handle = cell.there.locator(".noUi-handle")
        way.notebook.drag(handle, 100)
        readout = cell.there.locator(".widget-readout")
        cell.until(lambda: readout.inner_text() not in ("", "3"))
        way.notebook.until_idle()
        value = way.ok("slider.value").text.strip()
        assert int(value) > 3
        assert value == readout.inner_text()
        way.ok("slider.value = 7")
        cell.until(lambda: readout.inner_text() == "7")

    def test_the_stop_button_ends_a_long_cell_of_the_sub_kernel(self, way: Way) -> None:
        before = way.ok("print('before')")
        cell = way.notebook.begin(way.before + LONG)
        cell.until(lambda: "tick 1" in cell.stdout)
        way.notebook.stop()
        cell.until(lambda: "KeyboardInterrupt" in cell.error, 15)
        cell.end()
        assert not before.error
        assert way.ok("kept").text.strip() == "19"

    def test_a_restart_from_the_menu_is_fresh_and_leaves_no_process(
        self, door: Door, jupyter: Server
    ) -> None:
        cell = door.notebook.ok(f"%%silik k1.py\n{PID}")
        host = host_of(jupyter, int(re.search(r"pid (\d+)", cell.text)[1]))
        old = [host.pid, *(one.pid for one in host.children(recursive=True))]
        door.notebook.restart()
        until_gone(old, 30)
        door.notebook.until_idle()
        door.notebook.clear()
        if door.spec == "python3":
            door.notebook.ok("%load_ext silik_magics")
        assert "k1.py" in door.notebook.run("%%silik k1.py\n1").error

    def test_run_all_twice_is_no_error(self, door: Door) -> None:
        notebook = door.notebook
        written = notebook.fill(RUN_ALL[door.spec])
        for time in (1, 2):
            notebook.choose("Run", "Run All Cells")
            written[3].until(lambda: written[3].text.strip() == f"connected {time}")  # noqa: B023
            written[-1].end()
            notebook.until_idle()
            assert written[-1].text.strip() == "all 19"
            assert not any(cell.error for cell in written)

    def test_an_opened_notebook_has_each_cell_in_the_colours_of_its_language(
        self, new_notebook: NewNotebook, picture: Picture
    ) -> None:
        targets = {name: f"%%silik --timeout 5 k1.{name} folder/k2.{name}" for name in PHRASES}
        plain = [phrase for phrase, _ in PHRASES.values()]
        coloured = [f"{targets[name]}\n{phrase}" for name, (phrase, _) in PHRASES.items()]
        mixed = "%%silik k1.r k1.sh\nfunction(x) TRUE"
        cells = ["def f(): pass", mixed, *plain, *coloured]
        notebook = new_notebook("coloured.ipynb", cells, "python3")
        picture(notebook)
        keyword = notebook.cell(0).colour("def")
        assert notebook.cell(1).colour("function") != keyword
        for number, (name, (_, word)) in enumerate(PHRASES.items(), 2):
            assert notebook.cell(number).colour(word) != keyword, name
            cell = notebook.cell(number + len(PHRASES))
            cell.until(lambda: cell.colour(word) == keyword)  # noqa: B023
        assert not [told for told in notebook.complaints if "silik" in told]

    def test_a_cell_changes_its_colours_as_its_first_line_is_typed(
        self, door: Door, picture: Picture
    ) -> None:
        notebook = door.notebook
        cell = notebook.type("f <- function(x) TRUE")
        before = cell.colour("TRUE")
        notebook.page.keyboard.press("Control+Home")
        notebook.page.keyboard.type("%%silik k1.r")
        notebook.page.keyboard.press("Enter")
        cell.until(lambda: cell.colour("TRUE") != before)
        picture(notebook)
        notebook.page.keyboard.press("Control+Home")
        for _ in range(len("%%silik k1.r\n")):
            notebook.page.keyboard.press("Delete")
        cell.until(lambda: cell.colour("TRUE") == before)
        assert not [told for told in notebook.complaints if "silik" in told]

    def test_the_comment_key_writes_comments_of_the_cells_language(self, door: Door) -> None:
        cell = door.notebook.type("%%silik k1.js\nconst x = 1")
        cell.until(lambda: cell.colour("const") != cell.colour("x = "))
        door.notebook.page.keyboard.press("Control+/")
        cell.until(lambda: "// const x = 1" in cell.there.inner_text())
