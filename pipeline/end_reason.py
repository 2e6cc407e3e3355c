"""Why a call ended: an enumeration, so that programs need not read sentences."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["EndReason", "read_end_reason"]


class EndReason(StrEnum):
    """Why a call ended. Beside it ``detail`` may say more, for people."""

    COMPLETED = "completed"
    """Every stream came to its end."""
    HUNG_UP = "hung_up"
    """The caller hung up."""
    LOST = "lost"
    """The caller's connection broke, and did not come back."""
    NOT_CONNECTED = "not_connected"
    """The caller never came within reach."""
    GOODBYE = "goodbye"
    """The agent said goodbye, or was told to (``end_call``, ``end_after_speech``, a phrase)."""
    TRANSFERRED = "transferred"
    """The caller was handed to somebody else."""
    IDLE = "idle"
    """Nobody spoke for too long."""
    MAX_DURATION = "max_duration"
    """The call reached its longest duration."""
    MAX_COST = "max_cost"
    """The call has cost what it may cost."""
    MAX_TURNS = "max_turns"
    """The agent has answered as often as it may."""
    MAX_TOKENS = "max_tokens"
    """The call has used the tokens that it may use."""
    NO_ANSWER = "no_answer"
    """Nobody was heard on a line that was called."""
    VOICEMAIL = "voicemail"
    """A machine answered a line that was called."""
    OPERATOR = "operator"
    """Somebody who runs the server ended it."""
    SHUTDOWN = "shutdown"
    """The server shuts down."""
    LEFT = "left"
    """The program left the body of ``async with``."""
    CANCELLED = "cancelled"
    """What ran the call was cancelled."""
    FAILED = "failed"
    """A part of it failed; the error says which."""
    ENDED_BY_AGENT = "ended_by_agent"
    """The agent, or the program, ended it for a reason of its own: ``detail`` has the word."""


def read_end_reason(reason: EndReason | str, detail: str = "") -> tuple[EndReason, str]:
    """The reason and the detail of what somebody gives as a reason.

    Plain text is the detail of ``ENDED_BY_AGENT``, whatever it says: words that an agent chooses pass for no other.
    """
    if isinstance(reason, EndReason):
        return reason, detail
    return EndReason.ENDED_BY_AGENT, detail or reason
