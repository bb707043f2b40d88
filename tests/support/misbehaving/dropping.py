"""Loses the `idle` behind each cell, as kernels do that are faster than their connection."""

from bare import Bare


class Dropping(Bare):
    def finish(self, request, content):
        self.reply(request, content)


if __name__ == "__main__":
    Dropping().serve()
