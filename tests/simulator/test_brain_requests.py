"""What the simulator takes for a request to itself, and not for what a caller says."""

import pytest

from livegraph.simulator.brain import Brain, Say, default_brain
from livegraph.simulator.brain_requests import after_notes, is_note


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[The caller has had no answer. Answer now.]", True),
        ("  [softly]\n", True),
        ("Friday", False),
        ("Friday [the next one]", False),
        ("[one] and [two]", False),
        ('[It has returned {"seats": [[1, 2], [3]]}.]', True),
        ("[one", False),
        ("", False),
    ],
)
def test_a_note_is_in_brackets_as_a_whole(text: str, note: bool) -> None:
    """Words beside the brackets are somebody's."""
    assert is_note(text) == note


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (
            '[The function f, called with {"say": "it"}, has not answered yet.][Mia left.] Greet them.',
            "Greet them.",
        ),
        ("[one]\n Friday [two]", "Friday [two]"),
        ("Friday [the next one]", "Friday [the next one]"),
        ("[one][two]", "[one][two]"),
        ("[one", "[one"),
        ("[one] [two", "[one] [two"),
        ("] [one] two", "] [one] two"),
        ("", ""),
    ],
)
def test_notes_that_lead_a_request_are_left_out(text: str, asked: str) -> None:
    """What they quote is not what is asked for; what is all notes stays."""
    assert after_notes(text) == asked


def test_a_colleague_greets_with_its_greeting_and_not_with_the_notes() -> None:
    """A hand-over tells of a function that has not answered, whose reason is in quotation marks."""
    told = (
        '[The function hand_over_to_otto was called with {"reason": "something does not start"} and has not answered'
        " yet.][mia handed the call over to otto: something does not start.] Greet the caller now."
        ' Say exactly: "Otto here."'
    )
    assert Brain(default_brain()).hear(told) == [Say("Otto here.")]
