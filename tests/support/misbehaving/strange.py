"""Publishes message types that nobody has heard of, with metadata and binary buffers."""

from bare import Bare


class Strange(Bare):
    def execute(self, code, request):
        self.print(request, code)
        self.say(
            request,
            "hologram",
            {"depth": 3, "nested": {"ü": [1, None, "𝄞"]}},
            metadata={"laser": "green"},
            buffers=[b"\x00\xff\x00", b"", b"x" * 100_000],
        )
        self.say(request, "display_data", {"data": {}, "metadata": {}}, buffers=[b"\x01"])
        self.print(request, "after")


if __name__ == "__main__":
    Strange().serve()
