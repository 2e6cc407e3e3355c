"""What a session costs, by modality, and where nobody knows."""

from __future__ import annotations

import pytest

from livegraph.liveapi import ModalityTokenCount, UsageMetadata
from livegraph.liveapi.models import capabilities, known_models
from livegraph.processors.gemini_live.prices import PRICES, Meter, Prices

USAGE = UsageMetadata(
    prompt_token_count=1_000_000,
    prompt_tokens_details=[ModalityTokenCount("AUDIO", 400_000), ModalityTokenCount("IMAGE", 100_000)],
    response_token_count=200_000,
    response_tokens_details=[ModalityTokenCount("AUDIO", 200_000)],
    thoughts_token_count=100_000,
    tool_use_prompt_token_count=10_000,
)
COST = 0.4 * 3 + 0.1 * 1 + 0.5 * 0.75 + 0.2 * 12 + 0.1 * 4.5 + 0.01 * 0.75


def test_every_modality_has_its_price() -> None:
    """What is not told by modality counts as text; the sum grows turn by turn."""
    meter = Meter("models/gemini-3.8-live")
    assert meter.total_usd == 0
    assert meter.count(USAGE) == pytest.approx(COST)
    assert meter.count(USAGE) == pytest.approx(COST)
    assert meter.total_usd == pytest.approx(2 * COST)


def test_the_names_of_vertex() -> None:
    """Are read as well."""
    usage = UsageMetadata(
        candidates_token_count=1_000_000, candidates_tokens_details=[ModalityTokenCount("AUDIO", 1_000_000)]
    )
    assert Meter("gemini-3.8-live").count(usage) == pytest.approx(12)


def test_a_model_without_a_price_has_no_cost() -> None:
    """Unless the options give one."""
    meter = Meter("gemini-9-live")
    assert (meter.count(USAGE), meter.total_usd) == (None, None)
    meter = Meter("gemini-9-live", Prices(1, 1, 1, 1, 1))
    assert meter.count(USAGE) == pytest.approx(1.31)


def test_every_list_says_where_it_is_from() -> None:
    """And which were not looked up for this version; a model of a known family has the family's."""
    for listed in PRICES.values():
        assert listed.source and listed.date[:4].isdigit()
        assert ("unverified" in listed.told) is not listed.verified
    assert [name for name in known_models() if name in PRICES and PRICES[name].verified] == [
        "gemini-3.1-flash-live-preview",
        "gemini-3.8-live",
    ]
    assert PRICES[capabilities("gemini-3.8-live-preview-11-2026").name].verified
