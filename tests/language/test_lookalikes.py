"""A character that only looks like the right one is named, with its number, wherever it makes a fault."""

import pytest

from livegraph.language import check_text


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("version: 1\nagent:\n\xa0\xa0voice: Kore\n", 3, "U+00A0 (no-break space) looks like a space"),
        ("version: 1\nagent:\n  v\u043eice: Kore\n", 3, "U+043E (cyrillic small letter o) looks like `o`"),
        (
            "version: 1\nagent:\n  voice: \u201cKore\u201d\n",
            3,
            'U+201C (left double quotation mark) looks like `"`',
        ),
        ("version: 1\npipeline:\n  \u2013 webrtc_in\n", 3, "U+2013 (en dash) looks like `-`"),
        ("version: 1\nagent:\n  voice\uff1a Kore\n", 3, "U+FF1A (fullwidth colon) looks like `:`"),
        ("version: 1\nagent:\n  voice:\xa0Kore\n  x: 1\n", 4, "U+00A0 (no-break space) looks like a space"),
        (
            "version: 1\nagent:\n  voice: Ko\u200bre\n",
            3,
            "U+200B (zero width space) looks like nothing at all",
        ),
        ("version: 1\npipeline:\n  - webrtc\u2010in\n", 3, "U+2010 (hyphen) looks like `-`"),
        ("version: 1\nagent: {vad: {threshold: \u22120.5}}\n", 2, "U+2212 (minus sign) looks like `-`"),
        ("version: 1\u2028agent:\n", 1, "U+2028 (line separator) looks like a line break"),
    ],
)
def test_it_is_named_where_it_stands(text: str, line: int, said: str) -> None:
    found = check_text(text, environ={}).diagnostics
    assert any(said in one.problem.hint and one.span.line == line for one in found), [
        (one.span, one.problem.message, one.problem.hint) for one in found
    ]


def test_texts_may_have_them() -> None:
    """Typographic quotes, dashes and other alphabets are what people write."""
    text = "version: 1\nagent:\n  greeting: \u201cHi\u201d \u2013 \u043f\u0440\u0438\u0432\u0435\u0442\xa0!\n"
    assert not check_text(text, environ={}).diagnostics
