from __future__ import annotations

import time

from silik_magics.kernels.work import Work


def test_what_was_sent_first_is_what_runs() -> None:
    work = Work()
    assert (work.code, work.asked, work.over, bool(work)) == ("", 0, 0, False)
    with work.running("one"):
        with work.running("two"):  # it waits behind the first
            assert (work.code, work.asked, work.over) == ("one", 2, 0)
        assert (work.code, work.over, bool(work)) == ("one", 1, True)
    assert (work.code, work.asked, work.over) == ("", 2, 2)


def test_the_time_of_what_waited_begins_when_it_is_its_turn() -> None:
    work = Work()
    first, second = work.running("one"), work.running("two")
    first.__enter__()
    second.__enter__()
    time.sleep(0.05)
    assert work.seconds >= 0.05
    first.__exit__(None, None, None)
    assert work.code == "two"
    assert work.seconds < 0.05
    second.__exit__(None, None, None)
    assert work.seconds == 0


def test_what_fails_is_over_too() -> None:
    work = Work()
    try:
        with work.running("one"):
            raise KeyError
    except KeyError:
        assert work.over == 1
