"""Colours for the command language, for front-ends and documents that use Pygments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from pygments.lexer import RegexLexer, bygroups, default, words
from pygments.lexers import find_lexer_class_by_name, find_lexer_class_for_filename
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Keyword, Name, String, Text

from silik_magics.commands.declared import TABLE

Found = Iterator[tuple[int, Any, str]]

# Extensions that Pygments takes for another language: Rebol, Objective-C, Forth.
_NAMES = {".r": "r", ".m": "octave", ".fs": "fsharp"}

_CODE_CELL = r"\A(\s*)(%%silik)([ \t]+)((?:run|>)[ \t]+)?(\S+)([^\n]*\n)([\s\S]+)"


def _code_cell(lexer: object, match: re.Match[str], ctx: object = None) -> Found:
    """Colour a `%%silik PATH` cell; the path's extension tells the language of its body."""
    del lexer, ctx
    for number, kind in enumerate((Text, Keyword, Text, Keyword, Name.Variable, Text), start=1):
        if match.group(number):
            yield match.start(number), kind, match.group(number)
    body = _lexer_of(match.group(5))(ensurenl=False, stripnl=False)
    for index, kind, text in body.get_tokens_unprocessed(match.group(7)):
        yield match.start(7) + index, kind, text


def _lexer_of(path: str) -> Any:
    name = _NAMES.get(PurePosixPath(path).suffix)
    if name is not None:
        return find_lexer_class_by_name(name)
    return find_lexer_class_for_filename(path) or TextLexer


class SilikLexer(RegexLexer):
    """Lines of commands, and `%%silik PATH` cells in the language of the kernel."""

    name = "silik"
    aliases = ("silik",)
    filenames = ("*.silik",)
    mimetypes = ("text/x-silik",)

    tokens = {  # noqa: RUF012 - Pygments' own declaration
        "root": [
            (_CODE_CELL, _code_cell),
            (r"\s+", Text),
            (r"#.*", Comment.Single),
            (r"(%%?silik)([ \t]*)", bygroups(Keyword, Text)),
            (words(list(TABLE.commands), suffix=r"(?=\s|$)"), Keyword, "line"),
            default("line"),
        ],
        "line": [
            (r"\n", Text, "#pop"),
            (r"[ \t]+", Text),
            (r"\$\{\w+\}", Name.Variable),
            (r"'[^']*'?", String.Single),
            (r'"', String.Double, "quoted"),
            (r"--?[A-Za-z][\w-]*(?=[=\s]|$)", Name.Attribute),
            (r"\\.", String.Escape),
            (r"[^\s'\"$\\]+|[$\\]", Text),
        ],
        "quoted": [
            (r"\\[\s\S]", String.Escape),
            (r"\$\{\w+\}", Name.Variable),
            (r'"', String.Double, "#pop"),
            (r'[^"\\$]+|[$\\]', String.Double),
        ],
    }
