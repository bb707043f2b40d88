"""Comes to its ports late: somebody else had them, who speaks zmq too, and is not a kernel."""

import json
import sys
import time
from pathlib import Path

import zmq
from asking import Asking

SECONDS = 0.5


def hold_all_ports() -> None:
    info = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with zmq.Context() as context:
        for name in ("shell", "control", "stdin", "iopub"):
            socket = context.socket(zmq.ROUTER if name == "iopub" else zmq.PUB)
            socket.bind(f"{info['transport']}://{info['ip']}:{info[f'{name}_port']}")
        time.sleep(SECONDS)
        context.destroy(linger=0)


if __name__ == "__main__":
    hold_all_ports()
    Asking().serve()
