"""Comms of sub-kernels: ipywidgets live in the host's notebook."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest
from nbclient.client import NotebookClient
from support.host import Host, another_client, host

SLIDER = """\
import ipywidgets
slider = ipywidgets.IntSlider(value=3, description="size")
def seen(change):
    print("now", change["new"], flush=True)
slider.observe(seen, "value")
slider
"""
BYTES = """\
from comm import create_comm
got = []
channel = create_comm(target_name="silik.bytes", data={"a": 1}, buffers=[b"\\x00opened"])
def answer(message):
    got.append([bytes(buffer) for buffer in message["buffers"]])
    back = [bytes(buffer)[::-1] for buffer in message["buffers"]]
    channel.send({"echo": message["content"]["data"]}, buffers=back)
channel.on_msg(answer)
channel.comm_id
"""
# nbclient misses a reply that comes in the moment in which it tells the widget what it took.
OUTPUT = """\
import time
import ipywidgets
out = ipywidgets.Output()
with out:
    print("inside", flush=True)
    ipywidgets.HTML("<b>too</b>")
time.sleep(0.3)
print("outside")
out
"""


@pytest.fixture(autouse=True)
def kernel(notebook: Host) -> Iterator[None]:
    notebook.ok("%silik start python3 -l k1 --replace")
    yield
    notebook.ok("%silik stop k*")
    assert notebook.comms() == {}


def slider_of(notebook: Host) -> str:
    """Show a slider and return the id of its comm."""
    cell = notebook.ok(f"%%silik k1.py\n{SLIDER}")
    opened = {
        message["content"]["data"]["state"]["_model_name"]: message
        for message in cell.messages
        if message["msg_type"] == "comm_open"
    }
    assert set(opened) >= {"IntSliderModel", "LayoutModel"}
    slider = opened["IntSliderModel"]
    assert slider["metadata"]["version"].startswith("2")
    (shown,) = [m["content"]["data"] for m in cell.messages if m["msg_type"] == "display_data"] or [
        m["content"]["data"] for m in cell.messages if m["msg_type"] == "execute_result"
    ]
    view = shown["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == slider["content"]["comm_id"]
    return view["model_id"]


def move(comm_id: str, value: int) -> dict[str, Any]:
    return {
        "comm_id": comm_id,
        "data": {"method": "update", "state": {"value": value}, "buffer_paths": []},
    }


def test_the_front_end_moves_a_slider_of_a_sub_kernel(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    request = notebook.comm("comm_msg", move(comm_id, 8))
    messages = request.until_idle()
    (echo,) = [m for m in messages if m["msg_type"] == "comm_msg"]
    assert echo["content"]["comm_id"] == comm_id
    assert echo["content"]["data"] == {
        "method": "echo_update",
        "state": {"value": 8},
        "buffer_paths": [],
    }
    assert [m["content"]["text"] for m in messages if m["msg_type"] == "stream"] == ["now 8\n"]
    assert notebook.ok("%%silik k1.py\nslider.value").plain == ["8"]


def test_the_sub_kernel_moves_its_slider_in_the_front_end(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    cell = notebook.ok("%%silik k1.py\nslider.value = 5")
    (update,) = [m["content"] for m in cell.messages if m["msg_type"] == "comm_msg"]
    assert update["comm_id"] == comm_id
    assert update["data"]["state"] == {"value": 5}


def test_the_front_end_can_ask_for_the_state(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    content = {"comm_id": comm_id, "data": {"method": "request_state"}}
    messages = notebook.comm("comm_msg", content).until_idle()
    assert messages[-1]["content"]["data"]["state"]["description"] == "size"


def test_comm_info_lists_the_comms_of_sub_kernels(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    assert notebook.comms()[comm_id] == {"target_name": "jupyter.widget"}


def test_a_kernel_that_is_busy_does_not_hold_the_host_up(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    with another_client(notebook, "k1.py") as client:
        client.execute("import time; time.sleep(3)")
        client.get_iopub_msg(timeout=5)  # it says that it is busy
        time.sleep(0.1)
        begin = time.monotonic()
        notebook.comm("comm_msg", move(comm_id, 9)).until_idle()
        notebook.ok("1")
        assert time.monotonic() - begin < 1
    assert notebook.ok("%%silik k1\nslider.value").plain == ["9"]


def test_an_interrupt_stops_what_a_widget_does_in_the_sub_kernel(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    notebook.ok(
        "%%silik k1.py\ndef slow(change):\n    print('in', flush=True)\n    time.sleep(100)\n"
        "import time\nslider.observe(slow, 'value')"
    )
    request = notebook.comm("comm_msg", move(comm_id, 9))
    request.until_seen("in\\n")
    pressed = time.monotonic()
    notebook.interrupt()
    request.until_idle()
    assert time.monotonic() - pressed < 1.5
    assert notebook.ok("%%silik k1.py\nslider.value").plain == ["9"]


def test_comms_are_closed_when_the_kernel_is_restarted(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    cell = notebook.ok("%silik restart k1.py")
    assert comm_id in closed(cell.messages + cell.others)
    assert notebook.comms() == {}
    slider_of(notebook)


@pytest.mark.parametrize("command", ["stop k1.py", "stop --now k1.py", "rm k1.py", "kill k1.py"])
def test_comms_are_closed_when_the_kernel_is_ended(notebook: Host, command: str) -> None:
    comm_id = slider_of(notebook)
    cell = notebook.ok(f"%silik {command}")
    assert comm_id in closed(cell.messages + cell.others)
    assert notebook.comms() == {}
    notebook.ok("%silik start python3 -l k1 --if-missing")


def test_comms_are_closed_when_the_kernel_dies(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    cell = notebook.run("%%silik k1.py\nimport os; os._exit(7)")
    later = notebook.ok("1")
    assert comm_id in closed(cell.messages + cell.others + later.others)
    assert notebook.comms() == {}


def test_a_message_for_a_dead_kernel_does_no_harm(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    notebook.run("%silik kill k1.py")
    notebook.comm("comm_msg", move(comm_id, 9)).until_idle()
    assert notebook.ok("1").plain == ["1"]


def test_a_widget_that_is_closed_is_closed_in_the_host(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    cell = notebook.ok("%%silik k1.py\nslider.close()")
    assert closed(cell.messages) == [comm_id]
    assert comm_id not in notebook.comms()


def test_a_widget_that_the_front_end_closes_is_closed_in_the_sub_kernel(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    notebook.comm("comm_close", {"comm_id": comm_id, "data": {}}).until_idle()
    assert comm_id not in notebook.comms()
    there = f"import comm; {comm_id!r} in comm.get_comm_manager().comms"
    assert notebook.ok(f"%%silik k1.py\n{there}").plain == ["False"]


def test_binary_buffers_go_both_ways(notebook: Host) -> None:
    cell = notebook.ok(f"%%silik k1.py\n{BYTES}")
    opened = next(m for m in cell.messages if m["msg_type"] == "comm_open")
    assert opened["content"]["target_name"] == "silik.bytes"
    assert [bytes(b) for b in opened["buffers"]] == [b"\x00opened"]
    sent = [b"\x00\xff" * 1000, b"two"]
    content = {"comm_id": opened["content"]["comm_id"], "data": {"b": 2}}
    messages = notebook.comm("comm_msg", content, sent).until_idle()
    (echo,) = [m for m in messages if m["msg_type"] == "comm_msg"]
    assert echo["content"]["data"] == {"echo": {"b": 2}}
    assert [bytes(b) for b in echo["buffers"]] == [b[::-1] for b in sent]
    assert notebook.ok("%%silik k1.py\ngot[0][1], len(got[0][0])").plain == ["(b'two', 2000)"]


def test_a_front_end_may_send_comm_messages_to_a_subshell(notebook: Host) -> None:
    if "kernel subshells" not in notebook.kernel_info().get("supported_features", ()):
        pytest.skip("this ipykernel has no subshells")
    comm_id = slider_of(notebook)
    subshell = notebook.control("create_subshell_request")["subshell_id"]
    request = notebook.comm("comm_msg", move(comm_id, 8), subshell_id=subshell)
    assert [m["msg_type"] for m in request.until_idle()] == ["comm_msg", "stream"]
    # and while the host runs a cell of its own
    running = notebook.begin("import time; time.sleep(1.5)")
    time.sleep(0.2)
    request = notebook.comm("comm_msg", move(comm_id, 9), subshell_id=subshell)
    assert [m["msg_type"] for m in request.until_idle()] == ["comm_msg", "stream"]
    assert time.monotonic() - running.started < 1.2
    notebook.reply(running.msg_id)
    notebook.control("delete_subshell_request", {"subshell_id": subshell})


def test_many_messages_in_a_row_arrive_in_order(notebook: Host) -> None:
    comm_id = slider_of(notebook)
    requests = [notebook.comm("comm_msg", move(comm_id, value)) for value in range(10, 30)]
    del requests
    cell = notebook.ok("%%silik k1.py\nslider.value")
    assert cell.plain == ["29"]
    echoed = [
        m["content"]["data"]["state"]["value"] for m in cell.others if m["msg_type"] == "comm_msg"
    ]
    assert echoed == list(range(10, 30))


def test_an_output_widget_names_the_request_that_the_front_end_knows(notebook: Host) -> None:
    request = notebook.begin(f"%%silik k1.py\n{OUTPUT}")
    cell = request.end()
    states = [
        m["content"]["data"].get("state", {}) for m in cell.messages if m["msg_type"] == "comm_msg"
    ]
    assert [state["msg_id"] for state in states if "msg_id" in state] == [request.msg_id, ""]


def test_an_executed_notebook_keeps_what_an_output_widget_took() -> None:
    direct = executed([OUTPUT])
    through = executed(
        ["%load_ext silik_magics", "%silik start python3 -l k", f"%%silik k\n{OUTPUT}"]
    )
    assert through == direct
    assert [output["name"] for output in direct[1][0] if "name" in output] == ["stdout"]


def executed(cells: list[str]) -> tuple[list[str], list[Any]]:
    """Return what a notebook's last cell shows, and what its Output widgets hold."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=20).execute()
    shown = [output.get("text", "") for output in notebook.cells[-1].outputs]
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    kept = [
        [
            {key: value for key, value in output.items() if key in ("name", "text", "output_type")}
            for output in state["state"]["outputs"]
        ]
        for state in states.values()
        if state["model_name"] == "OutputModel"
    ]
    return shown, kept


def test_the_hosts_own_widgets_are_its_own() -> None:
    with host() as opened:
        opened.ok("%load_ext silik_magics\n%silik start python3 -l k1")
        opened.ok(SLIDER)
        (comm_id, *_) = [
            m["content"]["comm_id"]
            for m in opened.ok("other = ipywidgets.IntSlider()\nother").messages
            if m["msg_type"] == "comm_open"
        ][::-1]
        opened.comm("comm_msg", move(comm_id, 8)).until_idle()
        assert opened.value("other.value") == "8"


def closed(messages: list[dict[str, Any]]) -> list[str]:
    return [m["content"]["comm_id"] for m in messages if m["msg_type"] == "comm_close"]
