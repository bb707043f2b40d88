from __future__ import annotations

import json

import pytest
from support.messages import message

from silik_magics.display.relay import numbered

BUNDLE = {"text/plain": '"execution_count": 3}'}


@pytest.mark.parametrize(
    "content",
    [
        {"data": BUNDLE, "metadata": {}, "execution_count": 3},
        {"execution_count": 3, "data": BUNDLE, "metadata": {}},
        {"data": {"text/plain": "é 𝔘"}, "metadata": {"a": {"execution_count": 7}}},
        {"metadata": {}, "data": {"execution_count": 3}},
    ],
)
def test_only_the_count_of_a_result_is_changed(content: dict[str, object]) -> None:
    changed = json.loads(numbered(message("execute_result", **content), 12))
    assert changed == {**content, "execution_count": 12}
