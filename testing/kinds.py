"""The events and frames that a test can name, and their fields."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from ..pipeline.convert.hints import strip
from ..pipeline.end_reason import EndReason
from ..pipeline.events import Event
from ..pipeline.frames import AudioFrame, Frame, VideoFrame
from ..pipeline.options import OptionSpec
from ..pipeline.spelling import snake_name
from ..pipeline.turns.controller import TurnState

__all__ = ["FieldOf", "event_types", "fields_of", "frame_types", "primary_of"]

_STATES = Literal[tuple(state.value for state in TurnState)]  # type: ignore[valid-type]  # made of the states there are
_REASONS = Literal[tuple(reason.value for reason in EndReason)]  # type: ignore[valid-type]  # made of those there are
_TYPES: Mapping[tuple[str, str], Any] = {
    ("state_changed", "state"): _STATES,
    ("call_ended", "reason"): _REASONS,
}
"""Fields that hold less than their class says."""

_PRIMARY = {
    "call_ended": "reason",
    "confirmed": "name",
    "edge_stalled": "edge",
    "interrupted": "turn",
    "message": "topic",
    "key_pressed": "key",
    "mute_changed": "muted",
    "node_failed": "node",
    "persona_changed": "persona",
    "record_changed": "state",
    "service_changed": "state",
    "speech_changed": "speaking",
    "state_changed": "state",
    "text": "text",
    "tool_call": "name",
    "tool_called": "name",
    "tool_cancelled": "name",
    "tool_finished": "name",
    "tool_progress": "name",
    "transfer_asked": "to",
    "tool_result": "name",
    "transcript": "text",
    "usage": "node",
}

_OURS = __name__.partition(".")[0] + "."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field as a test writes it: ``duration`` for ``duration_ns``."""

    attribute: str
    spec: OptionSpec


def event_types() -> dict[str, type[Event]]:
    """Every class of events that is loaded, by its snake name; users' own too."""
    return _by_name(Event)


def frame_types() -> dict[str, type[Frame]]:
    """Every class of frames that is loaded, by its snake name without ``_frame``."""
    found = _by_name(Frame)
    # Interruptions do not travel by ports; markers do, but not as such.
    return {name: kind for name, kind in found.items() if name not in ("interrupt", "marker")}


def fields_of(kind: type) -> dict[str, FieldOf]:
    """The fields of an event or frame class that can be asked for, by the name that a test writes."""
    hints = typing.get_type_hints(kind, include_extras=True)
    struct_fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    found: dict[str, FieldOf] = {}
    for attribute in struct_fields:
        hint = hints.get(attribute, Any)
        if attribute == "time_ns" and issubclass(kind, Event):
            continue
        if typing.get_origin(strip(hint)[0]) is np.ndarray:
            continue
        name = attribute.removesuffix("_ns")
        unit = "ns" if name != attribute else ""
        found[name] = FieldOf(
            attribute, OptionSpec(name, _TYPES.get((snake_name(kind), name), hint), unit=unit)
        )
    if issubclass(kind, AudioFrame):
        found["duration"] = FieldOf("duration_ns", OptionSpec("duration", int, unit="ns"))
        found["channels"] = FieldOf("channels", OptionSpec("channels", int))
    return found


def primary_of(name: str) -> str:
    """The field that stands for the whole: ``tool_called: get_weather`` asks for its name. May be empty."""
    return _PRIMARY.get(name, "")


def can_be_sent(kind: type[Frame]) -> bool:
    """Whether YAML can write such a frame: media and markers it cannot."""
    return not issubclass(kind, AudioFrame | VideoFrame) and not kind.marker and kind is not Frame


def _by_name(base: type[T]) -> dict[str, type[T]]:
    found: dict[str, type[T]] = {}
    waiting: list[type[T]] = list(base.__subclasses__())
    while waiting:
        kind = waiting.pop(0)
        name = snake_name(kind)
        # Our own names stand. Two agents may each have a frame of the same name: the one loaded last is at hand.
        if name not in found or not found[name].__module__.startswith(_OURS):
            found[name] = kind
        waiting += kind.__subclasses__()
    return dict(sorted(found.items()))
