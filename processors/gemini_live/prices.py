"""What tokens cost, as data, and the sum of a call.

In USD for a million tokens, each list with its source and its date; those that nobody has looked up since are told as
such. Whoever pays others gives the option ``prices``. Each turn is billed for the whole context that is kept, so the
sum grows faster than the talk.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from ...liveapi import ModalityTokenCount, UsageMetadata
from ...liveapi.models import capabilities

__all__ = ["PRICES", "Meter", "PriceList", "Prices"]


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for a million tokens, by direction and modality."""

    text_in: float
    audio_in: float
    image_in: float
    """Pictures and video."""
    text_out: float
    """Thoughts too."""
    audio_out: float


@dataclass(frozen=True, slots=True)
class PriceList:
    """What a model costs, by whose word, and of when (``2026-09``)."""

    prices: Prices
    source: str
    date: str
    verified: bool
    """Whether it was looked up for this version of livegraph; else it may be out of date."""

    @property
    def told(self) -> str:
        """Where it is from, for people."""
        doubt = "" if self.verified else ", unverified since"
        return f"{self.source}, {self.date}{doubt}"


_GOOGLE = "Gemini API price list"

_LISTED = Prices(text_in=0.75, audio_in=3.00, image_in=1.00, text_out=4.50, audio_out=12.00)

_LISTED_2_5 = Prices(text_in=0.50, audio_in=3.00, image_in=3.00, text_out=2.00, audio_out=12.00)
_LISTED_2_0 = Prices(text_in=0.35, audio_in=2.10, image_in=2.10, text_out=1.50, audio_out=8.50)

_NOW = PriceList(_LISTED, _GOOGLE, "2026-09", verified=True)
_THINKING = PriceList(_LISTED, f"{_GOOGLE}, of the family's gemini-3.8-live", "2026-09", verified=False)
_2_5 = PriceList(_LISTED_2_5, _GOOGLE, "2025", verified=False)
_2_0 = PriceList(_LISTED_2_0, _GOOGLE, "2025", verified=False)

PRICES = MappingProxyType(
    {
        "gemini-3.1-flash-live-preview": _NOW,
        "gemini-3.8-live": _NOW,
        "gemini-3.8-live-extended-thinking": _THINKING,
        "gemini-2.5-flash-native-audio-preview-12-2025": _2_5,
        "gemini-live-2.5-flash-native-audio": _2_5,
        "gemini-live-2.5-flash-preview": _2_5,
        "gemini-2.0-flash-live-001": _2_0,
    }
)
"""By model, its family's for an unknown member; one that is not here has no known price."""


class Meter:
    """Adds up what a session costs, from ``so_far_usd`` on; ``None`` where the price is not known."""

    def __init__(self, model: str, prices: Prices | None = None, *, so_far_usd: float | None = 0.0) -> None:
        listed = PRICES.get(capabilities(model).name)
        self._prices = prices or (listed.prices if listed is not None else None)
        self.total_usd = None if self._prices is None else so_far_usd

    def count(self, usage: UsageMetadata) -> float | None:
        """The cost of ``usage`` in USD, which is added to the total."""
        prices = self._prices
        if prices is None or self.total_usd is None:
            return None
        into = {"AUDIO": prices.audio_in, "IMAGE": prices.image_in, "VIDEO": prices.image_in}
        outof = {"AUDIO": prices.audio_out}
        millionths = (
            _sum(usage.prompt_tokens_details, usage.prompt_token_count, into, prices.text_in)
            + _sum(
                usage.tool_use_prompt_tokens_details,
                usage.tool_use_prompt_token_count,
                into,
                prices.text_in,
            )
            + _sum(usage.output_tokens_details, usage.output_token_count, outof, prices.text_out)
            + usage.thoughts_token_count * prices.text_out
        )
        self.total_usd += millionths / 1_000_000
        return millionths / 1_000_000


def _sum(details: list[ModalityTokenCount], whole: int, prices: dict[str, float], text: float) -> float:
    """What is not told by modality counts as text."""
    told = sum(count.token_count for count in details)
    priced = sum(count.token_count * prices.get(count.modality.upper(), text) for count in details)
    return priced + max(0, whole - told) * text
