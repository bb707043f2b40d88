"""Needs two seconds to start."""

import time

from bare import Bare

if __name__ == "__main__":
    time.sleep(2)
    Bare().serve()
