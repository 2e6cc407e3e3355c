"""A conversation as data: written and read back, bounded, and told to a session that knows nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.processors.gemini_live.dialogue.history import History, HistoryEntry, seed_contents

TALK = [
    {"role": "agent", "text": "Good day."},
    {"role": "user", "text": "Is Friday free?"},
    {"role": "tool", "name": "free", "args": {"day": "Friday"}, "result": {"output": [9, 14]}},
    {"role": "agent", "text": "Yes, at nine or", "interrupted": True},
    {"role": "context", "text": "The caller is in a hurry."},
    {"role": "user", "text": "Nine."},
]


def shown(history: History, **how: object) -> list[tuple[str, str]]:
    contents = seed_contents(history.entries, **how)  # type: ignore[arg-type]
    return [(content.role, "|".join(part.text or "" for part in content.parts)) for content in contents]


def test_written_and_read_back() -> None:
    """As objects and as lines; nothing that is empty is written, unknown keys are passed over."""
    history = History.from_list(TALK)
    assert history.to_list() == TALK
    text = history.to_json_lines()
    assert [json.loads(line) for line in text.splitlines()] == TALK
    assert History.from_json_lines(text).entries == history.entries
    line = '{"time_s": 1.5, "role": "user", "text": "Hi", "interrupted": false, "mood": "good"}\n\n'
    assert History.from_json_lines(line).entries == (HistoryEntry("user", "Hi", time_s=1.5),)


@pytest.mark.parametrize("bad", ['{"role": "bot"}', "{", '{"role": "user", "text": 3}', "[]"])
def test_what_is_wrong_is_named(bad: str) -> None:
    """By its line, or its number."""
    with pytest.raises(ValueError, match="line 2 of the history"):
        History.from_json_lines(f'{{"role": "user", "text": "Hi"}}\n{bad}')
    with pytest.raises(ValueError, match="entry 1 of the history"):
        History.from_list([{"role": "bot"}])


def test_told_to_a_session_that_knows_nothing() -> None:
    """Turns alternate, the first is the user's, cut turns are cut, functions are words."""
    assert shown(History.from_list(TALK)) == [
        ("user", "[The call begins.]"),
        ("model", "Good day."),
        (
            "user",
            "Is Friday free?|"
            '[The function free was called with {"day": "Friday"} and returned {"output": [9, 14]}.]',
        ),
        ("model", "Yes, at nine or"),
        ("user", "The caller is in a hurry.|Nine."),
    ]
    assert shown(History.from_list(TALK[:4]), end_with_user=True)[-1] == ("user", "[The call goes on.]")
    assert shown(History()) == []


def test_texts_that_are_sent_anyway_are_not_told_before() -> None:
    """The last of each."""
    twice = History.from_list([{"role": "user", "text": text} for text in ("Yes.", "No.", "Yes.")])
    assert shown(twice, waiting=["Yes."]) == [("user", "Yes.|No.")]
    assert shown(twice, waiting=["Yes.", "Yes.", "Maybe."]) == [("user", "No.")]


def test_a_call_is_completed_where_it_stands() -> None:
    """By its name and arguments, the latest that has no result."""
    history = History()
    for slot in (1, 2):
        history.add(HistoryEntry("tool", name="book", args={"slot": slot}))
    history.add(HistoryEntry("user", "And?"))
    history.answered("book", {"slot": 1}, {"output": "done"})
    history.answered("book", {"slot": 3}, {"output": "nobody asked"})
    assert [entry.result for entry in history.entries] == [{"output": "done"}, None, None]
    assert "has not answered yet" in history.entries[1].plain


@given(st.lists(st.text(max_size=60), max_size=40), st.integers(1, 10), st.integers(1, 200))
def test_it_is_bounded_and_keeps_the_newest(texts: list[str], most: int, characters: int) -> None:
    """By entries and by characters; one entry stays however long it is."""
    history = History(most_entries=most, most_characters=characters)
    for text in texts:
        history.add(HistoryEntry("user", text))
    kept = [entry.text for entry in history.entries]
    assert kept == texts[len(texts) - len(kept) :]
    assert len(kept) <= most and (len(kept) <= 1 or sum(map(len, kept)) <= characters)
    assert bool(kept) == bool(texts)
