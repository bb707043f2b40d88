"""How papermill writes parameters, and finds them, in the languages that it does not know.

papermill has entry points for engines and none for translators: :func:`register` is called by our
engine's module, which papermill loads when it is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

from silik_magics.errors import CommandError
from silik_magics.language.literals import LANGUAGES, Language, Text, Value, value_of
from silik_magics.language.literals.plain import Unfit, plain
from silik_magics.language.words import Line, read

OURS = ("silik", "javascript", "typescript", "octave")


class OurTranslator(Translator):
    """Writes a cell of parameters in one of our languages."""

    language: ClassVar[Language]

    @classmethod
    def comment(cls, cmt_str: str) -> str:
        """Return a comment; of one or more lines."""
        lines = cmt_str.splitlines() or [""]
        return "\n".join(f"{cls.language.comment} {line}".rstrip() for line in lines)

    @classmethod
    def codify(cls, parameters: Mapping[str, Any], comment: str = "Parameters") -> str:
        """Return the source of the cell.

        Raises:
            CommandError: the language can not hold a value, or has no such name.
        """
        lines = [cls.language.assignment(name, _plain(name, x)) for name, x in parameters.items()]
        return "".join(f"{line}\n" for line in (cls.comment(comment), *lines))


class SilikTranslator(OurTranslator):
    """Writes parameters as the lines that set variables, and reads such lines."""

    language = LANGUAGES["silik"]

    @classmethod
    def inspect(cls, parameters_cell: Mapping[str, Any]) -> list[Parameter]:
        """Return the parameters that a cell sets; the comment right above one is its help."""
        return list(_parameters(parameters_cell["source"]))


def register() -> None:
    """Make our translators known to papermill."""
    for name in OURS:
        language = LANGUAGES[name]
        made = type(f"{language.title}Translator", (OurTranslator,), {"language": language})
        papermill_translators.register(name, SilikTranslator if name == "silik" else made)


def _plain(name: str, value: Any) -> Value:
    try:
        return plain(value)
    except Unfit as error:
        raise CommandError(
            f"{name}{error}", "a parameter is a plain value; give its parts, or text."
        ) from None


def _parameters(cell: str) -> Iterator[Parameter]:
    comments: list[str] = []
    for line in read(cell):
        text = cell[line.start : line.end].strip()
        if text.startswith("#") and not line.words:
            comments.append(text.lstrip("# "))
            continue
        if (found := _parameter(line, cell)) is not None:
            yield Parameter(*found, " ".join(comments))
        comments = []


def _parameter(line: Line, cell: str) -> tuple[str, str, str] | None:
    """Return the name, type and value that a line sets; None if it is no such line."""
    words = [word for word in line.words if word.quoted or word.text != "--text"]
    if len(words) != 3 or words[0].text != "set" or words[2].open_quote:
        return None
    _, name, value = words
    meant = value_of(value.text if words == list(line.words) else Text(value.text))
    return name.text, type(meant).__name__, cell[value.start : value.end]


# Whoever imports this first loads papermill by that, and so our engine, which finds this half done.
register()
