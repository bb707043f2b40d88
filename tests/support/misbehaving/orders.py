"""Replies before it is idle, or is idle before it replies, as the cell says."""

import time

from bare import Bare


class Orders(Bare):
    def finish(self, request, content):
        if request.content["code"] == "reply first":
            self.reply(request, content)
            time.sleep(0.3)
            self.print(request, " and after the reply")
            self.status(request, "idle")
        else:
            self.status(request, "idle")
            time.sleep(0.3)
            self.reply(request, content)


if __name__ == "__main__":
    Orders().serve()
