"""What a request must hold to be answered here; a front-end may send anything. Pure."""

from __future__ import annotations

from silik_magics.kernels.messages import Message

_CODE = {"code": str}
_CURSOR = {**_CODE, "cursor_pos": int}
_REQUIRED: dict[str, dict[str, type]] = {
    "execute_request": _CODE,
    "complete_request": _CURSOR,
    "inspect_request": _CURSOR,
    "is_complete_request": _CODE,
    "history_request": {"hist_access_type": str},
}
_OPTIONAL: dict[str, type] = {
    "user_expressions": dict,
    "detail_level": int,
    "session": int,
    "start": int,
    "stop": int,
    "n": int,
    "pattern": str,
    "target_name": str,
}


def lacks(message: Message) -> str:
    """Return what is wrong with a request; an empty string when it can be answered."""
    content, required = message.content, _REQUIRED.get(message.msg_type, {})
    for name, kind in required.items():
        if not isinstance(content.get(name), kind):
            return f"its `{name}` is no {kind.__name__}"
    for name, kind in _OPTIONAL.items():
        if content.get(name) is not None and not isinstance(content[name], kind):
            return f"its `{name}` is no {kind.__name__}"
    return ""
