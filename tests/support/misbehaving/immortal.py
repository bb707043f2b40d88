"""Ignores SIGINT, SIGTERM, SIGHUP and every shutdown_request."""

import signal

from bare import Bare


class Immortal(Bare):
    def shutdown_request(self, request):
        pass


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    Immortal().serve()
