"""Where words are heard: with their sound where they come with it, by the speaking rate where they run ahead."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import MS, SECOND
from livegraph.processors.gemini_live.dialogue.limits import bounded_result
from livegraph.processors.gemini_live.dialogue.pacing import SpeakingRate, SpokenWords


def places(words: SpokenWords) -> list[tuple[str, float]]:
    found = []
    while (at_ns := words.next_ns) is not None:
        found.append((words.pop(), round(at_ns / SECOND, 2)))
    return found


def test_words_that_come_with_their_sound_are_heard_with_it() -> None:
    words = SpokenWords(SpeakingRate())
    for number, piece in enumerate(("one", " two", " three")):
        words.add(piece, number * 400 * MS)
    words.whole(1_200 * MS)
    assert places(words) == [("one", 0.0), (" two", 0.4), (" three", 0.8)]


def test_text_that_runs_ahead_is_heard_at_the_speaking_rate() -> None:
    """Assumed at first, and that of the turn itself once all of it is there."""
    words = SpokenWords(SpeakingRate())
    words.add("It is seven o'clock now", 0)
    assert [at for _, at in places(words)] == [0.0, 0.13, 0.33, 0.73, 1.27]
    words = SpokenWords(SpeakingRate())
    words.add("It is seven o'clock now", 0)
    words.whole(4 * SECOND)
    assert [at for _, at in places(words)] == [0.0, 0.35, 0.87, 1.91, 3.3]


def test_the_rate_is_learned_from_whole_turns() -> None:
    rate = SpeakingRate()
    first = SpokenWords(rate)
    first.add("x" * 10 + " " + "y" * 9, 0)
    first.whole(4 * SECOND)
    second = SpokenWords(rate)
    second.add("Now slowly", 0)
    assert [at for _, at in places(second)] == [0.0, 0.6]


def test_words_that_come_behind_their_sound_are_heard_where_they_belong() -> None:
    """All of them are late by as much as the first."""
    words = SpokenWords(SpeakingRate())
    for number, piece in enumerate(("one", " two", " three", " four")):
        words.add(piece, 600 * MS + number * 200 * MS)
    words.whole(1_200 * MS)
    assert places(words) == [("one", 0.0), (" two", 0.2), (" three", 0.47), (" four", 0.87)]


def test_the_last_words_missing_do_not_stretch_those_that_came() -> None:
    """Words come late and the connection breaks: the rate of the turns before says where they were heard."""
    rate = SpeakingRate()
    before = SpokenWords(rate)
    before.add("x" * 29 + " ", 0)
    before.whole(3 * SECOND)
    words = SpokenWords(rate)
    words.add("one two ", 2 * SECOND)
    words.whole(4 * SECOND)
    assert places(words) == [("one", 0.0), (" two", 0.3), (" ", 0.7)]
    assert rate.character_ns == SECOND // 10, "nothing is learned from half of a turn's words"


def test_of_a_turn_that_broke_off_the_words_without_sound_are_dropped() -> None:
    """They ran ahead of what nobody will hear any more."""
    words = SpokenWords(SpeakingRate())
    words.add("It is seven o'clock now", 0)
    assert words.broken(SECOND) == " now"
    assert [word for word, _ in places(words)] == ["It", " is", " seven", " o'clock"]


def test_languages_without_spaces_are_heard_by_the_character() -> None:
    words = SpokenWords(SpeakingRate())
    words.add("今日は良い", 0)
    assert len(places(words)) == 5


@given(
    st.lists(st.tuples(st.text(max_size=40), st.integers(0, 5 * SECOND)), max_size=8),
    st.integers(0, 9 * SECOND),
)
def test_no_character_is_lost_and_no_word_is_heard_before_the_one_before(
    pieces: list[tuple[str, int]], whole_ns: int
) -> None:
    words, at_ns = SpokenWords(SpeakingRate()), 0
    for text, more_ns in pieces:
        at_ns += more_ns
        words.add(text, at_ns)
    words.whole(max(at_ns, whole_ns))
    found = places(words)
    assert "".join(word for word, _ in found) == "".join(text for text, _ in pieces)
    assert [at for _, at in found] == sorted(at for _, at in found)


def test_a_result_that_is_too_long_is_cut_and_says_so() -> None:
    assert bounded_result({"output": "short"}, 100) == ({"output": "short"}, 19)
    cut, length = bounded_result({"output": "x" * 1_000}, 100)
    assert cut["output"] == "x" * 100 and "1000 characters" in cut["note"] and length == 1_014
    cut, _ = bounded_result({"rows": list(range(1_000)), "more": 1}, 50)
    assert len(cut["output"]) == 50 and cut["output"].startswith('{"rows": [0, 1')
    cut, _ = bounded_result({"error": "y" * 500}, 10)
    assert cut["error"] == "y" * 10
