"""Signs all that it says with a key of its own."""

from bare import Bare

if __name__ == "__main__":
    kernel = Bare()
    kernel.key = b"another key"
    kernel.serve()
