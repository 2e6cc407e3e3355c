"""Words are compared as they sound: case, marks and how they are cut make no difference; whole words do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.turns.words import holds_phrase, only_of, words_of


@pytest.mark.parametrize(
    "heard", ["Thank you, good-bye.", "GOODBYE", "well good bye then", "Goodbye!", "good-by"]
)
def test_a_phrase_is_found_however_it_is_written(heard: str) -> None:
    assert holds_phrase(words_of(heard), "goodbye")


@pytest.mark.parametrize("heard", ["", "goodbyes", "good", "bye good", "a goodbyer"])
def test_a_part_of_a_word_is_no_phrase(heard: str) -> None:
    assert not holds_phrase(words_of(heard), "goodbye")


@pytest.mark.parametrize(
    ("heard", "only"),
    [
        ("Mm-hm.", True),
        ("mm hm, yes", True),
        ("Mhm. OK!", True),
        ("Mmm-hmm", True),
        ("Yes, okay.", True),
        ("yes please", False),
        ("", False),
    ],
)
def test_backchannels_are_nothing_else(heard: str, *, only: bool) -> None:
    assert only_of(words_of(heard), ["mm-hm", "yes", "okay"]) is only


@given(st.lists(st.sampled_from(["yes", "okay", "mm-hm", "go on"]), min_size=1, max_size=8))
def test_any_row_of_backchannels_is_one(row: list[str]) -> None:
    assert only_of(words_of(" ".join(row)), ["yes", "okay", "mm-hm", "go on"])
    assert not only_of(words_of(" ".join([*row, "stop"])), ["yes", "okay", "mm-hm", "go on"])


@given(st.text(max_size=40))
def test_any_text_holds_its_own_words(text: str) -> None:
    words = words_of(text)
    assert all(holds_phrase(words, word) for word in words if word.replace("-", ""))
