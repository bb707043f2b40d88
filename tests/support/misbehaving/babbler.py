"""Answers whatever it is asked with random frames, and never becomes ready."""

import os
import sys

from bare import Bare


class Babbler(Bare):
    def take_one(self, _timeout, *sockets):
        for socket in sockets or (self.shell, self.control):
            if socket.poll(20):
                identity, *_ = socket.recv_multipart()
                socket.send_multipart([identity, os.urandom(30), b"", os.urandom(3)])
        self.iopub.send_multipart([os.urandom(20)])
        return True


if __name__ == "__main__":
    print("bla bla", file=sys.stderr, flush=True)
    Babbler().serve()
