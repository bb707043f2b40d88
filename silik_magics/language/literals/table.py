"""Which language a kernel speaks. Add yours here: a subclass of Language, and a row."""

from __future__ import annotations

from silik_magics.errors import CommandError
from silik_magics.language.literals.bash import Bash
from silik_magics.language.literals.borrowed import Borrowed
from silik_magics.language.literals.javascript import JavaScript
from silik_magics.language.literals.language import Language
from silik_magics.language.literals.octave import Matlab, Octave
from silik_magics.language.literals.python import Python
from silik_magics.language.literals.r import R
from silik_magics.language.literals.silik import Silik

LONG = 2**63 - 1

# By the name that a kernel gives in its language_info, in lower case.
LANGUAGES: dict[str, Language] = {
    "python": Python(),
    "r": R(),
    "bash": Bash(),
    "javascript": JavaScript(),
    "typescript": JavaScript(),
    "octave": Octave(),
    "matlab": Matlab(),
    "julia": Borrowed("Julia", "Julia"),
    "scala": Borrowed("Scala", "Scala", LONG),
    "c#": Borrowed("C#", "CSharp", LONG),
    "f#": Borrowed("F#", "FSharp", LONG),
    "powershell": Borrowed("PowerShell", "PowerShell", LONG),
    "silik": Silik(),
}


def language_called(name: str, spec: str = "") -> Language:
    """Return a language; one that silik does not know may have a translator in papermill.

    Args:
        name: of the language, in any case.
        spec: the name of the kernelspec, by which papermill may know it.

    Raises:
        CommandError: nobody knows how values are written in it.
    """
    found = LANGUAGES.get(name.lower())
    if found is not None:
        return found
    from silik_magics.language.literals import translators

    translator = translators.find(name, spec)
    if translator is None:
        titles = ", ".join(sorted({language.title for language in LANGUAGES.values()}))
        raise CommandError(
            f"silik can not write values in {name or 'a language without a name'}",
            f"it can in {titles}; elsewhere use `run` with ${{name}}.",
        )
    return Borrowed(name, translator)
