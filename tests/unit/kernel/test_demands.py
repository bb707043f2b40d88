from __future__ import annotations

from typing import Any

import pytest
from support.messages import message

from silik_magics_kernel.demands import lacks


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("execute_request", {}, "its `code` is no str"),
        ("execute_request", {"code": 5}, "its `code` is no str"),
        ("execute_request", {"code": "", "user_expressions": []}, "its `user_expressions` is no"),
        ("complete_request", {"code": "x"}, "its `cursor_pos` is no int"),
        ("inspect_request", {"code": "x", "cursor_pos": None}, "its `cursor_pos` is no int"),
        ("history_request", {"hist_access_type": "tail", "n": "x"}, "its `n` is no int"),
        ("comm_info_request", {"target_name": []}, "its `target_name` is no str"),
    ],
)
def test_what_a_request_lacks_is_named(kind: str, content: dict[str, Any], why: str) -> None:
    assert lacks(message(kind, **content)).startswith(why)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("execute_request", {"code": "", "user_expressions": None}),
        ("complete_request", {"code": "x", "cursor_pos": 1}),
        ("history_request", {"hist_access_type": "tail", "n": 5, "pattern": None}),
        ("kernel_info_request", {}),
        ("nonsense", {"anything": 1}),
    ],
)
def test_what_can_be_answered_lacks_nothing(kind: str, content: dict[str, Any]) -> None:
    assert lacks(message(kind, **content)) == ""
