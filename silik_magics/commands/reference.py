"""Help texts and the reference page, made from the declarations of the commands."""

from __future__ import annotations

from collections.abc import Iterable

import click

from silik_magics.commands.table import SilikCommand, commands

_WIDTH = 88  # whatever the terminal: the page must be the same everywhere
_UNBROKEN = "\u2011"  # a hyphen at which no line is broken


class _Formatter(click.HelpFormatter):
    """Wraps text without breaking words such as `--if-missing` at their hyphens."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _UNBROKEN))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        unbroken = [(term, text.replace("-", _UNBROKEN)) for term, text in rows]
        super().write_dl(unbroken, col_max, col_spacing)

    def getvalue(self) -> str:
        return super().getvalue().replace(_UNBROKEN, "-")


class _Context(click.Context):
    formatter_class = _Formatter


def _help(found: SilikCommand) -> str:
    with _Context(found, info_name=found.name, terminal_width=_WIDTH) as ctx:
        return found.get_help(ctx)


def help_of(found: SilikCommand) -> str:
    """Return the help of one command: usage, what it does, options, example."""
    text = _help(found)
    if found.aliases:
        text += f"\n\nAliases: {', '.join(found.aliases)}"
    if found.example:
        text += "\n\nExample:\n" + "\n".join(f"  {line}".rstrip() for line in example_lines(found))
    return text


def example_lines(found: SilikCommand) -> list[str]:
    """Return the lines of a command's example, as people read them."""
    return [line.replace("<BLANKLINE>", "") for line in found.example.splitlines()]


def overview() -> str:
    """Return a line for each command."""
    rows = [(str(found.name), found.get_short_help_str(_WIDTH)) for found in commands()]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}  {text}" for name, text in rows]
    return "\n".join([*lines, "", "`help COMMAND` tells more of one, with an example."])


def page() -> str:
    """Return `docs/commands.md`."""
    parts = [
        "# Commands",
        "This page is made from the declarations of the commands (`python -m "
        "silik_magics.commands.reference` writes it); all its examples are run by the tests. Each "
        "begins with an empty tree, in a folder with the file `examples/first.silik`, which is "
        "shown under `cat`.",
    ]
    for found in commands():
        parts.append(f"## `{found.name}`")
        if found.aliases:
            parts.append("Also written " + ", ".join(f"`{alias}`" for alias in found.aliases) + ".")
        parts.append(f"```text\n{_help(found)}\n```")
        if found.example:
            parts.append("```text\n" + "\n".join(example_lines(found)) + "\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the page to the standard output."""
    from silik_magics.commands import declared  # noqa: F401 - fills the table

    click.echo(page(), nl=False)


if __name__ == "__main__":
    main()
