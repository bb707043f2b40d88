"""The command table: click declares a command once, and everything else is read from that.

A command is an async function that takes the cell's context first::

    @command("pwd")
    async def pwd(context: Context) -> Answer:
        \"\"\"Show the path of the current folder.

Example:
            silik> pwd
            ~/
        \"\"\"

Its docstring is its help, and the example in it is run by a test.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from silik_magics.errors import CommandError, UnknownCommand, did_you_mean
from silik_magics.language.words import Argument

Function = Callable[..., Awaitable[Any]]

# Stands in front of a quoted word that begins with a dash, while click reads the line: no option
# begins so.
_LITERAL = "\x00"


class HelpAskedError(Exception):
    """`-h` stood on the line."""


class SilikCommand(click.Command):
    """A command of the language.

    Args:
        aliases: other names of the same command.
        example: a transcript: lines that begin with `silik> ` are typed, the others come back.
    """

    def __init__(
        self, *args: Any, aliases: Sequence[str] = (), example: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.aliases = tuple(aliases)
        self.example = example

    def get_help_option(self, ctx: click.Context) -> click.Option:
        """Return `-h, --help`, which asks for help instead of printing and leaving."""
        del ctx

        def asked(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
            if value and not ctx.resilient_parsing:
                raise HelpAskedError

        return click.Option(
            ["-h", "--help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=asked,
            help="Show this help.",
        )

    def make_parser(self, ctx: click.Context) -> Any:
        """Return click's parser, made to leave quoted words alone."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            options, rest, order = parse(args=args)
            return _bare(options), _bare(rest), order

        parser.parse_args = parse_args
        return parser


def _bare(value: Any) -> Any:
    if isinstance(value, str):
        return value.removeprefix(_LITERAL)
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_bare(item) for item in value)
    return value


def protect(argument: Argument) -> str:
    """Return a word for click, marked where it must not be taken for an option."""
    text = argument.text
    marked = text.startswith(_LITERAL) or (argument.literal and text.startswith("-"))
    return _LITERAL + text if marked else text


TABLE = click.Group("silik", add_help_option=False)


def command(name: str, *aliases: str, hidden: bool = False) -> Callable[[Function], SilikCommand]:
    """Declare a command; options and arguments are added by click's decorators below this one."""

    def declare(function: Function) -> SilikCommand:
        text, _, example = inspect.cleandoc(function.__doc__ or "").partition("Example:\n")
        made = click.command(
            name,
            cls=SilikCommand,
            help=text.strip(),
            hidden=hidden,
            aliases=aliases,
            example=inspect.cleandoc(example).strip(),
        )(function)
        assert isinstance(made, SilikCommand)
        TABLE.add_command(made)
        for alias in aliases:
            TABLE.add_command(made, alias)
        return made

    return declare


def commands() -> list[SilikCommand]:
    """Return every command that people are told of, each once, in the order of declaration."""
    found = dict.fromkeys(TABLE.commands.values())
    return [item for item in found if isinstance(item, SilikCommand) and not item.hidden]


def names() -> list[str]:
    """Return the names that can be typed, aliases too."""
    return [name for name, item in TABLE.commands.items() if not item.hidden]


def lookup(name: str) -> SilikCommand:
    """Return a command by name or alias; UnknownCommand if there is none."""
    found = TABLE.commands.get(name)
    if not isinstance(found, SilikCommand):
        raise UnknownCommand(name, names())
    return found


@dataclass(frozen=True)
class Call:
    """A line, read: the command's function and its parameters."""

    command: SilikCommand
    parameters: dict[str, Any]

    def run(self, context: object) -> Awaitable[Any]:
        """Begin to run it."""
        assert self.command.callback is not None
        return self.command.callback(context, **self.parameters)


def read_call(arguments: Sequence[Argument]) -> Call:
    """Read the words of a line, the first of which names the command.

    Raises:
        UnknownCommand: there is no such command.
        CommandError: the options or arguments do not fit.
    """
    found = lookup(arguments[0].text)
    words = [protect(argument) for argument in arguments[1:]]
    try:
        parsed = found.make_context(arguments[0].text, words)
    except HelpAskedError:
        return Call(lookup("help"), {"name": found.name, "cmd": None})
    except click.UsageError as error:
        raise _told(found, error) from None
    return Call(found, parsed.params)


def usage(found: SilikCommand) -> str:
    """Return how a command is written, such as `start [OPTIONS] SPEC`."""
    with click.Context(found, info_name=found.name) as ctx:
        return " ".join([str(found.name), *found.collect_usage_pieces(ctx)])


def _told(found: SilikCommand, error: click.UsageError) -> CommandError:
    message = error.format_message().strip().rstrip(".")
    message = message[:1].lower() + message[1:]
    hint = f"write `{usage(found)}`; `help {found.name}` tells more."
    if isinstance(error, click.NoSuchOption):
        options = [name for param in found.params for name in (*param.opts, *param.secondary_opts)]
        message = f"{found.name} has no option {error.option_name}"
        guess = did_you_mean(error.option_name, options)
        hint = f"{guess or 'Quote a word that is no option.'} {hint}"
    else:
        message = f"{found.name}: {message}"
    return CommandError(message, hint)
