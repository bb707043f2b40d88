from __future__ import annotations

import pytest

from silik_magics.errors import CommandError
from silik_magics.kernels.flags import Flags


@pytest.mark.parametrize("code", ["", "x = 'é😀'", "\0"])
def test_any_text_is_code(code: str) -> None:
    assert Flags().content(code)["code"] == code


def test_half_of_a_character_is_no_code() -> None:
    with pytest.raises(CommandError) as caught:
        Flags().content("x = '\ud800'")
    assert caught.value.message == "the code holds half of a character, U+D800, at offset 5"
