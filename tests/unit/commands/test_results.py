from __future__ import annotations

import pytest

from silik_magics.commands.results import RunResult
from silik_magics.errors import RemoteError, remote_error

STREAM = {"output_type": "stream", "name": "stdout", "text": "19\n"}
FIGURE = {"output_type": "display_data", "data": {"image/png": "x"}, "metadata": {}}
RESULT = {
    "output_type": "execute_result",
    "execution_count": 1,
    "data": {"text/plain": "42"},
    "metadata": {},
}


def test_the_text_is_all_that_was_shown() -> None:
    assert RunResult("k1.py", "ok", [STREAM, RESULT]).text == "19\n42"
    assert RunResult("k1.py", "ok").text == ""


def test_the_data_is_that_of_the_result_or_of_the_last_display() -> None:
    assert RunResult("k1.py", "ok", [RESULT, FIGURE]).data == {"text/plain": "42"}
    assert RunResult("k1.py", "ok", [STREAM, FIGURE]).data == {"image/png": "x"}
    assert RunResult("k1.py", "ok", [STREAM]).data == {}


def test_the_data_is_a_copy() -> None:
    result = RunResult("k1.py", "ok", [RESULT])
    result.data.clear()
    assert result.text == "42"


def test_raise_for_status_raises_the_error_of_the_code() -> None:
    failed = RunResult("k1.py", "error", error=remote_error("ValueError", "no", []))
    with pytest.raises(RemoteError, match="no") as caught:
        failed.raise_for_status()
    assert type(caught.value).__name__ == "ValueError"
    RunResult("k1.py", "ok").raise_for_status()


def test_a_result_says_whose_it_is() -> None:
    assert repr(RunResult("k1.py", "ok")) == "<RunResult of k1.py: ok>"
