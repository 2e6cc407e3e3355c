"""What nobody may write down is hidden, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.processors.guards.redaction import Masked, Redactor, is_card_number

CARDS = ("4111111111111111", "5500005555555559", "378282246310005", "6011000990139424", "4222222222222")


def luhn(body: str) -> str:
    """``body`` with its check digit."""
    return next(body + digit for digit in "0123456789" if is_card_number(body + digit) or digit == "9")


def test_cards_are_hidden_however_they_are_grouped() -> None:
    hide = Redactor(["cards"])
    for card in CARDS:
        for between in ("", " ", "-", ".", ", ", "\u00a0", "\u2013", "  ", "\n"):
            groups = between.join(card[at : at + 4] for at in range(0, len(card), 4))
            assert hide.text(f"It is {groups}, thanks.") == "It is [card number], thanks."


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("on May 3 4111 1111 1111 1111", "on May 3 [card number]"),
        ("4111 1111 1111 1111 12 26 737", "[card number] 12 26 737"),
        ("4111111111111111 12/26, 737", "[card number] 12/26, 737"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 and 1 2 2 6", "[card number] and 1 2 2 6"),
        ("5500005555555559 or 4111-1111-1111-1111", "[card number] or [card number]"),
        ("\u0664" + 3 * "\u0661" + 3 * (" " + 4 * "\u0661"), "[card number]"),
        ("4111,1111,1111,1111.", "[card number]."),
    ],
)
def test_a_card_is_found_between_other_numbers(said: str, shown: str) -> None:
    """People say when a card expires in the same breath, and services write what they hear in many ways."""
    assert Redactor(["cards"]).text(said) == shown


def test_digits_without_end_hold_nobody_up() -> None:
    hide = Redactor(["cards"])
    for text in ("1" * 200_000 + "x", "1 " * 100_000 + "x", "12,  " * 50_000):
        assert hide.text(text, growing=True) == hide.text(text)


def test_other_long_numbers_stay() -> None:
    hide = Redactor(["cards"])
    for text in (
        "4111111111111112",
        "call +44 20 7946 0000",
        "order 1234567890123",
        "0000000000000000",
        "41111",
    ):
        assert hide.text(text) == text


@given(st.text("0123456789", min_size=12, max_size=18).filter(lambda body: len(set(body)) > 1))
def test_every_number_with_its_check_digit_is_hidden(body: str) -> None:
    number = luhn(body)
    if is_card_number(number):
        assert Redactor(["cards"]).text(f"<{number}>") == "<[card number]>"


@given(st.text(max_size=200))
def test_a_text_without_digits_stays_as_it_is(text: str) -> None:
    plain = "".join(letter for letter in text if not letter.isdigit())
    assert Redactor(["cards"]).text(plain) == plain


def test_a_number_that_is_still_being_said_is_not_shown_digit_by_digit() -> None:
    hide = Redactor(["cards"])
    said = "my card is 4111 1111 1111 1111"
    for end in range(len(said)):
        shown = hide.text(said[:end], growing=True)
        assert sum(letter.isdigit() for letter in shown) < 6
    assert hide.text("I live at number 12345", growing=True) == "I live at number 12345"


def test_accounts_and_addresses() -> None:
    hide = Redactor(["ibans", "emails"])
    assert hide.text("GB82 WEST 1234 5698 7654 32 it is") == "[account number] it is"
    assert hide.text("GB82 WEST 1234 5698 7654 33 it is") == "GB82 WEST 1234 5698 7654 33 it is"
    assert hide.text("write to ada.l@example.co.uk!") == "write to [e-mail address]!"


def test_own_patterns_and_what_stands_in_their_place() -> None:
    hide = Redactor([r"\bPN-\d+\b", Masked("blue", "[colour]")])
    assert hide.text("PN-12 is Blue") == "[hidden] is [colour]"


def test_a_pattern_that_would_take_years_hides_everything() -> None:
    """Whether it is in the text nobody knows."""
    assert Redactor(["(a|aa)+$"]).text("a" * 80 + "!") == "[hidden]"


def test_json_is_looked_through_and_is_the_same_where_nothing_is_hidden() -> None:
    hide = Redactor(["cards"])
    given = {"card": 4111111111111111, "deep": [{"note": "4111 1111 1111 1111"}, 7, None, True]}
    assert hide(given) == {"card": "[card number]", "deep": [{"note": "[card number]"}, 7, None, True]}
    plain = {"a": [1, {"b": "c"}]}
    assert hide(plain) is plain
