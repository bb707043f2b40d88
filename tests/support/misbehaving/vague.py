"""Tells of itself, and answers questions, with fields that are missing or of other types."""

from bare import Bare

ODD = {"language_info": {"name": 5, "file_extension": "/../\x1b[2J<b>\n", "version": []}}
ODD |= {"implementation": {}, "supported_features": 5, "banner": None, "protocol_version": []}


class Vague(Bare):
    def kernel_info_request(self, request):
        self.status(request, "busy")
        self.reply(request, ODD)
        self.status(request, "idle")

    def complete_request(self, request):
        odd = {"_jupyter_types_experimental": [5, {}, {"text": []}]}
        self.reply(request, {"matches": [5, "ok", None], "cursor_start": "x", "metadata": odd})

    def history_request(self, request):
        self.reply(request, {"history": [5, [], [1, [], {}]]})

    def inspect_request(self, request):
        self.reply(request, {"found": 5, "data": 7})

    def is_complete_request(self, request):
        self.reply(request, {"status": []})


if __name__ == "__main__":
    Vague().serve()
