"""Codes of languages are those of BCP 47; what people write instead is recognised."""

import pytest

from livegraph.liveapi.languages import language_fault


@pytest.mark.parametrize(
    "code",
    [
        "en",
        "EN",
        "de-DE",
        "pt-br",
        "zh-Hant-TW",
        "es-419",
        "fil",
        "cmn-Hans-CN",
        "sr-Latn",
        "de-CH-1996",
        "en-x-me",
    ],
)
def test_codes_of_languages_are_taken(code: str) -> None:
    assert language_fault(code) is None


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("english", "en"),
        ("Deutsch", "de"),
        ("Portugese", "pt"),
        ("en_US", "en-US"),
        ("de_DE.UTF-8", "de-DE"),
        ("jp", "ja"),
        ("cz-CZ", "cs-CZ"),
        ("en-UK", "en-GB"),
        ("us", "en-US"),
        ("xx", ""),
        ("xx-YY", ""),
        ("de-XQ", ""),
        ("", ""),
        ("e", ""),
        ("klingon", ""),
        ("en-", ""),
    ],
)
def test_what_is_no_code_is_told_with_what_was_meant(code: str, meant: str) -> None:
    fault = language_fault(code)
    assert fault is not None
    assert fault.meant == meant
    assert not meant or language_fault(meant) is None
