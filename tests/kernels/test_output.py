"""What a kernel says arrives whole: P1."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from support.host import host
from support.languages import Language, each_language
from support.raw import connection_run, said

from silik_magics import Silik
from silik_magics.api import KernelHandle
from silik_magics.kernels.flags import Flags
from silik_magics.kernels.messages import Message

PYTHON = """
import sys
from comm import create_comm
from IPython.display import HTML, clear_output, display
print("out", flush=True)
print("oops", file=sys.stderr, flush=True)
print("out again", flush=True)
shown = display(HTML("<b>one</b>"), display_id="d1", metadata={"text/html": {"wide": True}})
display({"application/x.own+json": {"a": [1, None, "ü𝄞"]}}, raw=True)
shown.update(HTML("<i>two</i>"))
create_comm("nobody.listens", comm_id="c1", data={"k": 1}, metadata={"m": 2},
            buffers=[b"\\x00\\xff"])
kernel = get_ipython().kernel
kernel.session.send(kernel.iopub_socket, "hologram", {"depth": 3}, parent=kernel.get_parent(),
                    metadata={"laser": "green"}, buffers=[b"ab", b""])
clear_output(wait=True)
print("after the clearing", flush=True)
6 * 7
"""
CELLS = {
    "python3": PYTHON,
    "bash": "echo out\necho oops >&2\nfor i in 1 2 3; do echo $i; done\n"
    "echo '<b>one</b>' | displayHTML",
    "ir": "cat('out\\n')\nmessage('oops')\nIRdisplay::display_html('<b>one</b>')\n"
    "IRdisplay::display_markdown('*two*')\nIRdisplay::clear_output(wait = TRUE)\n1:3",
    "deno": "console.log('out')\nconsole.error('oops')\n"
    "await Deno.jupyter.display({ 'text/html': '<b>one</b>' }, { raw: true })\n"
    "await Deno.jupyter.broadcast('display_data', { data: { 'text/plain': 'two' }, "
    "metadata: { m: 1 }, transient: { display_id: 'd1' } })\n"
    "await Deno.jupyter.broadcast('update_display_data', { data: { 'text/plain': 'three' }, "
    "metadata: {}, transient: { display_id: 'd1' } })\n"
    "await Deno.jupyter.broadcast('clear_output', { wait: true })",
}
TYPES = {  # what must be among them, so that the cells above are known to do what they say
    "python3": {
        "stream",
        "display_data",
        "update_display_data",
        "comm_open",
        "hologram",
        "clear_output",
        "execute_result",
    },
    "bash": {"stream", "display_data"},
    "ir": {"stream", "display_data", "clear_output"},
    "deno": {"stream", "display_data", "update_display_data", "clear_output"},
}


@each_language("python", "bash", "r", "deno")
def test_a_cell_shows_what_a_plain_client_of_the_same_kernel_sees(
    language: Language, silik: Silik
) -> None:
    handle = silik.start(language.spec)
    with host(language.spec) as plain:
        for code in (language.say, CELLS[language.spec], language.fail):
            there = plain.run(code)
            reply, here = connection_run(silik, handle, code)
            # Deno says `idle` first, and then the rest.
            there.messages += _rest(plain.client)
            assert said(here) == said(there.messages)
            assert _reply(reply.content) == _reply(there.reply)
            if code is CELLS[language.spec]:
                assert {m.msg_type for m in here} >= TYPES[language.spec]


def _rest(client: BlockingKernelClient) -> list[dict]:
    rest = []
    with suppress(Empty):
        while True:
            rest.append(client.get_iopub_msg(timeout=0.3))
    return rest


def _reply(content: dict) -> dict:
    # The engine's and the session's ids are its own.
    return {key: value for key, value in content.items() if key != "engine_info"}


def test_unknown_message_types_keep_their_content_metadata_and_buffers(silik: Silik) -> None:
    handle = silik.start("strange")
    _, shown = connection_run(silik, handle, "")
    assert [m.msg_type for m in shown] == [
        "stream",
        "hologram",
        "display_data",
        "stream",
    ]
    hologram = shown[1]
    assert hologram.content == {"depth": 3, "nested": {"ü": [1, None, "𝄞"]}}
    assert hologram.metadata == {"laser": "green"}
    assert [bytes(b) for b in hologram.buffers] == [b"\x00\xff\x00", b"", b"x" * 100_000]
    assert [bytes(b) for b in shown[2].buffers] == [b"\x01"]


def _prompt() -> Callable[[Message], None]:
    return lambda _: None


def _sleeping() -> Callable[[Message], None]:
    """Return a reader that sleeps now and then, so that the kernel is faster than we are."""
    seen = 0

    def read(_: Message) -> None:
        nonlocal seen
        seen += 1
        if seen % 100 == 1:
            time.sleep(0.01)

    return read


each_reader = pytest.mark.parametrize(
    "reader", [pytest.param(_prompt, id="prompt"), pytest.param(_sleeping, id="sleeping")]
)


@each_reader
def test_of_5000_displays_none_is_missing(
    shared: Silik, python: KernelHandle, reader: Callable[[], Callable[[Message], None]]
) -> None:
    code = "for i in range(5000):\n    display({'text/plain': str(i)}, raw=True)"
    _, shown = connection_run(shared, python, code, reader())
    assert [m.content["data"]["text/plain"] for m in shown] == [str(i) for i in range(5000)]


@each_reader
def test_of_100_000_lines_none_is_missing(
    shared: Silik, python: KernelHandle, reader: Callable[[], Callable[[Message], None]]
) -> None:
    code = "for i in range(100_000):\n    print('line', i)"
    _, shown = connection_run(shared, python, code, reader())
    text = "".join(m.content["text"] for m in shown)
    assert text == "".join(f"line {i}\n" for i in range(100_000))


def test_a_string_of_10_mb_arrives_whole(shared: Silik, python: KernelHandle) -> None:
    _, shown = connection_run(shared, python, "print('0123456789' * 1_000_000)")
    assert "".join(m.content["text"] for m in shown) == "0123456789" * 1_000_000 + "\n"


@each_reader
def test_of_200_images_of_100_kb_none_is_missing(
    shared: Silik, python: KernelHandle, reader: Callable[[], Callable[[Message], None]]
) -> None:
    code = (
        "for i in range(200):\n"
        "    display({'image/png': f'{i:04}' * 25_000}, raw=True, metadata={'number': i})"
    )
    _, shown = connection_run(shared, python, code, reader())
    images = [(m.content["data"]["image/png"], m.content["metadata"]) for m in shown]
    assert images == [(f"{i:04}" * 25_000, {"number": i}) for i in range(200)]


def test_the_first_output_of_a_kernel_that_just_started_is_there(silik: Silik) -> None:
    # Executing before the subscription is up lost the first outputs of one start in ten.
    for number in range(8):
        handle = silik.start("bare", f"k{number}")
        assert handle.run("first").text == "first"


@each_language("deno")
def test_a_result_that_is_published_after_idle_is_there(language: Language, silik: Silik) -> None:
    handle = silik.start(language.spec)
    assert [handle.run(f"{number} * 7").text for number in range(20)] == [
        str(number * 7) for number in range(20)
    ]


def test_a_kernel_that_says_nothing_on_iopub_at_first_is_asked_again(silik: Silik) -> None:
    assert silik.start("shy").run("first").text == "first"


@pytest.mark.parametrize(
    ("code", "text"),
    [("reply first", "reply first and after the reply"), ("idle first", "idle first")],
)
def test_a_run_is_over_when_it_is_idle_and_replied_to_in_either_order(
    shared: Silik, code: str, text: str
) -> None:
    handle = shared.start("orders", code.replace(" ", "-"))
    result = handle.run(code)
    assert (result.text, result.status) == (text, "ok")
    assert result.execution_count == 1
    assert result.seconds >= 0.3


def test_silent_code_and_user_expressions_reach_the_kernel(
    shared: Silik, python: KernelHandle
) -> None:
    flags = Flags(silent=True)
    _, shown = connection_run(shared, python, "quiet = 5\n6 * 7", flags=flags)
    assert shown == []
    flags = Flags(user_expressions={"twice": "2 * quiet", "wrong": "nowhere"})
    reply, _ = connection_run(shared, python, "None", flags=flags)
    told = reply.content["user_expressions"]
    assert told["twice"]["data"] == {"text/plain": "10"}
    assert told["wrong"]["ename"] == "NameError"


def test_a_payload_of_the_reply_arrives(shared: Silik, python: KernelHandle) -> None:
    reply, _ = connection_run(shared, python, "print?")
    assert [payload["source"] for payload in reply.content["payload"]] == ["page"]
