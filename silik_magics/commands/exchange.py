"""Commands that carry values from one kernel to another, whatever their languages."""

from __future__ import annotations

import asyncio
import keyword
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import click
from click.shell_completion import CompletionItem

from silik_magics.commands.context import Context, State, kernel_of
from silik_magics.commands.execution import Outcome, raise_failure, run_on
from silik_magics.commands.kinds import KERNEL, PATHS, VARIABLE, Kind
from silik_magics.commands.table import command
from silik_magics.display.answers import Answer
from silik_magics.display.sinks import Capture
from silik_magics.errors import CommandError, did_you_mean
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.kernel import Kernel
from silik_magics.language.literals import (
    Language,
    Value,
    described,
    language_called,
    read_given,
    text_of,
    told,
    value_of,
)
from silik_magics.language.literals.plain import Unfit, plain


class NameOrPath(Kind):
    """A variable, or a path in the tree."""

    def candidates(self, state: State, incomplete: str) -> Iterable[CompletionItem | str]:
        """Return the variables there are, and what is below the folder that is typed so far."""
        yield from VARIABLE.candidates(state, incomplete)
        yield from (name for name in state.host or () if not name.startswith("_"))
        yield from PATHS.candidates(state, incomplete)


@command("put")
@click.argument(
    "words", type=NameOrPath("WORD"), nargs=-1, required=True, metavar="NAME[=VALUE]... PATH..."
)
async def put(context: Context, words: tuple[str, ...]) -> Answer:
    """Give kernels variables, each in its own language.

    VALUE is JSON: a number, true, false, null, "text", a list or an object. A bare word is text,
    unless it is so near to JSON or to a number (True, NaN, 007, [1) that it may be meant for that.
    NAME without a value is a variable given with `set`, or, in a notebook, one of the notebook's
    own. The last word is always a path; those before it are names as long as they hold a `=` or
    are known.

    Example:
        silik> start python3 -n 2 -l w
        ├─ w1.py
        ╰─ w2.py
        silik> put alpha=0.6 'rows=[1, 2, null]' w*
        alpha = 0.6 in w1.py, w2.py
        rows = [1, 2, null] in w1.py, w2.py
        silik> run "print(alpha, rows)" w1.py
        0.6 [1, 2, None]
        silik> set beta 2
        silik> put beta w1.py
        beta = 2 in w1.py
    """
    state = context.state
    values, paths = _names_and_paths(state, words)
    kernels = state.kernels(paths)
    codes = [_assignments(_language_of(kernel), values) for kernel in kernels]
    runs = (_quietly(context, *each) for each in zip(kernels, codes, strict=True))
    raise_failure([outcome for outcome, _ in await asyncio.gather(*runs)])
    where = ", ".join(state.names(kernels).values())
    lines = [f"{name} = {told(value)} in {where}" for name, value in values.items()]
    return Answer("\n".join(lines), data=values)


@command("get")
@click.argument("name", metavar="NAME")
@click.argument("path", type=KERNEL)
@click.option("--as", "target", metavar="NAME", help="What to call it here.")
async def get(context: Context, name: str, path: str, target: str | None) -> Answer:
    """Bring the value of a variable back from a kernel.

    In a notebook it becomes a variable of the notebook, elsewhere one of the language, as JSON.

    Example:
        silik> start python3 -l k1
        ╰─ k1.py
        silik> run "total = sum([0.5, 0.75])" k1.py
        silik> get total k1.py --as sum
        sum: float
        silik> run "print(${sum} * 2)" k1.py
        2.5
    """
    state, target = context.state, target or name
    _check_target(state, target)
    kernel = kernel_of(state.tree.leaf(path))
    language = _language_of(kernel)
    language.check_name(name)
    mark = f"silik-{uuid.uuid4().hex}"
    outcome, output = await _quietly(context, kernel, language.showing(name, mark))
    raise_failure([outcome])
    value = _read_back(language, kernel.name, name, output.split(mark))
    if state.host is not None:
        state.host[target] = value
    else:
        state.variables[target] = text_of(value)
    return Answer(f"{target}: {described(value)}", data=value)


def _language_of(kernel: Kernel) -> Language:
    return language_called(kernel.language, kernel.spec)


