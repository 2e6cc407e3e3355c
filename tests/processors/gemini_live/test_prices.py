"""What a session costs, by modality, and where nobody knows."""

from __future__ import annotations

import pytest

from livegraph.liveapi import ModalityTokenCount, UsageMetadata
from livegraph.processors.gemini_live.prices import Meter, Prices

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
