from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from silik_magics.commands.labels import WORDS, fresh_words
from silik_magics.tree import check_label


def test_the_words_are_labels_in_order_and_none_is_there_twice() -> None:
    for word in WORDS:
        check_label(word)
    assert sorted(set(WORDS)) == list(WORDS)


def test_a_fresh_word_is_the_first_that_is_not_taken() -> None:
    assert fresh_words((), 2) == list(WORDS[:2])
    assert fresh_words(WORDS[:2], 1) == [WORDS[2]]


def test_when_all_words_are_taken_a_number_makes_new_ones() -> None:
    assert fresh_words(WORDS, 1) == [f"{WORDS[0]}2"]
    assert fresh_words({*WORDS, f"{WORDS[0]}2"}, 1) == [f"{WORDS[1]}2"]


@given(st.lists(st.integers(1, 40), max_size=20))
def test_words_never_run_out_and_are_never_in_use(counts: list[int]) -> None:
    taken: set[str] = set()
    for count in counts:
        fresh = fresh_words(taken, count)
        assert len(set(fresh)) == count
        assert not taken & set(fresh)
        taken |= set(fresh)
