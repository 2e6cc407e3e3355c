"""What the agent says, cut into pieces that clients join with spaces."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.server.pipecat.spoken import Pieces


def given_out(parts: list[str], by: Literal["word", "sentence"]) -> list[str]:
    """The pieces of an utterance that comes in these parts."""
    pieces, text, found = Pieces(by), "", []
    for part in parts:
        text += part
        found += pieces.grow(text)
    return found + list(pieces.grow(text, final=True))


@pytest.mark.parametrize(
    ("parts", "pieces"),
    [
        (["Hel", "lo, how", " are you?"], ["Hello,", "how are", "you?"]),
        (["One. ", "Two"], ["One.", "Two"]),
        (["wait", " ", " for", " it"], ["wait", "for", "it"]),
        ([" ", "  "], []),
        (
            ["\u4f60\u597d\uff0c", "\u4e16\u754c\u3002", "\u518d\u89c1"],
            ["\u4f60\u597d\uff0c", "\u4e16\u754c\u3002", "\u518d\u89c1"],
        ),
    ],
)
def test_pieces_end_where_words_do(parts: list[str], pieces: list[str]) -> None:
    """The last word waits for what follows it, or for the end."""
    assert given_out(parts, "word") == pieces


@pytest.mark.parametrize(
    ("parts", "pieces"),
    [
        (["Hello. How", " are you? I", " am"], ["Hello.", "How are you?", "I am"]),
        (['He said "no." ', "Then he left."], ['He said "no."', "Then he left."]),
        (["It is 3.", "5 degrees. Cold"], ["It is 3.5 degrees.", "Cold"]),
    ],
)
def test_sentences_end_where_sentences_do(parts: list[str], pieces: list[str]) -> None:
    """A number is none, and a closing quote belongs to what it closes."""
    assert given_out(parts, "sentence") == pieces


@given(
    st.lists(st.text(alphabet="ab .,!? \u3002\uff0c\u4e2d"), max_size=8),
    st.sampled_from(["word", "sentence"]),
)
def test_nothing_is_lost_and_nothing_told_twice(parts: list[str], by: Literal["word", "sentence"]) -> None:
    """However it comes, all letters of it are in the pieces, in order, and no piece is empty or has space around it."""
    found = given_out(parts, by)
    assert "".join("".join(found).split()) == "".join("".join(parts).split())
    assert all(piece and piece == piece.strip() for piece in found)


def test_what_was_hidden_afterwards_is_not_told_again() -> None:
    """A text that becomes another one (redaction) goes on behind what was told of it."""
    pieces = Pieces("word")
    assert list(pieces.grow("my number is 55 ")) == ["my number is 55"]
    assert list(pieces.grow("my number is .. thanks", final=True)) == ["thanks"]
