"""Runs a `.silik` script: lines of the command language, shown on the terminal as they come."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path

from silik_magics.commands.running import read_text
from silik_magics.display.live import screen
from silik_magics.display.sinks import Text
from silik_magics.errors import CommandError, SilikError
from silik_magics.portal import Caller, Portal
from silik_magics.shell import Shell


def run(text: str, variables: Mapping[str, str]) -> None:
    """Run a script; every kernel that it started is stopped when this returns.

    Args:
        text: the lines of the script.
        variables: what `${name}` stands for in it.

    Raises:
        SilikError: a command failed, or code on a kernel raised.
        KeyboardInterrupt: it was interrupted by Ctrl-C; its cause is what that did to the code.
    """
    portal = Portal()
    caller = Caller(portal)

    async def make() -> Shell:
        return Shell()

    shell = portal.call(make)
    try:
        shell.state.variables.update(variables)
        context = shell.context(_sink(caller))
        try:
            caller.run(lambda: shell.run_commands(text, context), context.interrupt)
        except SilikError as error:
            if context.interrupted:
                raise KeyboardInterrupt from error
            raise
        if context.interrupted:
            raise KeyboardInterrupt
    finally:
        portal.call(shell.close)
        portal.close()


def read(path: Path, variables: Mapping[str, str]) -> str:
    """Return the text of a script.

    Raises:
        CommandError: it can not be read, or a variable can not be called so.
    """
    for name in variables:
        if not (name.isidentifier() and name.isascii()):
            raise CommandError(
                f"{name} is no name of a variable", "use letters, digits and `_`, no digit first."
            )
    return read_text(str(path))


def _sink(caller: Caller) -> Text:
    def write(text: str, stream: str) -> None:
        def now() -> None:
            file = sys.stderr if stream == "stderr" else sys.stdout
            file.write(text)
            file.flush()

        caller.post(now)

    async def ask(prompt: str, password: bool) -> str | None:
        return await caller.ask(lambda: _ask(prompt, password))

    return Text(write, ask if sys.stdin is not None and sys.stdin.isatty() else None, screen())


def _ask(prompt: str, password: bool) -> str | None:
    try:
        return getpass.getpass(prompt) if password else input(prompt)
    except EOFError:
        return None
