"""Which message answers which request, and when a request is over; pure, no I/O.

The rules, all of them in this file:

* A message belongs to the request whose id is its parent's id.
* A request is over when everything it expects has come, in whatever order. `execute` expects its
  reply and an `idle` status: the reply comes over one socket and the outputs over another, and
  only `idle` says that the outputs are complete. A question (`complete`, `inspect`, ...) expects
  its reply only. A comm message expects `idle` only, for it has no reply.
* A forwarded request of another front-end expects the same, and everything that has its id as
  parent is relayed: replies, outputs, status and questions alike.
* A request has begun when the kernel says anything because of it, `busy` apart. Before, kernels
  (ipykernel is one) ignore an interrupt: it has to be sent again.
* On shell and control only what is called a reply is one, and only the first; on stdin only an
  `input_request` is a question. Anything else there is foreign, whatever it names as its parent.
* What comes for a request that is over is late. It goes where the outputs of that request went.
* What belongs to no request that we know (another client's, or one long forgotten) is foreign.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from silik_magics.kernels.messages import Message

REMEMBERED = 256  # requests whose late outputs can still be delivered

REPLYING = ("shell", "control")

# These are answered by outputs alone, and by the status `idle` behind them.
WITHOUT_REPLY = frozenset({"comm_open", "comm_msg", "comm_close"})


class Kind(Enum):
    """What a message means for the request that it belongs to."""

    STATUS = auto()
    REPLY = auto()
    OUTPUT = auto()
    LATE = auto()
    INPUT = auto()
    FOREIGN = auto()


@dataclass(eq=False)
class Request:
    """Something that was asked of a kernel.

    Args:
        msg_id: the id of the message that asked.
        expects_reply: it is not over before its reply.
        expects_idle: it is not over before the kernel says `idle` for it.
        on_output: called with each message that it causes on iopub, late ones too.
        on_input: called with each question of the kernel to the user.
        relay: called with everything that it causes, of whatever kind, instead of those two.

    Attributes:
        reply: its reply, when it came.
        idle: whether the kernel has said `idle` for it.
        begun: whether the kernel has said anything else because of it.
        failed: whether an `error` was among its outputs.
    """

    msg_id: str
    expects_reply: bool = True
    expects_idle: bool = False
    on_output: Callable[[Message], None] | None = None
    on_input: Callable[[Message], None] | None = None
    relay: Callable[[Message], None] | None = None
    reply: Message | None = None
    idle: bool = False
    begun: bool = False
    failed: bool = False

    @property
    def is_execution(self) -> bool:
        """Whether it makes the kernel run code: it expects a reply, and `idle`."""
        return self.expects_reply and self.expects_idle

    @property
    def over(self) -> bool:
        """Whether everything that it expects has come."""
        replied = self.reply is not None or not self.expects_reply
        return replied and (self.idle or not self.expects_idle)


def _fits(message: Message) -> bool:
    """Say whether its channel is one for such a message."""
    if message.channel in REPLYING:
        return message.msg_type.endswith("_reply")
    return message.channel != "stdin" or message.msg_type == "input_request"


def forwarded(message: Message, relay: Callable[[Message], None]) -> Request:
    """Return the request that a front-end's message makes when it is passed on as it is."""
    kind = message.msg_type
    return Request(
        message.header["msg_id"],
        expects_reply=kind not in WITHOUT_REPLY,
        expects_idle=kind == "execute_request" or kind in WITHOUT_REPLY,
        relay=relay,
    )


@dataclass
class Requests:
    """The requests of one connection: those under way, and the last ones that are over."""

    pending: dict[str, Request] = field(default_factory=dict[str, Request])
    _past: OrderedDict[str, Request] = field(default_factory=OrderedDict[str, Request])

    def begin(self, request: Request) -> Request:
        """Add a request that is about to be sent."""
        self.pending[request.msg_id] = request
        return request

    def next_execution(self) -> Request | None:
        """Return the oldest execution under way: the one that the kernel runs, or runs next."""
        return next((one for one in self.pending.values() if one.is_execution), None)

    def feed(self, message: Message) -> tuple[Kind, Request | None]:
        """Say what a message means, and for which request; a finished one leaves `pending`."""
        request = self.pending.get(message.parent_id)
        if request is None:
            return self._late(message)
        kind = self._apply(request, message)
        if request.over:
            self.end(request)
        return kind, request

    def _apply(self, request: Request, message: Message) -> Kind:
        if message.msg_type == "status" and message.channel == "iopub":
            request.idle = request.idle or message.content.get("execution_state") == "idle"
            return Kind.STATUS
        if not _fits(message) or (message.channel in REPLYING and request.reply is not None):
            return Kind.FOREIGN
        request.begun = True
        if message.channel == "stdin":
            return Kind.INPUT
        if message.channel != "iopub":
            request.reply = message
            return Kind.REPLY
        request.failed = request.failed or message.msg_type == "error"
        return Kind.OUTPUT

    def _late(self, message: Message) -> tuple[Kind, Request | None]:
        request = self._past.get(message.parent_id)
        if message.msg_type == "status":
            return Kind.STATUS, request
        if request is None or (message.channel != "iopub" and request.relay is None):
            return Kind.FOREIGN, None
        if not _fits(message) or (message.channel in REPLYING and request.reply is not None):
            return Kind.FOREIGN, None
        return Kind.LATE, request

    def end(self, request: Request) -> None:
        """Take a request out of `pending`, over or abandoned; its late outputs are still known."""
        if self.pending.pop(request.msg_id, None) is None:
            return
        if request.on_output is not None or request.relay is not None:
            self._past[request.msg_id] = request
            while len(self._past) > REMEMBERED:
                self._past.popitem(last=False)
