"""What a connection file says, checked: anybody may have written it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from silik_magics.kernels.files import read_bytes

LARGEST = 1_000_000  # bytes; real ones hold 300
CHANNELS = ("shell", "iopub", "stdin", "control")
LAST_PORT = 65535
CURVE_KEY = 40  # characters of a CurveZMQ key in Z85


def read_connection_file(path: str) -> dict[str, Any]:
    """Return the fields of a connection file.

    Raises:
        OSError: it can not be read.
        ValueError: it is no JSON object with the fields of a connection file; says why.
    """
    packed = read_bytes(path, LARGEST)
    try:
        info = json.loads(packed.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(info, dict):
        raise ValueError("it is no JSON object")
    _check_address(info)
    _check_keys(info)
    return info


def _check_address(info: dict[str, Any]) -> None:
    ports = [f"{name}_port" for name in CHANNELS]
    missing = [field for field in ("ip", "transport", *ports) if field not in info]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    if not info["ip"]:
        raise ValueError("its ip is empty")
    if info["transport"] not in ("tcp", "ipc"):
        raise ValueError(f"its transport {info['transport']!r:.60} is neither tcp nor ipc")
    for name in ports:
        port = info[name]
        good = isinstance(port, int) and not isinstance(port, bool) and 0 < port <= LAST_PORT
        if not good:
            raise ValueError(f"its {name} is no port")


def _check_keys(info: dict[str, Any]) -> None:
    texts = ("ip", "key", "signature_scheme", "kernel_name", "curve_publickey", "curve_secretkey")
    for name in texts:
        text = info.get(name, "")
        if not isinstance(text, str) or not text.isprintable():
            raise ValueError(f"its {name} is no text")
    scheme = info.get("signature_scheme") or "hmac-sha256"
    if not scheme.startswith("hmac-") or scheme[5:] not in hashlib.algorithms_available:
        raise ValueError(f"its signature_scheme {scheme!r:.60} is not known")
    for name in ("curve_publickey", "curve_secretkey"):
        if info.get(name) and not (info[name].isascii() and len(info[name]) == CURVE_KEY):
            raise ValueError(f"its {name} is no key")
    if bool(info.get("curve_publickey")) != bool(info.get("curve_secretkey")):
        raise ValueError("it has only one of curve_publickey and curve_secretkey")
