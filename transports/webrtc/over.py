"""Why a peer is over, as an end of the call."""

from __future__ import annotations

from ...pipeline.end_reason import EndReason

__all__ = ["TRANSFERRED", "end_of"]

TRANSFERRED = "the caller was transferred"

_HUNG_UP = frozenset(("the caller hung up", "the caller closed its data channel"))


def end_of(reason: str) -> EndReason:
    """The end that a reason of ``Peer`` stands for."""
    if reason in _HUNG_UP:
        return EndReason.HUNG_UP
    if reason == TRANSFERRED:
        return EndReason.TRANSFERRED
    return EndReason.NOT_CONNECTED if reason.startswith("no connection") else EndReason.LOST
