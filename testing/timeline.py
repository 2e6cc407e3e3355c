"""What happened in a call, in order of time: the one thing that expectations are judged by. Sans-IO.

Entries may be told a little late: sound is known to have ended only after a while of silence. So whoever judges
says up to when the timeline is complete.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from ..pipeline.events import Event, StateChanged
from ..pipeline.frames import AudioFrame, Frame, VideoFrame
from ..pipeline.spelling import snake_name
from ..pipeline.turns.controller import TurnState

__all__ = ["Entry", "Gap", "Span", "Timeline"]

Kind = Literal["event", "frame", "sound", "playing", "feed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened at ``time_ns`` of the call's clock.

    ``name`` is the snake name of an event or frame, ``began`` or ``ended`` of a sound, and the step's of what was
    fed; ``place`` is ``node.port`` of a frame, the node of a sound, ``began`` or ``ended`` of a step.
    """

    time_ns: int
    kind: Kind
    name: str
    place: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    type: type | None = None
    """The class of an event or frame."""

    @classmethod
    def of_event(cls, event: Event) -> Entry:
        """An event of a call."""
        return cls(event.time_ns, "event", snake_name(type(event)), "", _fields(event), type(event))

    @classmethod
    def of_frame(cls, frame: Frame, place: str, now_ns: int) -> Entry:
        """A frame that passed ``place`` at ``now_ns``; media are known by their length."""
        fields = _fields(frame) | {"time_ns": frame.time_ns}
        if isinstance(frame, AudioFrame):
            fields |= {"duration_ns": frame.duration_ns, "channels": frame.channels}
        if isinstance(frame, AudioFrame | VideoFrame):
            fields = {name: value for name, value in fields.items() if name not in ("samples", "pixels")}
        return cls(now_ns, "frame", snake_name(type(frame)), place, fields, type(frame))


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__ if name != "time_ns"}


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a state held; ``end_ns`` is ``None`` while it goes on."""

    start_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was played from ``start_ns`` to ``end_ns``, in the middle of ``turn``."""

    start_ns: int
    end_ns: int
    turn: int


class Timeline:
    """Entries in order of time, those of one moment in order of arrival."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Put ``entry`` where it belongs."""
        bisect.insort(self._entries, entry, key=lambda held: held.time_ns)

    def until(self, horizon_ns: int) -> list[Entry]:
        """All entries up to and with ``horizon_ns``."""
        return self._entries[: bisect.bisect_right(self._entries, horizon_ns, key=lambda held: held.time_ns)]


def state_spans(entries: list[Entry], state: str) -> list[Span]:
    """When the conversation was in ``state``; a call begins listening."""
    changes = [
        (entry.time_ns, entry.fields["state"] == state) for entry in entries if entry.type is StateChanged
    ]
    return _spans([(0, state == TurnState.LISTENING.value), *changes])


def sound_spans(entries: list[Entry], node: str, sounding: bool) -> list[Span]:
    """When there was sound, or silence, at the output ``node``; a call begins in silence."""
    changes = [
        (entry.time_ns, (entry.name == "began") == sounding)
        for entry in entries
        if entry.kind == "sound" and entry.place == node
    ]
    return _spans([(0, not sounding), *changes])


def gaps(entries: list[Entry], node: str) -> list[Gap]:
    """Where the output ``node`` had nothing to play in the middle of a turn."""
    found: list[Gap] = []
    ended: Entry | None = None
    for entry in entries:
        if entry.kind != "playing" or entry.place != node:
            continue
        turn = entry.fields["turn"]
        if entry.name == "ended":
            ended = entry
        elif ended is not None and ended.fields["turn"] == turn:
            found.append(Gap(ended.time_ns, entry.time_ns, turn))
    return found


def _spans(changes: list[tuple[int, bool]]) -> list[Span]:
    spans: list[Span] = []
    since: int | None = None
    for time_ns, holds in changes:
        if holds and since is None:
            since = time_ns
        elif not holds and since is not None:
            if time_ns > since:
                spans.append(Span(since, time_ns))
            since = None
    if since is not None:
        spans.append(Span(since, None))
    return spans