def _assignments(language: Language, values: Mapping[str, Value]) -> str:
    return language.together([language.assignment(*item) for item in values.items()])


async def _quietly(context: Context, kernel: Kernel, code: str) -> tuple[Outcome, str]:
    """Run code that the user did not write, and return what it printed.

    Nothing is recorded, and nothing shown but what a kernel writes when it fails: some say only
    there why.
    """
    kept = Capture()
    quiet = replace(context, sink=kept)  # it shares what is running, so it can be interrupted
    (outcome,) = await run_on(quiet, [kernel], code, flags=Flags(store_history=False))
    streams = [message for message, _ in kept.messages if message.msg_type == "stream"]
    if outcome.failure is not None:
        for message in streams:
            context.sink.show(message, kernel)
    texts = (x.content["text"] for x in streams if x.content["name"] == "stdout")
    return outcome, "".join(texts)


# Reading `NAME[=VALUE]... PATH...`


def _names_and_paths(
    state: State, words: Sequence[str]
) -> tuple[dict[str, Value], tuple[str, ...]]:
    values: dict[str, Value] = {}
    *front, last = words
    for index, word in enumerate(front):
        name, equals, text = word.partition("=")
        if not equals and not _is_known(state, name):
            front = front[index:]
            break
        if not equals and index and _is_there(state, name):
            raise CommandError(
                f"{name} is a variable and a path too",
                f"write the path as ./{name}, or put the variable first.",
            )
        if name in values:
            raise CommandError(f"{name} stands twice in front of the paths", "leave one out.")
        values[name] = read_given(name, text) if equals else _value_called(state, name)
    else:
        front = []
    paths = (*front, last)
    if not values:
        raise _no_name(state, paths)
    _check_paths(state, paths)
    return values, paths


def _is_known(state: State, name: str) -> bool:
    return name in state.variables or (state.host is not None and name in state.host)


def _value_called(state: State, name: str) -> Value:
    """Return the value of a silik variable, or else of a host variable.

    Raises:
        CommandError: it is a host variable whose value is not plain.
    """
    if name in state.variables:
        return value_of(state.variables[name])
    assert state.host is not None
    try:
        return plain(state.host[name])
    except Unfit as error:
        raise CommandError(f"{name}{error}", f"make a plain value of {name} first.") from None


def _is_there(state: State, path: str) -> bool:
    try:
        return bool(state.tree.nodes([path]))
    except CommandError:
        return False


def _no_name(state: State, paths: Sequence[str]) -> CommandError:
    first = paths[0]
    if len(paths) == 1:
        lacks = "kernel" if "=" in first else "variable"
        return CommandError(f"put {first} names no {lacks}", "write `put NAME=VALUE PATH`.")
    known = {*state.variables, *(state.host or ())}
    return CommandError(
        f"no variable is called {first}",
        did_you_mean(first, known) or f"write `put {first}=VALUE PATH`, or `set` it before.",
    )


def _check_paths(state: State, paths: Sequence[str]) -> None:
    for path in paths:
        if "=" in path and not _is_there(state, path):
            raise CommandError(
                f"{path} stands where a path is expected",
                "names come first, then paths, and the last word is always a path.",
            )


# Taking what a kernel printed


def _check_target(state: State, name: str) -> None:
    good = name.isidentifier() and not keyword.iskeyword(name)
    if not good or (state.host is None and not name.isascii()):
        raise CommandError(
            f"{name!r} can not be the name of a variable here", "choose one with `--as NAME`."
        )


def _read_back(language: Language, kernel: str, name: str, pieces: list[str]) -> Value:
    """Return the value that stands between two marks in what a kernel printed."""
    if len(pieces) < 3:
        raise CommandError(
            f"{kernel} did not print the value of {name}", "its standard output goes elsewhere."
        )
    kind, printed = pieces[-2][:1], pieces[-2][1:]
    if kind == "?":
        raise CommandError(
            f"{name} is not defined in {kernel}", f"`history {kernel}` shows what was run there."
        )
    try:
        if kind == "=":
            return plain(language.read(printed))
        why = printed
    except Unfit as error:
        why = str(error)
    raise CommandError(f"{name}{why} (in {kernel})", f"make a plain value of {name} there first.")
