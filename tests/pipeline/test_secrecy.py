"""What looks like a key is covered, letter by letter; what does not stays as it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline.secrecy import bare_address, holds_key, starred


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("url: postgres://ada:hunter22@db/x", "url: postgres://************@db/x"),
        (
            "GET https://api.example/?q=a&api_key=abc123&n=1",
            "GET https://api.example/?q=a&api_key=******&n=1",
        ),
        ("[server, --auth-token=abc123, x]", "[server, --auth-token=******, x]"),
        ('Authorization: "Bearer abcdefgh1"', 'Authorization: "Bearer *********"'),
        ("a AIzaSyA1234567890123456789 b", f"a {'*' * 26} b"),
    ],
)
def test_what_looks_like_a_key_is_covered(text: str, shown: str) -> None:
    assert starred(text) == shown
    assert holds_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "tokens: ./tokens.yaml",
        'Authorization: "Bearer ${KEY}"',
        "GET https://api.example/?key=${KEY}",
        "memory: {key: alice, url: 'postgres://host/name'}",
        "write postgresql://${USER}:${PASSWORD}@host/name",
        "wss://host:443/path",
    ],
)
def test_what_holds_none_stays(text: str) -> None:
    assert starred(text) == text


def test_a_header_holds_a_key() -> None:
    """As a word of a command does."""
    assert holds_key("X-Api-Key: abc") and not holds_key("Accept: text/plain")


@given(st.text(alphabet='ab1:/?&=@#-. "${}', max_size=60))
@settings(deadline=None)
def test_nothing_moves(text: str) -> None:
    """So that a mark below a line of a file points to the same place."""
    assert len(starred(text)) == len(text)


def test_a_bare_address_has_a_place_and_no_key() -> None:
    assert bare_address("https://ada:pw@h:1/a/b?key=x#t") == "https://h:1/a/b"
    assert bare_address("wss://h/a@b") == "wss://h/a@b"
    assert bare_address("no address") == "no address"
