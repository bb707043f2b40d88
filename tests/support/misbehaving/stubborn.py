"""Ignores SIGINT, and sleeps as long as the cell says."""

import signal
import time

from bare import Bare


class Stubborn(Bare):
    def execute(self, code, request):
        time.sleep(float(code))
        self.print(request, "slept")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Stubborn().serve()
