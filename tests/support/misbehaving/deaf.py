"""Binds its sockets and never answers."""

import sys
import time

from bare import Bare

if __name__ == "__main__":
    kernel = Bare()
    print("I am here, but I do not listen", file=sys.stderr, flush=True)
    time.sleep(600)
