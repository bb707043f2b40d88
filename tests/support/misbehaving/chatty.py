"""Writes a lot to its own stdout and stderr, past the protocol."""

import os

from bare import Bare

LINES = b"I am talking to myself and nobody should hear it\n" * 20_000  # 1 MB


def talk() -> None:
    for descriptor in (1, 2):
        os.write(descriptor, LINES)


class Chatty(Bare):
    def execute(self, code, request):
        talk()
        self.print(request, code)
        talk()


if __name__ == "__main__":
    talk()
    Chatty().serve()
