"""Listens to its heartbeat port, and never answers there."""

import json
import sys
from pathlib import Path

import zmq
from bare import Bare


class Mute(Bare):
    def __init__(self):
        super().__init__()
        info = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        self.heartbeat = self.context.socket(zmq.ROUTER)
        self.heartbeat.bind(f"{info['transport']}://{info['ip']}:{info['hb_port']}")


if __name__ == "__main__":
    Mute().serve()
