"""Dies at once, with a word on stderr."""

import sys

if __name__ == "__main__":
    print("crashing: no libfoo.so.3 on this machine", file=sys.stderr)
    sys.exit(3)
