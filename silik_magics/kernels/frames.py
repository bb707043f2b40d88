"""Reads a message from the frames of the wire: verified, and fit to be passed on; no I/O.

Anybody can connect to a port, and a kernel can send anything. What is not signed with the key, was
signed once before, or has no header of a message is dropped. What can be done without is not
worth a lost reply: a parent or metadata that nobody can read or pass on counts as empty.
"""

from __future__ import annotations

import json
import logging
import math
from hmac import compare_digest
from typing import Any

from jupyter_client._version import protocol_version
from jupyter_client.session import DELIM, Session

from silik_magics.errors import well_formed
from silik_magics.kernels.messages import Message, may_hold_surrogates

logger = logging.getLogger(__name__)

DEEPEST = 100  # levels of a header or of metadata: json's own limit depends on who calls
BRACKETS = 2 * DEEPEST  # with no more than so many, looking how deep it is is left out
MAJOR = protocol_version.partition(".")[0]
BLANKS = b" \t\r\n"


class InvalidMessageError(ValueError):
    """The frames make no message for us; says why, without a word of what is in them."""


def read(session: Session, channel: str, frames: list[Any]) -> tuple[list[bytes], Message] | None:
    """Return the identities before a message, and the message; None, logged, if it is not valid.

    Args:
        session: its key verifies the signature, unless its `auth` is None.
        channel: where it came.
        frames: of a multipart zmq message.
    """
    try:
        return _read(session, channel, frames)
    except InvalidMessageError as error:
        logger.warning("dropped a message on %s that is not valid: %s", channel, error)
        return None


def _read(session: Session, channel: str, frames: list[Any]) -> tuple[list[bytes], Message]:
    if DELIM not in frames:
        raise InvalidMessageError("it has no delimiter")
    at = frames.index(DELIM)
    identities, parts = frames[:at], frames[at + 1 :]
    if len(parts) < 5:
        raise InvalidMessageError(f"it has {len(parts)} parts of 5")
    signature, *packed = parts[:5]
    _verify(session, signature, packed)
    header, content = _header(packed[0]), packed[3]
    if not (content.lstrip(BLANKS)[:1] == b"{" and content.rstrip(BLANKS)[-1:] == b"}"):
        raise InvalidMessageError(f"the content of its {header['msg_type'][:80]!r} is no object")
    parent = _part(packed[1])
    if not isinstance(parent.get("msg_id"), str):  # nobody could tell what it answers
        parent = {}
    buffers = [memoryview(buffer) for buffer in parts[5:]]
    return identities, Message(channel, header, parent, _part(packed[2]), content, buffers)


def _verify(session: Session, signature: bytes, packed: list[bytes]) -> None:
    if session.auth is None:
        return
    if not signature:
        raise InvalidMessageError("it is not signed")
    if not compare_digest(signature, session.sign(packed)):
        raise InvalidMessageError("it is signed with another key")
    if signature in session.digest_history:
        raise InvalidMessageError("it came before")
    # Session keeps none of a message whose content stays packed.
    session._add_digest(signature)


def _header(packed: bytes) -> dict[str, Any]:
    header = _part(packed)
    for name in ("msg_id", "msg_type"):
        if not (isinstance(header.get(name), str) and header[name]):
            raise InvalidMessageError(f"its header has no {name}")
    version = header.get("version")
    if not (isinstance(version, str) and version.startswith(f"{MAJOR}.")):
        header["version"] = protocol_version  # clients take none for the one before, and fail
    return header


def _part(packed: bytes) -> dict[str, Any]:
    """Return a part that can be sent on as it is; an empty one when it can not be read."""
    if packed == b"{}":
        return {}
    text = packed.decode("utf-8", "replace")
    try:
        found = _DECODER.decode(text)
        if packed.count(b"[") + packed.count(b"{") > BRACKETS and _depth(found) > DEEPEST:
            return {}
        if may_hold_surrogates(packed):  # half of a pair is JSON, but no text that could be sent on
            found = json.loads(well_formed(json.dumps(found, ensure_ascii=False)))
    except (ValueError, RecursionError):  # ValueError: no JSON, or a number of 5,000 digits
        return {}
    return found if isinstance(found, dict) else {}


def _finite(number: str) -> float | None:
    """Read `NaN` and the infinities, which could not be sent on, as null."""
    value = float(number)
    return value if math.isfinite(value) else None


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def _depth(value: Any) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo and deepest <= DEEPEST:
        item, depth = todo.pop()
        deepest = max(deepest, depth)
        inner = item.values() if isinstance(item, dict) else item
        if isinstance(item, dict | list):
            todo += [(one, depth + 1) for one in inner if isinstance(one, dict | list)]
    return deepest
