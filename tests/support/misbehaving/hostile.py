"""Sends what no kernel should, as its cell says, and then says that it is done.

A cell is names of tricks, or `fuzz SEED COUNT`: so many messages of its own, each bent somehow.
"""

import json
import random

from bare import DELIMITER, Bare

KINDS = ["stream", "display_data", "update_display_data", "execute_result", "error", "status"]
KINDS += ["input_request", "comm_open", "comm_msg", "comm_close", "clear_output", "iopub_welcome"]
FIELDS = ["name", "text", "data", "metadata", "transient", "ename", "evalue", "traceback"]
FIELDS += ["execution_state", "execution_count", "comm_id", "target_name", "wait"]
ODD = [None, 5, -1, True, [], {}, [[]], {"a": {}}, "", "x", 10**400, 1e999, "\ud800", "\x1b[2J"]
PARTS = [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe", b'{"a":' * 9999 + b"1" + b"}" * 9999]
PARTS += [b'{"n": ' + b"9" * 5000 + b"}", b'{"a": NaN}', b'{"a": "\\ud800"}', b"x" * 100_000]


class Hostile(Bare):
    says_much = True
    told = None

    def execute(self, code, request):
        self.told = {}
        trick, *rest = code.split()
        if trick == "fuzz":
            self.fuzz(request, *map(int, rest))
        else:
            for name in (trick, *rest):
                getattr(self, name)(request)
        self.print(request, "after")
        return self.told

    def parts(self, request, kind, content):
        header = {"msg_id": f"{kind}-{random.random()}", "msg_type": kind, "session": "hostile"}
        parts = (header, request.header, {}, content)
        return [x if isinstance(x, bytes) else json.dumps(x).encode() for x in parts]

    def raw(self, parts, socket=None, identities=(), signature=None):
        signature = self.sign(parts) if signature is None else signature
        (socket or self.iopub).send_multipart([*identities, DELIMITER, signature, *parts])

    # Tricks

    def wrong_key(self, request):
        for signature in (b"", b"0" * 64, b"\xff", b"x"):
            self.raw(self.parts(request, "stream", STREAM), signature=signature)

    def replay(self, request):
        parts = self.parts(request, "stream", {"name": "stdout", "text": "once "})
        self.raw(parts)
        self.raw(parts)

    def frames(self, request):
        for frames in ([b""], [b"junk"], [b"\xff", b"\x00"], [DELIMITER], [b"", DELIMITER, b""]):
            self.iopub.send_multipart(frames)
            request.socket.send_multipart([*request.identities, *frames])
            self.stdin.send_multipart([*request.identities, *frames])

    def bent_parts(self, request):
        for index in range(4):
            for part in PARTS:
                parts = self.parts(request, "hologram", {})
                parts[index] = part
                self.raw(parts)
                self.raw(parts, request.socket, request.identities)

    def headers(self, request):
        for name in ("msg_id", "msg_type", "session"):
            for value in ODD:
                header = {"msg_id": str(random.random()), "msg_type": "stream", "session": "s"}
                header[name] = value
                self.raw([json.dumps(header).encode(), *self.parts(request, "", FAINT)[1:]])
                del header[name]
                self.raw([json.dumps(header).encode(), *self.parts(request, "", FAINT)[1:]])

    def contents(self, request):
        for kind in KINDS:
            if kind not in ("status", "input_request", "error"):
                self.raw(self.parts(request, kind, {}))
                for name in FIELDS:
                    for value in ODD:
                        self.raw(self.parts(request, kind, {name: value}))
        for content in ({}, {"execution_state": 5}, {"execution_state": "odd"}):
            self.raw(self.parts(request, "status", content))

    def errors(self, request):
        for content in ({}, {"traceback": 5}, {"traceback": [5, None]}, {"ename": [], "evalue": 1}):
            self.raw(self.parts(request, "error", content))

    def answers_nothing(self, request):
        other = {**request.header, "msg_id": "of another request"}
        self.send(request.socket, "execute_reply", {"status": "ok"}, other, request.identities)
        self.send(request.socket, "execute_reply", {"status": "ok"}, {}, request.identities)
        self.send(self.stdin, "input_request", {"prompt": ""}, other, request.identities)

    def no_status(self, _request):
        self.told = {"status": None}

    def odd_status(self, _request):
        self.told = {"status": "error", "ename": 5, "evalue": [], "traceback": 7}

    def huge_metadata(self, request):
        self.say(request, "display_data", DISPLAY, metadata={"x": "y" * 100_000_000})

    def unusual(self, request):
        """Say what is valid, and seldom."""
        for value in (DEEP, b"9" * 5000, b'"\\ud800"', b"NaN"):
            content = (
                b'{"data": {"text/plain": "", "application/json": %s}, "metadata": {}}' % value
            )
            self.raw(self.parts(request, "display_data", content))

    def fuzz(self, request, seed, count):
        chance = random.Random(seed)
        for _ in range(count):
            content = {name: chance.choice(ODD) for name in chance.sample(FIELDS, 3)}
            kinds = [kind for kind in KINDS if kind not in ("status", "input_request", "error")]
            parts = self.parts(request, chance.choice(kinds), chance.choice([content, STREAM]))
            if chance.random() < 0.3:
                parts[chance.randrange(4)] = chance.choice(PARTS)
            if chance.random() < 0.3:
                index, at = chance.randrange(4), chance.randrange(60)
                part = parts[index]
                parts[index] = part[:at] + chance.randbytes(chance.randrange(4)) + part[at + 1 :]
            signature = chance.choice([None, None, None, b"", b"0" * 64])
            if chance.random() < 0.2:
                self.raw(parts, chance.choice([request.socket, self.stdin]), request.identities)
            self.raw(parts[: chance.choice([4, 4, 4, 4, 3, 0])], signature=signature)


STREAM = {"name": "stdout", "text": "must not be seen"}
FAINT = {"name": "stdout", "text": "faint "}
DISPLAY = {"data": {"text/plain": "large"}, "metadata": {}}
DEEP = b"[" * 10_000 + b"]" * 10_000


if __name__ == "__main__":
    Hostile().serve()
