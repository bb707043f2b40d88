"""Prints what driving a sub-kernel costs, as ratios to a reference measured in the same run.

`python tests/benchmarks [ROW...]` prints the table of the design: each row names what is measured,
the reference, the ratio, and the bound. It exits with 1 when a bound does not hold. Absolute times
vary from machine to machine; the ratios do not much.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it makes every start slower

HOME = Path(tempfile.mkdtemp(prefix="silik-bench-"))
os.environ.update(JUPYTER_RUNTIME_DIR=str(HOME / "runtime"), IPYTHONDIR=str(HOME / "ipython"))
(HOME / "runtime").mkdir(mode=0o700)

import psutil  # noqa: E402
from jupyter_client.manager import KernelManager, start_new_kernel  # noqa: E402
from support.host import Cell, Host, host  # noqa: E402
from support.raw import live  # noqa: E402
from support.sweeps import SILIK, run, write_notebook  # noqa: E402

from silik_magics import Silik  # noqa: E402
from silik_magics.kernels.forking.templates import running  # noqa: E402

LINES = "for i in range(100_000): print('line', i)"
DISPLAYS = "from IPython.display import display\nfor i in range(5_000): display(i)"
IMAGES = """\
import os
from IPython.display import Image, display
png = b'\\x89PNG\\r\\n\\x1a\\n' + os.urandom(100_000)
for i in range(200): display(Image(png, format='png'))"""
STRING = "print('x' * 10_000_000)"


@dataclass(frozen=True)
class Row:
    """One line of the table: both measured in the same unit, and what their ratio may be."""

    what: str
    reference: str
    bound: float
    measured: float
    against: float
    unit: str = "ms"

    @property
    def ratio(self) -> float:
        return self.measured / self.against


def clock(function: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def alternate(
    ours: Callable[[], float], theirs: Callable[[], float], times: int
) -> tuple[float, float]:
    """Return the medians of both, measured in turn so that the machine's moods hit both."""
    pairs = []
    for turn in range(times):
        if turn % 2:
            mine, other = ours(), theirs()
        else:
            other, mine = theirs(), ours()
        pairs.append((mine, other))
    return tuple(statistics.median(column) for column in zip(*pairs, strict=True))  # type: ignore[return-value]


@contextmanager
def notebook() -> Iterator[Host]:
    """A host kernel with the extension loaded and `k1.py` started."""
    with host() as opened:
        opened.run("%load_ext silik_magics")
        opened.run("%silik start python3 -l k1")
        yield opened


# Rows

IN_HOST = """\
import statistics, time
from jupyter_client import BlockingKernelClient
ip = get_ipython()
client = BlockingKernelClient()
client.load_connection_file(str(ip.run_line_magic('silik', 'info k1.py')))
client.start_channels(); client.wait_for_ready()
def ours(): ip.run_cell_magic('silik', 'k1.py', 'None')
def line(): ip.run_line_magic('silik', 'run None k1.py')
def theirs(): client.execute_interactive('None', output_hook=lambda message: None)
times = {ours: [], line: [], theirs: []}
for turn in range(420):
    for function in (ours, theirs, line) if turn % 2 else (theirs, line, ours):
        started = time.perf_counter(); function(); spent = time.perf_counter() - started
        if turn >= 20: times[function].append(spent)
client.stop_channels()
print(*(statistics.median(times[function]) for function in (ours, line, theirs)))"""


def round_trip() -> Iterator[Row]:
    with notebook() as opened:
        cell, line, direct = map(float, opened.run(IN_HOST, timeout=120).stream().split())
    reference = "direct BlockingKernelClient in the same process"
    yield Row("%%silik k1.py, round trip p50", reference, 1.10, cell, direct)
    yield Row("%silik run, round trip p50", reference, 1.10, line, direct)


def hop() -> Iterator[Row]:
    """Compare the silik kernel, connected to a kernel, with such a kernel asked directly."""
    with host("silik") as silik, host() as direct:
        silik.run("start python3 -l k1\n> k1.py")

        for opened in (silik, direct):
            opened.run("None")
        mine, theirs = alternate(
            lambda: silik.run("None").seconds, lambda: direct.run("None").seconds, 300
        )
        reference = "the same cell sent to that kernel directly"
        yield Row("one hop, round trip p50", reference, 1.5, mine, theirs)
        yield from compare(silik, "", direct, "one hop, ", reference)


CASES = (
    ("100,000 lines", LINES, 1.10, lambda cell: cell.stream().count("\n"), 100_000),
    ("5,000 small displays", DISPLAYS, 1.10, lambda cell: len(cell.plain), 5_000),
    ("200 images of 100 KB", IMAGES, 1.10, lambda cell: cell.types.count("display_data"), 200),
    ("a 10 MB string", STRING, 1.8, lambda cell: len(cell.stream()), 10_000_001),
)


