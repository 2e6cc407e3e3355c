"""Passing a call on to a human: told as an event with a summary, for whatever can do it."""

from __future__ import annotations

from collections.abc import Sequence

from ....pipeline.events import TransferAsked
from ....pipeline.running.context import CallContext
from ...tools.transfer import TransferDesk
from ..dialogue.history import HistoryEntry
from .desk import PassOn
from .persona import Transfer

__all__ = ["ask_to_transfer", "summary_of"]

_LAST = 8
_MOST_CHARACTERS = 1_500


def ask_to_transfer(
    call: CallContext, node: str, asked: PassOn, target: Transfer, entries: Sequence[HistoryEntry]
) -> None:
    """Tell that the call is to go to a human: whoever watches, and whoever can do it."""
    summary = asked.summary.strip() or summary_of(entries)
    desk = call.resource(TransferDesk)  # type: ignore[type-abstract]  # a Protocol is a key like any other
    if desk is not None:
        desk.transfer(target.sip or target.number or asked.to, summary, asked.reason)
    call.events.publish(
        TransferAsked(
            time_ns=call.clock.now_ns(),
            to=asked.to,
            summary=summary,
            reason=asked.reason,
            node=node,
            sip=target.sip,
            number=target.number,
            callback=target.callback,
        )
    )


def summary_of(entries: Sequence[HistoryEntry]) -> str:
    """The last that was said, where nobody has written a summary."""
    words = {"user": "Caller", "agent": "Agent"}
    spoken = [entry for entry in entries if entry.role in words][-_LAST:]
    return "\n".join(f"{words[entry.role]}: {entry.text}" for entry in spoken)[-_MOST_CHARACTERS:]
