"""Asks for input although it was told that there is nobody to ask, and waits for the answer.

An interrupt ends the waiting, as in most kernels.
"""

from bare import Bare


class Asking(Bare):
    answer = ""

    def execute(self, code, request):
        content = {"prompt": code, "password": False}
        try:
            self.send(self.stdin, "input_request", content, request.header, request.identities)
            # In slices: a signal just before a poll would not end it.
            while not self.take_one(50, self.stdin):
                pass
        except KeyboardInterrupt:
            error = {"ename": "Interrupted", "evalue": "", "traceback": ["Interrupted"]}
            self.say(request, "error", error)
            return {"status": "error", **error}
        self.print(request, f"you said {self.answer}")
        return None

    def input_reply(self, request):
        self.answer = request.content["value"]


if __name__ == "__main__":
    Asking().serve()
