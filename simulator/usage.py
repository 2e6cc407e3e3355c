"""Counting tokens the way the service bills them: 25 for a second of audio, the whole context again each turn."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from ..processors.gemini_live.wire import ModalityTokenCount, UsageMetadata

__all__ = ["AUDIO_TOKENS_PER_SECOND", "TokenCount", "text_tokens"]

AUDIO_TOKENS_PER_SECOND = 25
_CHARACTERS_PER_TOKEN = 4
_SECOND = 1_000_000_000

Modality = Literal["TEXT", "IMAGE", "AUDIO"]


def text_tokens(text: str) -> int:
    """About as many tokens as a model makes of `text`."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


class TokenCount:
    """The tokens of a session's context, and those that the model has made in the present turn."""

    def __init__(self) -> None:
        self._context: Counter[Modality] = Counter()
        self._made: Counter[Modality] = Counter()

    def heard(self, modality: Modality, tokens: int) -> None:
        """Something came into the context."""
        self._context[modality] += tokens

    def heard_audio(self, duration_ns: int) -> None:
        """A stretch of the user's audio came into the context."""
        self.heard("AUDIO", _audio_tokens(duration_ns))

    def made(self, audio_ns: int, text: str = "") -> None:
        """What the model made in this turn: sound, and text outside of it (the calls of tools)."""
        self._made["AUDIO"] += _audio_tokens(audio_ns)
        self._made["TEXT"] += text_tokens(text)

    def close_turn(self, *, vertex: bool = False) -> UsageMetadata:
        """The turn's usage; what was made in it belongs to the context from now on."""
        prompt, response = _details(self._context), _details(self._made)
        prompt_count, response_count = self._context.total(), self._made.total()
        self._context += self._made
        self._made.clear()
        usage = UsageMetadata(
            prompt_token_count=prompt_count,
            total_token_count=prompt_count + response_count,
            prompt_tokens_details=prompt,
            response_token_count=0 if vertex else response_count,
            response_tokens_details=[] if vertex else response,
            candidates_token_count=response_count if vertex else 0,
            candidates_tokens_details=response if vertex else [],
        )
        return usage


def _audio_tokens(duration_ns: int) -> int:
    return round(duration_ns * AUDIO_TOKENS_PER_SECOND / _SECOND)


def _details(tokens: Counter[Modality]) -> list[ModalityTokenCount]:
    order: tuple[Modality, ...] = ("TEXT", "IMAGE", "AUDIO")
    return [ModalityTokenCount(modality, tokens[modality]) for modality in order if tokens[modality]]
