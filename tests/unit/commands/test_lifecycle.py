from __future__ import annotations

from silik_magics.commands.context import State
from silik_magics.commands.labels import WORDS
from silik_magics.commands.lifecycle import _labels


def test_a_label_is_taken_as_it_is_and_numbered_where_there_are_several(state: State) -> None:
    assert _labels(state, state.tree.current, "w", None) == ["w"]
    assert _labels(state, state.tree.current, "w", 1) == ["w1"]
    assert _labels(state, state.tree.current, "w", 3) == ["w1", "w2", "w3"]


def test_without_a_label_words_are_chosen_that_are_free_in_this_folder(state: State) -> None:
    state.tree.mkdir(WORDS[0])
    assert _labels(state, state.tree.current, None, None) == [WORDS[1]]
    assert _labels(state, state.tree.current, None, 2) == list(WORDS[1:3])
    assert _labels(state, state.tree.folder("models"), None, None) == [WORDS[0]]


def test_a_word_is_taken_while_its_kernel_starts(state: State) -> None:
    state.reserved.add((id(state.tree.current), WORDS[0]))
    assert _labels(state, state.tree.current, None, None) == [WORDS[1]]