def compare(opened: Host, ours: str, other: Host, prefix: str, reference: str) -> Iterator[Row]:
    """Run each case on both, and see that nothing is missing."""

    def seconds(on: Host, code: str, count: Callable[[Cell], int], expected: int) -> float:
        cell = on.run(code, timeout=120)
        assert count(cell) == expected, f"{expected - count(cell)} outputs are missing"
        return cell.seconds

    for what, code, bound, count, expected in CASES:
        mine, theirs = alternate(
            partial(seconds, opened, ours + code, count, expected),
            partial(seconds, other, code, count, expected),
            7,
        )
        yield Row(prefix + what, reference, bound, mine, theirs)


def throughput() -> Iterator[Row]:
    with notebook() as opened:
        reference = "the host kernel running the cell itself"
        yield from compare(opened, "%%silik k1.py\n", opened, "", reference)


def textbook_start(code: str = "None", spec: str = "python3") -> float:
    """Start a kernel as the documentation of jupyter_client does, to its first result."""

    def start() -> None:
        nonlocal manager, client
        manager, client = start_new_kernel(kernel_name=spec)
        client.execute_interactive(code, output_hook=lambda _: None)

    manager: KernelManager
    client = None
    seconds = clock(start)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds


def start() -> Iterator[Row]:
    with Silik() as silik:
        silik.start("python3").stop(now=True)
        while not any(template.is_ready for template in running()):
            time.sleep(0.1)

        def ours() -> float:
            seconds = clock(lambda: silik.start("python3", "k1").run("None"))
            silik.stop("k1.py", now=True)
            return seconds

        mine, textbook = alternate(ours, textbook_start, 9)
        yield Row("python3 start to first result", "textbook start", 0.15, mine, textbook)

        def eight() -> float:
            def all_of_them() -> None:
                silik.command("start python3 -n 8 -l w")
                silik.run("None", "w*")

            seconds = clock(all_of_them)
            silik.stop("w*", now=True)
            return seconds

        many = statistics.median(eight() for _ in range(5))
        yield Row("8 python3 by one command", "8 textbook starts in turn", 0.10, many, 8 * textbook)
        kernel = silik.start("python3", "k1")

        def again() -> None:
            kernel.restart(now=True)
            kernel.run("None")

        anew = statistics.median(clock(again) for _ in range(9))
        yield Row("restart --now to first result", "textbook start", 0.20, anew, textbook)


def cold() -> Iterator[Row]:
    """Compare the first start of a process, which starts the template too."""

    def ours() -> float:
        with Silik() as silik:
            return clock(lambda: silik.start("python3", "k1").run("None"))

    mine, textbook = alternate(ours, textbook_start, 7)
    yield Row("the first start of a process", "textbook start", 0.60, mine, textbook)

    def eight() -> float:
        def all_of_them() -> None:
            silik.command("start python3 -n 8 -l w")
            silik.run("None", "w*")

        with Silik() as silik:
            return clock(all_of_them)

    many = statistics.median(eight() for _ in range(5))
    yield Row("the first 8 of a process", "8 textbook starts in turn", 0.35, many, 8 * textbook)


def preload() -> Iterator[Row]:
    """Compare with a textbook start and the import that it does not do."""
    with Silik() as silik:
        modules = ["numpy", "pandas"]
        silik.start("python3", "k1", preload=modules).stop(now=True)

        def ours() -> float:
            seconds = clock(lambda: silik.start("python3", "k1", preload=modules).run("None"))
            silik.stop("k1.py", now=True)
            return seconds

        mine, textbook = alternate(ours, partial(textbook_start, "import numpy, pandas"), 7)
    reference = "textbook start, and the import"
    yield Row("start --preload numpy,pandas", reference, 0.15, mine, textbook)


def ahead() -> Iterator[Row]:
    """Compare kernels that were started ahead with the textbook start of the same kernelspec."""
    with Silik() as silik:
        specs = silik.manager.specs.all()
        for spec, code in (("python3", "None"), ("bash", "true"), ("ir", "NULL")):
            if spec not in specs:
                continue

            def ours(spec: str = spec, code: str = code) -> float:
                silik.command(f"warm {spec}=1")
                while not silik.manager.ahead.kernels:
                    time.sleep(0.05)
                seconds = clock(lambda: silik.start(spec, "k1").run(code))
                silik.stop("k1*", now=True)
                silik.command(f"warm {spec}=0")
                return seconds

            mine, textbook = alternate(ours, partial(textbook_start, code, spec), 5)
            bound = 0.05 if spec == "python3" else 0.10  # others are slow to run their first cell
            yield Row(f"{spec} started ahead", "textbook start", bound, mine, textbook)


