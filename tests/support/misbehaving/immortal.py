"""Ignores SIGINT, SIGTERM and every shutdown_request."""

import signal

from bare import Bare


class Immortal(Bare):
    def shutdown_request(self, request):
        pass


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Immortal().serve()
