"""Counting tokens the way the service bills them: 25 for a second of audio, the whole context again each turn."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from ..liveapi import ModalityTokenCount, UsageMetadata

__all__ = [
    "AUDIO_TOKENS_PER_SECOND",
    "Made",
    "Modality",
    "ModelContext",
    "Utterance",
    "audio_tokens",
    "text_tokens",
]

AUDIO_TOKENS_PER_SECOND = 25
_CHARACTERS_PER_TOKEN = 4
_SECOND = 1_000_000_000
_MOST_HISTORY = 1_000

Modality = Literal["TEXT", "IMAGE", "AUDIO"]
_ORDER: tuple[Modality, ...] = ("TEXT", "IMAGE", "AUDIO")


def text_tokens(text: str) -> int:
    """About as many tokens as a model makes of `text`."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def audio_tokens(duration_ns: int) -> int:
    """The tokens of so much sound."""
    return round(duration_ns * AUDIO_TOKENS_PER_SECOND / _SECOND)


@dataclass(slots=True)
class Utterance:
    """Something said or shown: by ``user`` or ``model``, or a result given by ``tool``; and what it weighs."""

    role: str
    text: str
    tokens: Counter[Modality] = field(default_factory=Counter)
    prefill: bool = False
    """Whether it was given as ``clientContent``."""


@dataclass(slots=True)
class Made:
    """What the model has made in one turn."""

    tokens: Counter[Modality] = field(default_factory=Counter)
    thoughts: int = 0

    def add(self, *, audio_ns: int = 0, text: str = "", thought: str = "") -> None:
        """Count sound, text outside of it, and thoughts."""
        self.tokens["AUDIO"] += audio_tokens(audio_ns)
        self.tokens["TEXT"] += text_tokens(text)
        self.thoughts += text_tokens(thought)

    def counts(self) -> dict[str, int]:
        """The tokens by modality."""
        return {str(name): count for name, count in self.tokens.items()}


class ModelContext:
    """All that the model has before it: the instruction, and the conversation as far as it was not dropped."""

    def __init__(self) -> None:
        self.instruction = 0
        """The tokens of the system instruction and the tools; they always stay."""
        self.history: deque[Utterance] = deque(maxlen=_MOST_HISTORY)

    @property
    def total(self) -> int:
        """All tokens."""
        return self.instruction + sum(utterance.tokens.total() for utterance in self.history)

    def add(self, role: str, text: str, **tokens: int) -> None:
        """Append to the history what was said or shown; nothing if it is nothing.

        Args:
            tokens: how many, by modality.
        """
        counted: Counter[Modality] = Counter({name: tokens[name] for name in _ORDER if tokens.get(name)})
        last = self.history[-1] if self.history else None
        if text:
            self.history.append(Utterance(role, text, counted))
        elif counted and last is not None and last.role == role and not last.text:
            last.tokens += counted
        elif counted:
            self.history.append(Utterance(role, "", counted))

    def add_text(self, role: str, text: str, *, prefill: bool = False) -> None:
        """The same, for text that came as such, perhaps as what was said before."""
        self.add(role, text, TEXT=text_tokens(text))
        if prefill and text:
            self.history[-1].prefill = True

    def forget_prefill(self) -> None:
        """Lose what was given as said before."""
        kept = [utterance for utterance in self.history if not utterance.prefill]
        self.history.clear()
        self.history.extend(kept)

    def compress(self, trigger: int, target: int) -> bool:
        """With more than `trigger` tokens, drop the oldest until `target` are left and the rest begins with the user.

        Returns:
            Whether anything was dropped.
        """
        total = self.total
        if total <= trigger:
            return False
        while self.history and (total > target or self.history[0].role != "user"):
            total -= self.history.popleft().tokens.total()
        return True

    def usage(self, made: Made, *, vertex: bool = False) -> UsageMetadata:
        """What a turn costs that made this; Vertex AI has other names for it."""
        prompt: Counter[Modality] = Counter({"TEXT": self.instruction})
        for utterance in self.history:
            prompt += utterance.tokens
        response, count = _details(made.tokens), made.tokens.total()
        return UsageMetadata(
            prompt_token_count=prompt.total(),
            thoughts_token_count=made.thoughts,
            total_token_count=prompt.total() + count + made.thoughts,
            prompt_tokens_details=_details(prompt),
            response_token_count=0 if vertex else count,
            response_tokens_details=[] if vertex else response,
            candidates_token_count=count if vertex else 0,
            candidates_tokens_details=response if vertex else [],
            traffic_type="ON_DEMAND" if vertex else "",
        )

    def copy(self) -> ModelContext:
        """As it is now."""
        copied = ModelContext()
        copied.instruction = self.instruction
        copied.history.extend(
            Utterance(each.role, each.text, each.tokens.copy(), each.prefill) for each in self.history
        )
        return copied


def _details(tokens: Counter[Modality]) -> list[ModalityTokenCount]:
    return [ModalityTokenCount(modality, tokens[modality]) for modality in _ORDER if tokens[modality]]
