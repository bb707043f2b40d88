"""Comms of a connected kernel: opened, used and closed from both sides, as directly."""

from __future__ import annotations

from support.frontend import FrontEnd
from support.pairs import Pair

# A target that echoes what it gets, with its buffers doubled, and closes when it is told to.
TARGET = """\
def opened(comm, message):
    comm.send({'opened with': message['content']['data']}, metadata={'m': 1})
    comm.on_close(lambda message: print('closed', message['content']['data']))
    @comm.on_msg
    def echo(message):
        data = message['content']['data']
        print('got', data, flush=True)
        comm.send({'echo': data}, buffers=[bytes(buffer) * 2 for buffer in message['buffers']])
        if data == 'close':
            comm.close({'bye': 1})
get_ipython().kernel.comm_manager.register_target('echo', opened)
"""


def tell(front_end: FrontEnd, data: object, comm_id: str = "c1", **options: object) -> None:
    content = {"comm_id": comm_id, "data": data}
    front_end.over(front_end.send("comm_msg", content, **options))  # type: ignore[arg-type]


def test_a_comm_that_the_front_end_opens(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run(TARGET)
        opening = {"comm_id": "c1", "target_name": "echo", "data": {"é": [1, None]}}
        front_end.over(front_end.send("comm_open", opening, metadata={"of": "the front-end"}))
        tell(front_end, {"a": 1}, buffers=[b"one", bytes(range(256))])
        tell(front_end, None)
        front_end.ask("comm_info_request")
        front_end.ask("comm_info_request", {"target_name": "echo"})
        front_end.ask("comm_info_request", {"target_name": "another"})
        closing = {"comm_id": "c1", "data": {"bye": 2}}
        front_end.over(front_end.send("comm_close", closing))
        front_end.ask("comm_info_request")

    found = python.play(scene)
    echo = next(m for m in found["iopub"] if "echo" in m[2].get("data", ()))
    assert echo[4] == ["oneone", bytes(range(256)).decode("latin-1") * 2]
    assert [len(reply[2]["comms"]) for reply in found["shell"][1:]] == [1, 1, 0, 0]


def test_a_comm_that_the_kernel_opens(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run(
            "from comm import create_comm\n"
            "ours = create_comm(target_name='ours', comm_id='o1', data={'a': 1},\n"
            "                   metadata={'version': '2.1'}, buffers=[b'opening'])\n"
            "heard = []\n"
            "ours.on_msg(lambda message: (heard.append(message['content']['data']),\n"
            "                             ours.send({'heard': len(heard)}, buffers=[b'more'])))"
        )
        front_end.run("ours.send({'state': 'new'}, metadata={'m': 1}, buffers=[b'state'])")
        tell(front_end, "hello", "o1")
        front_end.run("heard")
        front_end.ask("comm_info_request", {"target_name": "ours"})
        front_end.run("ours.close({'bye': 1}, buffers=[b'closing'])")
        front_end.ask("comm_info_request")

    found = python.play(scene)
    comms = [m[1] for m in found["iopub"] if m[1].startswith("comm_")]
    assert comms == ["comm_open", "comm_msg", "comm_msg", "comm_close"]


def test_a_comm_that_the_kernel_closes_when_told(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run(TARGET)
        opening = {"comm_id": "c1", "target_name": "echo", "data": {}}
        front_end.over(front_end.send("comm_open", opening))
        tell(front_end, "close")
        tell(front_end, "is anybody there?")
        front_end.ask("comm_info_request")

    assert python.play(scene)["shell"][-1][2]["comms"] == {}


def test_a_comm_for_nobody_is_closed_by_the_kernel(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        opening = {"comm_id": "c2", "target_name": "no such target", "data": {}}
        front_end.over(front_end.send("comm_open", opening))
        tell(front_end, "lost", "no such comm")
        front_end.over(front_end.send("comm_close", {"comm_id": "no such comm", "data": {}}))

    assert "comm_close" in [message[1] for message in python.play(scene)["iopub"]]


def test_a_cell_waits_for_a_comm_message_that_comes_while_it_runs(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        cell = front_end.execute(
            "import asyncio\n"
            "from comm import create_comm\n"
            "told = asyncio.get_running_loop().create_future()\n"
            "waiting = create_comm(target_name='waiting', comm_id='w1')\n"
            "waiting.on_msg(lambda message: told.set_result(message['content']['data']))\n"
            "await asyncio.wait_for(told, 10)"
        )
        front_end.until(lambda: any(m.msg_type == "comm_open" for m in front_end.of(cell)))
        # ipykernel does not say that it is busy with a message that a cell waits for
        front_end.send("comm_msg", {"comm_id": "w1", "data": "an answer"})
        front_end.over(cell)

    found = python.play(scene, lawful=False)
    assert found["shell"][0][2]["status"] == "ok"


def test_widgets_are_made_and_answer(python: Pair) -> None:
    def scene(front_end: FrontEnd) -> None:
        front_end.run(
            "import ipywidgets\n"
            "slider = ipywidgets.IntSlider(3)\n"
            "slider.observe(lambda change: print('now', change['new']), 'value')\n"
            "slider"
        )
        comm_id = next(
            message.content["comm_id"]
            for message in front_end.seen
            if message.msg_type == "comm_open"
            and message.content["data"]["state"].get("_model_name") == "IntSliderModel"
        )
        tell(front_end, {"method": "update", "state": {"value": 7}}, comm_id)
        front_end.ask("comm_info_request", {"target_name": "jupyter.widget"})
        front_end.run("slider.value")
        front_end.run("slider.close()")

    found = python.play(scene)
    said = [message[2]["text"] for message in found["iopub"] if message[1] == "stream"]
    assert said == ["now 7\n"]
