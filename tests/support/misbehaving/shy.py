"""Says nothing on iopub for kernel_info until it was asked twice."""

from bare import Bare


class Shy(Bare):
    asked = 0

    def kernel_info_request(self, request):
        self.asked += 1
        super().kernel_info_request(request)

    def status(self, request, state):
        if self.asked > 1:
            super().status(request, state)


if __name__ == "__main__":
    Shy().serve()
