"""Wants its ports for itself: binds them first without the option that servers bind with."""

import json
import socket
import sys
from pathlib import Path

from bare import Bare


def claim_ports() -> None:
    info = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for name in ("shell", "control", "stdin", "iopub", "hb"):
        with socket.socket() as claimed:
            claimed.bind((info["ip"], info[f"{name}_port"]))


if __name__ == "__main__":
    claim_ports()
    Bare().serve()
