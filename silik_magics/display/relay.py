"""Shows outputs through the iopub socket of the kernel that we live in.

A relayed message gets a new header and the host cell's parent; its content bytes, metadata and
buffers go on untouched, so a front-end sees what it would see if it had asked the kernel itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from silik_magics.display.answers import Answer
from silik_magics.display.backlog import Backlog
from silik_magics.display.flow import Flow
from silik_magics.display.live import InPlace, Live, Seldom
from silik_magics.kernels.kernel import Kernel
from silik_magics.kernels.messages import COMM_TYPES, Message

_LAST_COUNT = re.compile(rb'"execution_count":\s*\d+\s*\}\s*\Z')


class Relay:
    """The cell of a front-end, reached through its kernel.

    The error that ends a cell is not relayed: whoever runs the cell raises it, and the host then
    sends an equal one. What the kernel says after its error is kept until then, see :meth:`rest`.

    Args:
        session: the host kernel's; signs what is sent.
        socket: the host kernel's iopub socket, or its backlog; may be used from any thread.
        parent: the request of the front-end that everything shown answers.
        topic: the host kernel's topic for a message type.
        asker: asks the user, or None where the front-end can not be asked.
        on_comm: told of every comm message before it is relayed.
        count: the execution count of the cell. A result is shown under the number of its cell,
            and nbclient even gives a cell the number of its result.
        backlog: tells how much front-ends have not read; then the outputs wait for them.
    """

    def __init__(
        self,
        session: Any,
        socket: Any,
        parent: dict[str, Any],
        *,
        topic: Callable[[str], bytes],
        asker: Callable[[str, bool], Any] | None = None,
        on_comm: Callable[[Message, Kernel], None] | None = None,
        count: int | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        self._session = session
        self._socket = socket
        self._parent = parent.get("header", parent)
        self._is_of_notebook = "cellId" in parent.get("metadata", {})
        self._topic = topic
        self._asker = asker
        self._on_comm = on_comm
        self._count = count
        self._held: list[Message] | None = None
        self._flow: Flow[Message | Answer] = Flow(self._give, backlog)

    @property
    def can_ask(self) -> bool:
        """Whether the user can be asked."""
        return self._asker is not None

    def show(self, message: Message, kernel: Kernel) -> None:
        """Relay an output, or keep it behind an error that may end the cell."""
        if message.msg_type in COMM_TYPES and self._on_comm is not None:
            self._on_comm(message, kernel)
        if self._held is None:
            self._flow.put(message)
        else:
            self._held.append(message)

    def fail(self, message: Message, kernel: Kernel) -> None:
        """Keep an error, and what comes behind it, until it is known whether the cell ends so."""
        del kernel
        if self._held is None:
            self._held = []
        self._held.append(message)

    def rest(self, *, failed: bool) -> list[Message]:
        """Relay what was kept, up to the error that ends the cell, and return what is behind it.

        Args:
            failed: whether the cell ends with the last error that was kept; the host sends that
                one itself, and what is returned must be relayed after it.
        """
        held, self._held = self._held or [], None
        errors = [index for index, message in enumerate(held) if message.msg_type == "error"]
        end = errors[-1] if failed and errors else len(held)
        self.send_all(held[:end])
        return held[end + 1 :]

    def send_all(self, messages: list[Message]) -> None:
        """Relay messages as they are, when everything before them was sent; from any thread."""
        for message in messages:
            self._give(message)

    def answer(self, answer: Answer) -> None:
        """Show a command's answer."""
        if answer.text:
            self._flow.put(answer)

    def live(self) -> Live | None:
        """Return a display of the cell; None where nobody watches, as in batch runs.

        Front-ends of notebooks name the cell, and can replace what a display shows; a console
        does neither.
        """
        if not self.can_ask:
            return None
        return InPlace(self._flow.put) if self._is_of_notebook else Seldom(self.answer)

    async def ask(self, prompt: str, *, password: bool) -> str | None:
        """Ask the user."""
        assert self._asker is not None
        return await self._asker(prompt, password)

    async def drained(self) -> None:
        """Wait until everything was sent: the cell ends then, and nothing may come behind that."""
        await self._flow.drained()

    def _give(self, item: Message | Answer) -> None:
        if isinstance(item, Message):
            self._give_message(item)
            return
        content = {"data": item.bundle(), "metadata": {}, "transient": {}}
        message = self._session.msg("display_data", content, parent=self._parent)
        self._session.send(self._socket, message, ident=self._topic("display_data"))

    def _give_message(self, message: Message) -> None:
        relayed = self._session.msg(
            message.msg_type, parent=self._parent, metadata=message.metadata
        )
        relayed["content"] = self._content(message)
        self._session.send(
            self._socket,
            relayed,
            ident=self._topic(message.msg_type),
            buffers=list(message.buffers),
        )

    def _content(self, message: Message) -> bytes:
        if message.msg_type == "execute_result" and self._count is not None:
            return numbered(message, self._count)
        ours, theirs = message.parent_id, self._parent.get("msg_id", "")
        if message.msg_type not in COMM_TYPES or not (ours and theirs):
            return message.packed
        # An Output widget names the request whose outputs it takes. The front-end knows its own
        # request, not ours.
        return message.packed.replace(ours.encode(), theirs.encode())


def numbered(message: Message, count: int) -> bytes:
    """Return the content of an execute_result with another execution count."""
    new = b'"execution_count": %d}' % count
    packed, found = _LAST_COUNT.subn(new, message.packed)
    # Only where the count is not the last field must the content be decoded.
    return packed if found else json.dumps({**message.content, "execution_count": count}).encode()
