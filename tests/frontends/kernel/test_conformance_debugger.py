"""The debugger of a connected kernel: requests, events and replies are the kernel's own."""

from __future__ import annotations

import itertools
from typing import Any

from support.frontend import FrontEnd, Sent
from support.pairs import Pair, results

CODE = """\
def add(a, b):
    total = a + b
    return total

print('result', add(2, 3))
"""


class Debugging:
    """A debug session, as JupyterLab drives it."""

    def __init__(self, front_end: FrontEnd) -> None:
        self.front_end = front_end
        self.numbers = itertools.count(1)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        content = {"type": "request", "seq": next(self.numbers), "command": command}
        content["arguments"] = arguments
        return self.front_end.ask("debug_request", content, channel="control").content

    def until(self, event: str, count: int = 1) -> Sent:
        """Wait until an event has come so often, and return the last of them."""

        def come() -> list[Sent]:
            return [
                message
                for message in self.front_end.seen
                if message.msg_type == "debug_event" and message.content["event"] == event
            ]

        self.front_end.until(lambda: len(come()) >= count)
        return come()[-1]

    def begin(self) -> None:
        self.ask(
            "initialize",
            clientID="test",
            clientName="test",
            adapterID="",
            pathFormat="path",
            linesStartAt1=True,
            columnsStartAt1=True,
            supportsVariableType=True,
            supportsVariablePaging=True,
            supportsRunInTerminalRequest=True,
            locale="en",
        )
        self.ask("attach")

    def end(self) -> None:
        self.ask("disconnect", restart=False, terminateDebuggee=False)


def test_a_cell_stops_at_a_breakpoint_is_looked_into_and_goes_on(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        session = Debugging(front_end)
        session.begin()
        path = session.ask("dumpCell", code=CODE)["body"]["sourcePath"]
        session.ask(
            "setBreakpoints",
            breakpoints=[{"line": 2}],
            source={"path": path},
            sourceModified=False,
        )
        session.ask("debugInfo")
        session.ask("configurationDone")
        cell = front_end.execute(CODE)
        session.until("stopped")
        frames = session.ask("stackTrace", threadId=1)["body"]["stackFrames"]
        scopes = session.ask("scopes", frameId=frames[0]["id"])["body"]["scopes"]
        local = next(scope for scope in scopes if scope["name"] == "Locals")
        found = session.ask("variables", variablesReference=local["variablesReference"])
        assert [v["value"] for v in found["body"]["variables"] if v["name"] in "ab"] == ["2", "3"]
        session.ask("evaluate", expression="a * 100", frameId=frames[0]["id"], context="repl")
        session.ask("richInspectVariables", variableName="a", frameId=frames[0]["id"])
        session.ask("next", threadId=1)
        session.until("stopped", 2)
        session.ask("continue", threadId=1)
        front_end.over(cell)
        session.ask("inspectVariables")
        session.end()

    found = python.play(scene, by_request=True)
    assert {"name": "stdout", "text": "result 5\n"} in [message[2] for message in found["iopub"]]


def test_before_a_session_only_its_state_is_told(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        session = Debugging(front_end)
        session.ask("debugInfo")
        session.ask("no such command")
        front_end.run("x = 1")
        session.ask("inspectVariables")

    python.play(scene)


def test_cells_run_as_before_when_the_session_is_over(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        session = Debugging(front_end)
        session.begin()
        session.end()
        front_end.run("6 * 7")

    assert results(python.play(scene, by_request=True)) == ["42"]