def memory() -> Iterator[Row]:
    """Compare what an idle kernel more costs: its share of the memory (PSS)."""

    def pss(fork: bool) -> float:
        with Silik() as silik:
            silik.manager.fork_start = fork
            silik.command("start python3 -n 8 -l w")
            silik.run("None", "w*")
            shares = [
                psutil.Process(live(kernel).process.pid).memory_full_info().pss for kernel in silik
            ]
        return statistics.median(shares) / 2**20

    yield Row("memory of one of 8 kernels, PSS", "spawned", 0.6, pss(True), pss(False), "MB")


def fan_out() -> Iterator[Row]:
    with Silik() as silik:
        silik.command("start python3 -n 8 -l w")
        code = "import time; time.sleep(0.2)"
        silik.run(code, "w*")
        spent = statistics.median(clock(lambda: silik.run(code, "w*")) for _ in range(9))
    yield Row("0.2 s of sleep on 8 kernels", "0.2 s", 1.25, spent, 0.2)


def load() -> Iterator[Row]:
    code = (
        "import time; started = time.perf_counter()\n"
        "%load_ext silik_magics\n"
        "print(time.perf_counter() - started)"
    )
    times = []
    for _ in range(5):
        with host() as opened:
            times.append(float(opened.run(code).stream()))
    yield Row("%load_ext silik_magics", "50 ms", 1.0, statistics.median(times), 0.050)


def idle() -> Iterator[Row]:
    seconds = 10.0
    with Silik() as silik:
        silik.command("start python3 -n 8 -l w")
        silik.run("None", "w*")
        time.sleep(1)
        before = time.process_time()
        time.sleep(seconds)
        spent = time.process_time() - before
    yield Row("8 idle kernels, share of a core", "0.5 %", 1.0, 100 * spent / seconds, 0.5, "%")


def sweep() -> Iterator[Row]:
    """Compare a sweep of 16 points with a shell's loop over papermill."""
    folder = HOME / "sweep"
    folder.mkdir()
    write_notebook(folder / "n.ipynb", "y = x * x", "print(y)")
    papermill = [str(Path(SILIK).with_name("papermill")), "n.ipynb"]
    points = list(map(str, range(16)))

    def loop() -> None:
        for x in points:
            words = [*papermill, f"out-{x}.ipynb", "-p", "x", x]
            subprocess.run(words, cwd=folder, check=True, capture_output=True)

    def ours() -> None:
        words = ["sweep", "n.ipynb", "-p", f"x={','.join(points)}", "--jobs", "2", "--out", "out"]
        done = run(folder, *words)
        assert done.code == 0, done.err
        shutil.rmtree(folder / "out")

    mine, theirs = alternate(lambda: clock(ours), lambda: clock(loop), 3)
    reference = "16 calls of `papermill`, one after another"
    yield Row("a sweep of 16 points, --jobs 2", reference, 0.56, mine, theirs)


def engine() -> Iterator[Row]:
    """Compare what papermill's engines make of 200 small cells with nbclient alone."""
    import nbformat
    import papermill
    from nbclient import NotebookClient
    from support.runs import write_notebook

    folder = HOME / "engine"
    folder.mkdir()
    source = write_notebook(folder / "in.ipynb", *map(str, range(200)))

    def alone() -> None:
        notebook = nbformat.read(source, as_version=4)
        NotebookClient(notebook).execute()
        nbformat.write(notebook, folder / "alone.ipynb")

    def by(name: str) -> None:
        out = folder / f"{name}.ipynb"
        papermill.execute_notebook(source, out, engine_name=name, progress_bar=False)

    reference = "nbclient alone, the same notebook"
    mine, theirs = alternate(lambda: clock(lambda: by("silik")), lambda: clock(alone), 11)
    yield Row("papermill --engine silik, 200 cells", reference, 1.10, mine, theirs)
    own = clock(lambda: by("nbclient"))
    yield Row("papermill's own engine, to compare", reference, float("inf"), own, theirs)


ROWS = {
    function.__name__: function
    for function in (
        round_trip,
        hop,
        throughput,
        start,
        cold,
        preload,
        ahead,
        memory,
        fan_out,
        load,
        idle,
        sweep,
        engine,
    )
}


def shown(value: float, unit: str) -> str:
    return f"{value * 1000:.1f} ms" if unit == "ms" else f"{value:.2f} {unit}"


def main() -> int:
    wanted = sys.argv[1:] or list(ROWS)
    held = True
    print(f"{'what':34}{'measured':>12}{'reference':>12}{'ratio':>8}{'bound':>8}   against")
    try:
        for name in wanted:
            for row in ROWS[name]():
                ok = row.ratio <= row.bound
                held = held and ok
                print(
                    f"{row.what:34}{shown(row.measured, row.unit):>12}"
                    f"{shown(row.against, row.unit):>12}{row.ratio:7.2f}x{row.bound:7.2f}x"
                    f"   {row.reference}{'' if ok else '   << over the bound'}",
                    flush=True,
                )
    finally:
        shutil.rmtree(HOME, ignore_errors=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
