"""Publishes an output of a cell after that cell is idle: when the next one is executed."""

from bare import Bare


class Late(Bare):
    before = None

    def execute(self, code, request):
        if self.before is not None:
            self.print(self.before, "late words of the cell before")
        self.print(request, code)
        self.before = request

    def kernel_info_request(self, request):
        if self.before is not None:
            self.print(self.before, "later words")
        super().kernel_info_request(request)


if __name__ == "__main__":
    Late().serve()
