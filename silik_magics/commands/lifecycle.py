"""Commands that begin, end and signal kernels."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence

import click

from silik_magics.commands import options
from silik_magics.commands.context import Context, KernelLeaf, State, kernel_of
from silik_magics.commands.kinds import DIRECTORY, SECONDS, SIGNAL, SPEC
from silik_magics.commands.labels import fresh_words
from silik_magics.commands.table import command
from silik_magics.display.answers import Answer, Table, table
from silik_magics.errors import CommandError
from silik_magics.kernels.death import signal_name
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.manager import find_connection
from silik_magics.tree import Folder, Leaf, check_label, in_use

MOST_AT_ONCE = 256  # kernels that one command starts; a slip of the finger takes the machine down


@command("kernels")
async def kernels(context: Context) -> Table:
    """Show the kernelspecs that can be started.

    Example:
        silik> kernels
        name     language  display name
        ...
        python3  python    Python 3 (ipykernel)
        ...
    """
    rows = [
        {"name": spec.name, "language": spec.language, "display name": spec.display_name}
        for spec in context.state.manager.specs.all().values()
    ]
    return table(
        ("name", "language", "display name"),
        rows,
        empty="No kernelspec is installed. `pip install ipykernel` brings python3.",
    )


@command("start", "new")
@click.argument("spec", type=SPEC)
@click.option("-l", "--label", metavar="LABEL", help="Its name without the file extension.")
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, MOST_AT_ONCE),
    metavar="COUNT",
    help="How many to start, together.",
)
@click.option("--cwd", type=DIRECTORY, metavar="DIR", help="Its working directory.")
@click.option("--env", multiple=True, metavar="K=V", help="An environment variable (repeatable).")
@click.option(
    "--preload", metavar="MODULES", help="Modules that it finds imported: `numpy,pandas`."
)
@click.option("--if-missing", is_flag=True, help="Keep the one that has this label.")
@click.option("--replace", is_flag=True, help="Stop the one that has this label, and start anew.")
@click.option("--timeout", type=SECONDS, metavar="S", help="Seconds until it must be ready.")
async def start(
    context: Context,
    spec: str,
    label: str | None,
    count: int | None,
    cwd: str | None,
    env: tuple[str, ...],
    preload: str | None,
    if_missing: bool,
    replace: bool,
    timeout: float | None,
) -> Answer:
    """Start a kernel in the current folder, or attach to a living one by its connection file.

    SPEC is a kernelspec (`kernels` shows them), or a connection file: its path, or a kernel id or
    file name of the Jupyter runtime directory. The kernel's name is its label and the file
    extension of its language; without a label a short word is chosen. `-n 8 -l w` starts `w1` to
    `w8` together. With `--if-missing` a cell can be run again: what is there and alive stays.
    Python kernels are forked from a process that has imported ipykernel, and the modules of
    `--preload`; `--preload ''` preloads none, whatever the settings say.

    Example:
        silik> start python3 --label k1
        ╰─ k1.py
        silik> start python3 -n 2 -l w
        ├─ k1.py
        ├─ w1.py
        ╰─ w2.py
        silik> start python3 -l k1 --if-missing
        ├─ k1.py
        ├─ w1.py
        ╰─ w2.py
    """
    if if_missing and replace:
        raise CommandError("--if-missing and --replace exclude each other", "give one of them.")
    if (if_missing or replace) and label is None:
        option = "--if-missing" if if_missing else "--replace"
        raise CommandError(f"{option} needs a label to look for", "add `--label LABEL`.")
    variables = dict(_assignment(item) for item in env)
    state, folder = context.state, context.state.tree.current
    is_spec = spec in state.manager.specs.all()
    if not is_spec and not _names_a_file(spec):
        state.manager.specs.get(spec)  # says what there is, or was installed just now
        is_spec = True
    if preload and not is_spec:
        raise CommandError("an attached kernel can not preload modules", "leave `--preload` out.")
    modules = None if preload is None else _modules(preload)
    launcher = _launcher(context, spec, is_spec, cwd, variables, timeout, modules)
    labels = [
        name
        for name in _labels(state, folder, label, count)
        if await _make_room(context, folder, name, spec, if_missing, replace)
    ]
    await _start_all(context, folder, labels, launcher)
    return state.draw()


Launcher = Callable[[str], Awaitable[Kernel]]


def _launcher(
    context: Context,
    spec: str,
    is_spec: bool,
    cwd: str | None,
    variables: dict[str, str],
    timeout: float | None,
    preload: Sequence[str] | None = None,
) -> Launcher:
    manager = context.state.manager
    if not is_spec:
        return lambda name: manager.attach(spec, name=name, timeout=timeout)
    return lambda name: manager.provide(
        spec, name=name, cwd=cwd, env=variables, timeout=timeout, preload=preload
    )


def _names_a_file(spec: str) -> bool:
    return (
        spec.endswith(".json") or "/" in spec or spec.startswith("kernel-") or spec.count("-") == 4
    )


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"--env {text} is no assignment", "write `--env NAME=VALUE`.")
    try:
        is_text = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        is_text = False
    if not is_text:  # the value is not named: it may be a token
        raise CommandError(
            f"--env {name}=... can not be set", "a NUL, or half of a character, is in it."
        )
    return name, value


def _modules(text: str) -> list[str]:
    modules = [word.strip() for word in text.split(",") if word.strip()]
    for module in modules:
        if not all(part.isidentifier() for part in module.split(".")):
            raise CommandError(
                f"--preload {module} is no name of a module", "write `--preload numpy,pandas`."
            )
    return modules


def _labels(
    state: State, folder: Folder[Kernel], label: str | None, count: int | None
) -> Sequence[str]:
    if label is None:
        taken = {child.label for child in folder.children.values()}
        taken |= {name for owner, name in state.reserved if owner == id(folder)}
        return fresh_words(taken, count or 1)
    check_label(label)
    return [label] if count is None else [f"{label}{number}" for number in range(1, count + 1)]


async def _make_room(
    context: Context, folder: Folder[Kernel], label: str, spec: str, if_missing: bool, replace: bool
) -> bool:
    """Say whether a kernel is to be started under this label, after making room for it."""
    same = [
        child
        for child in folder.children.values()
        if isinstance(child, Leaf) and label in (child.label, child.name)
    ]
    if replace:
        await asyncio.gather(*(context.state.remove(leaf) for leaf in same))
        return True
    alike = next((leaf for leaf in same if _comes_from(kernel_of(leaf), spec)), None)
    if alike is not None and if_missing:
        kernel = kernel_of(alike)
        if kernel.death is not None:
            await kernel.restart(timeout=context.state.manager.start_timeout)
        return False
    taken = alike or (folder.children.get(label) if not same else None)
    if taken is not None or (id(folder), label) in context.state.reserved:
        error = in_use(taken.name if taken else label, folder)
        error.hint = "choose another label, or add `--if-missing` or `--replace`."
        raise error
    return True


def _comes_from(kernel: Kernel, source: str) -> bool:
    """Say whether a kernel was started from this kernelspec, or attached by this file."""
    if not kernel.is_attached:
        return kernel.spec == source
    return _names_a_file(source) and kernel.connection_file == str(find_connection(source))


async def _start_all(
    context: Context, folder: Folder[Kernel], labels: Sequence[str], launch: Launcher
) -> list[KernelLeaf]:
    """Start kernels at once and put them into the tree in order; the labels are taken meanwhile.

    Those that start stay, whatever becomes of the others; then the first error is raised.
    """
    state = context.state
    keys = {(id(folder), label) for label in labels}
    state.reserved |= keys
    try:
        started = await _all_or_none_left(context, [launch(label) for label in labels])
        leaves, errors = [], []
        for label, kernel in zip(labels, started, strict=True):
            if isinstance(kernel, BaseException):
                errors.append(kernel)
                continue
            try:
                leaves.append(_place(folder, label, kernel))
                state.lives.begin(leaves[-1])
            except CommandError as error:
                await state.manager.stop(kernel, now=True)
                errors.append(error)
        if errors:
            raise errors[0]
        return leaves
    finally:
        state.reserved -= keys


async def _all_or_none_left(
    context: Context, launches: Sequence[Awaitable[Kernel]]
) -> Sequence[Kernel | BaseException]:
    """Wait for all launches; if the wait is cancelled, stop those that had succeeded."""
    tasks = [asyncio.ensure_future(launch) for launch in launches]
    try:
        return await asyncio.gather(*tasks, return_exceptions=True)
    except asyncio.CancelledError:
        results = await asyncio.gather(*tasks, return_exceptions=True)
        kernels = [result for result in results if isinstance(result, Kernel)]
        await asyncio.gather(*(context.state.manager.stop(k, now=True) for k in kernels))
        raise


def _place(folder: Folder[Kernel], label: str, kernel: Kernel) -> KernelLeaf:
    """Put a kernel into the tree; CommandError if its name is taken there."""
    leaf: KernelLeaf = Leaf(
        label.removesuffix(kernel.extension), extension=kernel.extension, kernel=kernel
    )
    folder.add(leaf)
    kernel.name = leaf.name
    return leaf


async def start_one(
    context: Context,
    spec: str,
    label: str | None = None,
    *,
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    timeout: float | None = None,
    preload: Sequence[str] | None = None,
) -> KernelLeaf:
    """Start one kernel in the current folder and return its leaf (for Python)."""
    context.state.manager.specs.get(spec)
    launcher = _launcher(context, spec, True, cwd, env or {}, timeout, preload)
    return await _place_one(context, spec, label, launcher)


async def attach_one(
    context: Context, source: str, label: str | None = None, *, timeout: float | None = None
) -> KernelLeaf:
    """Attach one kernel in the current folder and return its leaf (for Python)."""
    launcher = _launcher(context, source, False, None, {}, timeout)
    return await _place_one(context, source, label, launcher)


async def _place_one(
    context: Context, spec: str, label: str | None, launcher: Launcher
) -> KernelLeaf:
    folder = context.state.tree.current
    (name,) = _labels(context.state, folder, label, None)
    await _make_room(context, folder, name, spec, if_missing=False, replace=False)
    (leaf,) = await _start_all(context, folder, [name], launcher)
    return leaf


@command("stop")
@options.now
@options.paths
async def stop(context: Context, paths: tuple[str, ...], now: bool) -> Answer:
    """Shut kernels down and remove them; one that was attached is only let go.

    A folder means every kernel below it; the folder itself stays.

    Example:
        silik> start python3 -n 2 -l w
        ├─ w1.py
        ╰─ w2.py
        silik> stop w1.py
        ╰─ w2.py
    """
    leaves = context.state.tree.leaves(paths)
    await asyncio.gather(*(context.state.remove(leaf, now=now) for leaf in leaves))
    return context.state.draw()


@command("restart")
@options.now
@options.paths
async def restart(context: Context, paths: tuple[str, ...], now: bool) -> Answer:
    """Restart kernels: the same name, an empty memory, ready when this returns.

    It works on a dead kernel too.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> run "x = 18" k1.py
        silik> restart k1.py
        Restarted kernel k1.py
        silik> run "x" k1.py
        ...NameError: name 'x' is not defined
    """
    found = context.state.kernels(paths)
    timeout = context.state.manager.start_timeout
    await asyncio.gather(*(kernel.restart(now=now, timeout=timeout) for kernel in found))
    return _each("Restarted kernel {}", found)


@command("interrupt")
@options.paths
async def interrupt(context: Context, paths: tuple[str, ...]) -> Answer:
    """Interrupt what kernels are running; an idle one is left in peace.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> interrupt k1.py
        k1.py is idle
    """
    found = context.state.kernels(paths)
    busy = [kernel for kernel in found if kernel.state == "busy"]
    await asyncio.gather(*(kernel.interrupt() for kernel in busy))
    return Answer(
        "\n".join(
            f"Interrupted kernel {kernel.name}"
            if kernel in busy
            else f"{kernel.name} is idle"
            if kernel.death is None
            else f"{kernel.name} is dead"
            for kernel in found
        )
    )


@command("signal")
@click.argument("number", type=SIGNAL, metavar="SIG")
@options.paths
async def signal(context: Context, number: int, paths: tuple[str, ...]) -> Answer:
    """Send a signal to kernels, by name or number.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> signal SIGCONT k1.py
        Sent SIGCONT to kernel k1.py
    """
    found = context.state.kernels(paths)
    await asyncio.gather(*(kernel.signal(number) for kernel in found))
    return _each(f"Sent {signal_name(number)} to kernel {{}}", found)


@command("kill")
@options.paths
async def kill(context: Context, paths: tuple[str, ...]) -> Answer:
    """End kernels at once, without asking.

    They stay in the tree, dead, until `restart` or `rm`.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> kill k1.py
        Killed kernel k1.py
        silik> tree
        ╰─ k1.py ✗ killed by SIGKILL
        silik> restart k1.py
        Restarted kernel k1.py
    """
    found = context.state.kernels(paths)
    await asyncio.gather(*(kernel.kill() for kernel in found))
    return _each("Killed kernel {}", found)


@command("exit", "quit")
async def exit_(context: Context) -> None:
    """Stop everything that was started here, and leave.

    In a notebook that has a kernel of its own, that kernel stays.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> exit
        silik> tree
    """
    await context.state.remove_all()
    context.leaving = True


def _each(sentence: str, found: Sequence[Kernel]) -> Answer:
    return Answer("\n".join(sentence.format(kernel.name) for kernel in found))
