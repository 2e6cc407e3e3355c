"""What the watch over answers decides. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["AskAgain", "Decision", "Missing", "Renew", "Stalled", "TurnOver", "Why"]

Why = Literal["silent", "empty", "rejected", "text_only", "stalled", "unfinished", "lost"]
"""What is wrong: nothing came at all; a turn with nothing in it; one that ended for a reason of the service's; one
that was written and not spoken; sound that stopped within a turn; a turn that ended within a sentence; an answer
that a broken connection took along."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Ask the model once more. ``attempt`` counts from 1; ``heard`` is what was said of an answer that broke off."""

    why: Why
    attempt: int
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Renew:
    """Begin a new session, which is told of the conversation: this one does not answer."""

    why: Why


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no answer, ``waited_ns`` after it became due, and nothing more is tried.

    ``attempts``: how often the model was asked again. ``reason``: the service's own word for it, mostly empty.
    """

    why: Why
    waited_ns: int
    attempts: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stalled:
    """The sound of ``turn`` stopped in its middle for ``length_ns``, beyond what was there to be played.

    ``resumed``: it then went on by itself.
    """

    turn: int
    length_ns: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The model has said all of its turn, and the service does not say that it is over: it counts as over."""


Decision = AskAgain | Renew | Missing | Stalled | TurnOver
