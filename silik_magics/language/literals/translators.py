# pyright: basic
# (papermill has no types)
"""Papermill's translators, mended where they would change a value in silence.

Only `borrowed.py` imports this module, when it is needed: importing papermill takes 0.2 s. No test
runs these languages. What is mended: text (papermill escapes it as Python does, whatever the
language, and leaves `$` alone), NaN and infinities, and lists of several types.
"""

from __future__ import annotations

from papermill import translators

from silik_magics.language.literals.language import alike, c_string


class Julia(translators.JuliaTranslator):
    """Lists and dicts that would be promoted to one type are of `Any`."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return text, with no `$` in it that would interpolate."""
        return '"' + "".join(map(_julia_character, val)) + '"'

    @classmethod
    def translate_float(cls, val: float) -> str:
        """Return a number."""
        return {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}.get(str(val), repr(val))

    @classmethod
    def translate_list(cls, val: list) -> str:
        """Return a vector."""
        return ("" if _of_one_kind(val) else "Any") + super().translate_list(val)

    @classmethod
    def translate_dict(cls, val: dict) -> str:
        """Return a Dict."""
        return super().translate_dict(val).replace("Dict(", "Dict{String,Any}(", 1)


class Scala(translators.ScalaTranslator):
    """Sequences and maps that would be widened to one type are of `Any`."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return text."""
        return c_string(val)

    @classmethod
    def translate_float(cls, val: float) -> str:
        """Return a number."""
        special = {"nan": "NaN", "inf": "PositiveInfinity", "-inf": "NegativeInfinity"}
        return f"Double.{special[str(val)]}" if str(val) in special else repr(val)

    @classmethod
    def translate_list(cls, val: list) -> str:
        """Return a Seq."""
        kind = "Seq" if _of_one_kind(val) else "Seq[Any]"
        return super().translate_list(val).replace("Seq", kind, 1)

    @classmethod
    def translate_dict(cls, val: dict) -> str:
        """Return a Map."""
        return super().translate_dict(val).replace("Map", "Map[String, Any]", 1)


class CSharp(translators.CSharpTranslator):
    """Arrays of several types are of `object`."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return text."""
        return c_string(val)

    @classmethod
    def translate_none(cls, val: None) -> str:
        """Return a null that `var` takes."""
        del val
        return "(object)null"

    @classmethod
    def translate_float(cls, val: float) -> str:
        """Return a number."""
        special = {"nan": "NaN", "inf": "PositiveInfinity", "-inf": "NegativeInfinity"}
        return f"double.{special[str(val)]}" if str(val) in special else repr(val)

    @classmethod
    def translate_list(cls, val: list) -> str:
        """Return an array."""
        kind = "new []" if _of_one_kind(val) else "new object[]"
        return super().translate_list(val).replace("new []", kind, 1)


class FSharp(translators.FSharpTranslator):
    """What F# can not type (a list of several types) is an error of F# itself."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return text."""
        return c_string(val)

    @classmethod
    def translate_float(cls, val: float) -> str:
        """Return a number."""
        return {"inf": "infinity", "-inf": "-infinity"}.get(str(val), repr(val))


class PowerShell(translators.PowershellTranslator):
    """A list of one list would be taken apart without the comma in front."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        """Return text, in which only quotes mean something, curly ones too."""
        for mark in "'‘’‚‛":
            val = val.replace(mark, mark * 2)
        return f"'{val}'"

    @classmethod
    def translate_list(cls, val: list) -> str:
        """Return an array."""
        source = super().translate_list(val)
        return f"@(,{source[2:]}" if len(val) == 1 and isinstance(val[0], list) else source


def find(language: str, spec: str) -> type[translators.Translator] | None:
    """Return the translator that somebody registered with papermill for a language or a kernel."""
    try:
        return translators.papermill_translators.find_translator(spec, language)
    except translators.PapermillException:
        return None


def _of_one_kind(values: list) -> bool:
    return any(alike(values, kind) for kind in (bool, int, float, str))


def _julia_character(value: str) -> str:
    if value in '"\\$':
        return f"\\{value}"
    if " " <= value <= "~":
        return value
    code = ord(value)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
