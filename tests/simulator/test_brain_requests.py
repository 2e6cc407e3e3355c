"""What the simulator takes for a request to itself, and not for what a caller says."""

import pytest

from livegraph.simulator.brain_requests import is_note


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
