from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from silik_magics.commands.execution import Outcome, raise_failure
from silik_magics.errors import KernelDied, KernelTimeout, SilikError, remote_error


def outcome(name: str, failure: SilikError | None = None) -> Outcome:
    kernel: Any = SimpleNamespace(name=name)
    return Outcome(kernel, 0.1, {"status": "ok"}, failure)


def raised(*outcomes: Outcome) -> SilikError:
    with pytest.raises(SilikError) as caught:
        raise_failure(outcomes)
    return caught.value


BY_ZERO = remote_error("ZeroDivisionError", "division by zero", ["line 1", "line 2"])


def test_nothing_is_raised_when_all_went_well() -> None:
    raise_failure([outcome("w1.py"), outcome("w2.py")])


@pytest.mark.parametrize("error", [BY_ZERO, KernelDied("w1.py died", "restart it")])
def test_the_error_of_one_kernel_is_raised_as_it_is(error: SilikError) -> None:
    assert raised(outcome("w1.py", error)) is error


def test_of_several_the_first_error_is_raised_with_all_kernels_that_failed() -> None:
    error = raised(
        outcome("w1.py"),
        outcome("w2.py", BY_ZERO),
        outcome("w3.py", remote_error("ValueError", "no", ["its own"])),
    )
    assert type(error).__name__ == "ZeroDivisionError"
    told = "division by zero (2 of 3 kernels failed: w2.py, w3.py)"
    assert str(error) == told
    assert error._render_traceback_() == [f"ZeroDivisionError: {told}"]


def test_an_error_of_ours_keeps_its_hint_when_there_are_several_kernels() -> None:
    error = raised(outcome("w1.py", KernelTimeout("w1.py is late", "wait")), outcome("w2.py"))
    assert isinstance(error, KernelTimeout)
    assert error.message == "w1.py is late\n(1 of 2 kernels failed: w1.py)"
    assert error.hint == "wait"
