"""Is interrupted by message only (`interrupt_mode: message`); a SIGINT kills it.

A cell is the number of seconds to sleep.
"""

import signal
import time

from bare import Bare


class Messaged(Bare):
    interrupted = False

    def execute(self, code, request):
        self.interrupted = False
        end = time.monotonic() + float(code)
        while time.monotonic() < end and not self.interrupted:
            self.take_one(50, self.control)
        if not self.interrupted:
            self.print(request, "slept")
            return None
        error = {"ename": "Woken", "evalue": "by a message", "traceback": ["Woken: by a message"]}
        self.say(request, "error", error)
        return {"status": "error", **error}

    def interrupt_request(self, request):
        self.interrupted = True
        self.reply(request, {})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Messaged().serve()
