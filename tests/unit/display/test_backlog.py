"""What front-ends have not read is known, wherever it waits."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.raw import wait_until

from silik_magics.display import backlog
from silik_magics.display.backlog import Backlog

FRAME = b"x" * 65536
ON_WIRE = len(FRAME) + 9

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")


class Thread:
    """Keeps what it is to send, as zmq does until its own thread gets a turn."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def send_multipart(self, frames: list[Any]) -> None:
        self.kept += frames


class Connected:
    """A backlog with one front-end."""

    def __init__(self, server: socket.socket) -> None:
        self.thread = Thread()
        self.backlog = Backlog(self.thread, server.getsockname()[1])
        self.reader = socket.create_connection(server.getsockname())
        self.writer, _ = server.accept()
        self.writer.sendall(b"hello")  # as zmq does
        self.reader.recv(5)
        wait_until(lambda: self.backlog.measure() == 0)

    def send(self, count: int) -> None:
        for _ in range(count):
            self.backlog.send_multipart([FRAME])

    def pass_on(self, count: int) -> None:
        """Let so many frames go on the wire, and be read."""
        for _ in range(count):
            self.writer.sendall(b"header..." + self.thread.kept.pop(0))
            left = ON_WIRE
            while left:
                left -= len(self.reader.recv(left))


@pytest.fixture
def connected() -> Iterator[Connected]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        opened = Connected(server)
        with opened.reader, opened.writer:
            yield opened


def test_messages_go_the_way_of_the_thread(connected: Connected) -> None:
    connected.send(1)
    assert connected.thread.kept == [FRAME]


def test_what_waits_in_the_connection_is_seen(connected: Connected) -> None:
    sent = fill(connected.writer)
    assert connected.backlog.measure() > 0
    while sent:
        sent -= len(connected.reader.recv(65536))
    wait_until(lambda: connected.backlog.measure() == 0)


@linux
def test_what_is_not_in_the_connection_yet_is_seen(connected: Connected) -> None:
    connected.send(10)
    assert connected.backlog.measure() == 10 * ON_WIRE
    connected.pass_on(4)
    wait_until(lambda: connected.backlog.measure() == 6 * ON_WIRE)
    connected.send(1)
    connected.pass_on(7)
    wait_until(lambda: connected.backlog.measure() == 0)


@linux
def test_buffers_count_in_bytes(connected: Connected) -> None:
    connected.backlog.send_multipart([memoryview(FRAME).cast("d")])
    assert connected.backlog.measure() == ON_WIRE


@linux
def test_what_others_send_does_not_count_against_what_is_sent_later(connected: Connected) -> None:
    connected.writer.sendall(FRAME)
    connected.reader.recv(len(FRAME), socket.MSG_WAITALL)
    wait_until(lambda: connected.backlog.measure() == 0)
    connected.send(1)
    assert connected.backlog.measure() == ON_WIRE


@linux
def test_what_a_front_end_did_not_subscribe_to_is_given_up(
    connected: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "QUIET_SECONDS", 0.2)
    connected.send(1)
    assert connected.backlog.measure() == ON_WIRE
    assert wait_until(lambda: connected.backlog.measure() == 0) > 0.15


def test_a_front_end_that_goes_away_has_nothing_to_read(connected: Connected) -> None:
    connected.send(10)
    connected.backlog.measure()
    connected.reader.close()
    connected.writer.close()
    wait_until(lambda: connected.backlog.measure() == 0)


@linux
def test_a_descriptor_that_is_something_else_now_is_no_front_end(
    connected: Connected, tmp_path: Path
) -> None:
    connected.send(10)
    assert connected.backlog.measure() >= 0
    with (tmp_path / "file").open("wb") as file:
        os.dup2(file.fileno(), connected.writer.fileno())
    before = psutil.Process().num_fds()
    assert [connected.backlog.measure() for _ in range(10)] == [0] * 10
    assert psutil.Process().num_fds() == before


def fill(writer: socket.socket) -> int:
    """Send until no more is taken; return how much that was."""
    writer.setblocking(False)
    sent = 0
    with suppress(BlockingIOError):
        while True:
            sent += writer.send(b"x" * 65536)
    return sent
