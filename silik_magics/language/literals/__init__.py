"""How values travel between kernels: as source in one language, and printed as JSON in another."""

from silik_magics.language.literals.language import Language
from silik_magics.language.literals.table import LANGUAGES, language_called
from silik_magics.language.literals.values import (
    Text,
    Value,
    described,
    read_given,
    text_of,
    told,
    value_of,
)

__all__ = [
    "LANGUAGES",
    "Language",
    "Text",
    "Value",
    "described",
    "language_called",
    "read_given",
    "text_of",
    "told",
    "value_of",
]
