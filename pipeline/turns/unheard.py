"""When the caller is unheard: by switches, by the end of the call, and by the policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .conversation_policy import ConversationPolicy
from .first_words import FirstWords

__all__ = ["Situation", "is_unheard"]


@dataclass(frozen=True, slots=True)
class Situation:
    """How things are now."""

    first: FirstWords
    sounding: bool
    """Whether the agent is heard."""
    tools: int
    """How many functions are at work."""
    switched: bool
    """Whether anybody has muted the caller."""
    ending: bool
    """Whether the call is about to end."""
    unanswered: bool
    """Whether nobody knows yet who is at the other end of a line that we called: they must be heard."""


def is_unheard(policy: ConversationPolicy, now: Situation) -> bool:
    """Whether the caller is unheard now."""
    if now.switched or now.ending:
        return True
    opening, speech = policy.opening.mute, policy.interruptions
    return (
        (opening == "until_heard" and not now.first.over and not now.unanswered)
        or (opening == "first_speech" and now.first.sounding)
        or (speech.mode == "mute" and now.sounding)
        or (speech.during_tools == "mute" and now.tools > 0)
    )
