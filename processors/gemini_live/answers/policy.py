"""How an answer is waited for, and what may ask for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....pipeline.units import SECOND

__all__ = ["DEFAULT_PATIENCE_NS", "AnswerPolicy", "Cause", "expects_more", "is_hopeless"]

Cause = Literal["voice", "turn", "words", "text", "result", "context", "greeting"]
"""What asks for an answer: a voice that a detector has heard, a turn of the user that we have marked, words that the
service has told, and so on."""


DEFAULT_PATIENCE_NS = 6 * SECOND


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """How an answer is waited for. ``patience_ns`` ``None``: not at all."""

    patience_ns: int | None = DEFAULT_PATIENCE_NS
    retries: int = 2
    """How often the model is asked again before a new session is tried."""
    silence_is_answer: bool = False
    """Whether a turn with nothing in it is an answer: of a model that may decide that it was not spoken to."""


_EXPECTS_MORE = ("NEED_MORE_INPUT",)
_HOPELESS = ("PROHIBITED", "SAFETY", "BLOCKLIST", "CELEBRITY", "PROMINENT", "MINORS", "NCII", "INPUT_IP")
"""Parts of reasons that come back however often the same is asked, in whatever session."""


def expects_more(reason: str) -> bool:
    """Whether the model ended its turn because the user is to go on."""
    return reason in _EXPECTS_MORE


def is_hopeless(reason: str) -> bool:
    """Whether the service ends the turn so however often the same is asked."""
    return any(part in reason for part in _HOPELESS)
