"""A record's lines: what is known of the call, and each event, as JSON objects. Sans-IO.

The first line is the head, ``type: record``; every other has ``time_s``, the seconds since the record began, and a
``type``: an event by the name that tests give it (``tool_called``), ``latency``, ``typed``, ``pressed``; the last is
``end``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...pipeline.events import Event, Transcript
from ...pipeline.latencies import Latency
from ...pipeline.spelling import snake_name
from ...pipeline.units import MS, SECOND

__all__ = ["FORMAT", "Head", "event_line", "latency_line", "to_json"]

FORMAT = 1
"""Of the lines; another number is another form."""

Json = dict[str, Any]

_NOT_KEPT = ("live_transcription", "live_media")
"""Pieces of what a model is about to say or show."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the first line says."""

    call: str
    agent: str
    began: str
    """Time of day, UTC, ISO 8601."""
    call_time_s: float
    """How long the call had lasted by then."""
    rate: int
    layout: str
    """``stereo``, the caller left and the agent right, or ``apart``."""
    audio: tuple[str, ...]
    """Names of the sound's files: one, or the caller's and the agent's."""
    identity: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> Json:
        """As it is written."""
        return {"type": "record", "format": FORMAT, **msgspec.to_builtins(self)}


def event_line(event: Event, began_ns: int) -> Json | None:
    """An event; ``None`` for what is not kept: words before it is known whether they are heard."""
    name = snake_name(type(event))
    if name in _NOT_KEPT or (isinstance(event, Transcript) and not event.final):
        return None
    fields = {name: getattr(event, name) for name in event.__struct_fields__ if name != "time_ns"}
    plain = msgspec.to_builtins(fields, enc_hook=str)
    return {"time_s": _seconds(event.time_ns - began_ns), "type": name, **plain}


def latency_line(latency: Latency, began_ns: int) -> Json:
    """A wait of the caller."""
    return {
        "time_s": _seconds(latency.time_ns - began_ns),
        "type": "latency",
        "what": latency.what,
        "ms": round(latency.waited_ns / MS),
        "turn": latency.turn,
    }


def to_json(line: Json) -> bytes:
    """One line with its end."""
    return msgspec.json.encode(line, enc_hook=str) + b"\n"


def _seconds(duration_ns: int) -> float:
    return round(duration_ns / SECOND, 3)
