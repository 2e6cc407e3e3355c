"""What is told of a session: to the log, and as events of the call."""

from __future__ import annotations

import logging
from typing import Any

from ...liveapi import WireError
from ...pipeline.events import ServiceChanged
from ...pipeline.running.context import CallContext
from ...pipeline.units import MS, format_duration
from .answers.decisions import AskAgain, Missing, Stalled
from .events import AnswerMissing, AnswerStalled
from .session.delegate import Change

__all__ = ["SessionLog"]

_CHANGES: dict[Change, str] = {
    "connected": "connected to %s",
    "lost": "%s; connects again",
    "renewing": "replaces its connection%s",
    "resumed": "went on at %s",
    "renewed": "began a new session at %s, which was told what was said before",
    "closed": "hung up%s",
}


class SessionLog:
    """The log and the events of one box in one call."""

    def __init__(self, node: str, call: CallContext, log: logging.LoggerAdapter[logging.Logger]) -> None:
        self._node = node
        self._call = call
        self._log = log
        self._unreadable = False

    def info(self, text: str) -> None:
        """Something that may be of interest."""
        self._log.info("%s: %s", self._node, text)

    def warn(self, text: str) -> None:
        """Something that should not be."""
        self._log.warning("%s: %s", self._node, text)

    def changed(self, change: Change, detail: str) -> None:
        """What has become of a connection. That one is replaced in time is nobody's business but the log's."""
        level = logging.WARNING if change in ("lost", "renewed") else logging.INFO
        self._log.log(level, "%s: " + _CHANGES[change], self._node, detail)
        if change != "renewing":
            self._publish(change, detail)

    def going_away(self, left_ns: int | None) -> None:
        """The server has announced the end of a connection."""
        left = "" if left_ns is None else format_duration(left_ns)
        self.info(f"the server will end this connection in {left or 'a while'}")
        self._publish("going_away", left)

    def asks_again(self, ask: AskAgain) -> None:
        """The model is asked once more."""
        self.info(
            f"no answer ({ask.why.replace('_', ' ')}): it is asked again, for the {_nth(ask.attempt)} time"
        )

    def missing(self, missing: Missing, *, fallback: bool) -> None:
        """There is no answer."""
        waited = format_duration(missing.waited_ns // MS * MS)
        why = missing.reason or missing.why.replace("_", " ")
        instead = (
            "its fallback line is spoken" if fallback else "the caller hears nothing (option answer.fallback)"
        )
        self.warn(f"no answer for {waited} ({why}), asked {missing.attempts} times more: {instead}")
        if self._call.events.wants(AnswerMissing):
            event = AnswerMissing(
                time_ns=self._call.clock.now_ns(),
                node=self._node,
                why=missing.why,
                waited_ns=missing.waited_ns,
                attempts=missing.attempts,
                reason=missing.reason,
                fallback=fallback,
            )
            self._call.events.publish(event)

    def stalled(self, stalled: Stalled) -> None:
        """An answer stopped in its middle."""
        length = format_duration(stalled.length_ns // MS * MS)
        self.warn(f"the sound of turn {stalled.turn} stopped for {length} in its middle")
        if self._call.events.wants(AnswerStalled):
            event = AnswerStalled(
                time_ns=self._call.clock.now_ns(),
                node=self._node,
                turn=stalled.turn,
                length_ns=stalled.length_ns,
                resumed=stalled.resumed,
            )
            self._call.events.publish(event)

    def unreadable(self, error: WireError) -> None:
        """The server sent what is no message; told once."""
        if not self._unreadable:
            self._unreadable = True
            self.warn(f"the server sent what cannot be read: {error}")

    def _publish(self, state: Any, detail: str) -> None:
        if self._call.events.wants(ServiceChanged):
            now_ns = self._call.clock.now_ns()
            self._call.events.publish(
                ServiceChanged(time_ns=now_ns, node=self._node, state=state, detail=detail)
            )


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
