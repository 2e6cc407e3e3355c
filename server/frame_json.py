"""Frames as JSON objects, for people and programs that look into a call."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from ..audio import rms_dbfs
from ..pipeline.frames import (
    AudioFrame,
    Frame,
    Marker,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    UsageFrame,
    VideoFrame,
    source_of,
)
from ..pipeline.spelling import snake_name
from .access.grant import ReportLevel

__all__ = ["frame_json"]

_LONGEST_TEXT = 2_000
_DEEPEST = 6
_MOST_ITEMS = 50
_NO_CONTENT: dict[type[Frame], tuple[str, ...]] = {
    TranscriptFrame: ("role", "final", "interrupted"),
    ToolCallFrame: ("id", "name"),
    ToolCancelFrame: ("ids",),
    ToolResultFrame: ("id", "name", "failed", "will_continue"),
    UsageFrame: ("input_tokens", "output_tokens", "total_tokens"),
}
"""What of a frame is no content. Of classes that others define nothing is known, so nothing is told."""


def frame_json(frame: Frame, now_ns: int, level: ReportLevel, *, sound: bool = False) -> dict[str, Any]:
    """One frame: ``type``, ``time_s`` on the call's clock, ``turn`` and who speaks, and what its class has.

    Sound has ``ms``, ``rate``, ``channels``, ``bytes`` and its RMS ``level_dbfs``, with ``sound`` its samples as well
    (``pcm``: 16 bits, little endian, interleaved, base64). Pictures have their size. Long texts are cut.

    Args:
        now_ns: stands for the time of a frame that has none.
        level: ``full`` has what is said and what tools are given, ``names`` neither of them.
    """
    told: dict[str, Any] = {
        "type": snake_name(type(frame)),
        "time_s": round((frame.time_ns or now_ns) / 1e9, 3),
    }
    if frame.turn:
        told["turn"] = int(frame.turn)
        if source := source_of(frame.turn):
            told["source"] = source
    match frame:
        case AudioFrame():
            told |= {
                "ms": round(frame.duration_ns / 1e6, 1),
                "rate": frame.rate,
                "channels": frame.channels,
                "bytes": frame.samples.nbytes,
                "level_dbfs": round(rms_dbfs(frame.samples), 1),
            }
            if sound:
                told["pcm"] = base64.b64encode(frame.samples.astype("<i2").tobytes()).decode()
        case VideoFrame():
            height, width = frame.pixels.shape[:2]
            told |= {"width": width, "height": height, "bytes": frame.pixels.nbytes}
        case Marker():
            pass
        case _:
            told |= _fields(frame, level)
    return told


def _fields(frame: Frame, level: ReportLevel) -> dict[str, Any]:
    names = tuple(
        field.name for field in msgspec.structs.fields(frame) if field.name not in ("time_ns", "turn")
    )
    if level != "full":
        told = next((told for kind, told in _NO_CONTENT.items() if type(frame) is kind), ())
        names = tuple(name for name in names if name in told)
    return {name: _plain(getattr(frame, name), _DEEPEST) for name in names}


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON, no larger than a person reads."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}..."
        case bytes() | bytearray():
            return f"{len(value)} bytes"
        case _ if depth == 0:
            return "..."
        case dict():
            some = list(value.items())[:_MOST_ITEMS]
            return {str(key): _plain(each, depth - 1) for key, each in some}
        case list() | tuple() | set() | frozenset():
            return [_plain(each, depth - 1) for each in list(value)[:_MOST_ITEMS]]
        case msgspec.Struct():
            return {
                field.name: _plain(getattr(value, field.name), depth - 1)
                for field in msgspec.structs.fields(value)
            }
        case _:
            return type(value).__name__
