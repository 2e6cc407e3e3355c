"""Frames of a call as lines for people, of what the server tells of them (``server/frame_json.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..server.logs import escaped
from .output import json_text

__all__ = ["line_of"]

_HEAD = ("type", "time_s", "turn", "source")
_WIDEST = 400


def line_of(frame: Mapping[str, Any]) -> str:
    """``  12.340  audio  turn 3 of live  20 ms of 24 kHz, 960 bytes, -18.2 dBFS``."""
    parts = [f"{frame['time_s']:9.3f}", f"{frame['type']:<12}"]
    if "turn" in frame:
        parts.append(f"turn {frame['turn']}" + (f" of {frame['source']}" if "source" in frame else ""))
    match frame["type"]:
        case "audio":
            parts.append(_sound(frame))
        case "video":
            parts.append(f"{frame['width']} x {frame['height']}, {frame['bytes']} bytes")
        case _:
            parts += [f"{name}: {_value(value)}" for name, value in frame.items() if name not in _HEAD]
    text = "  ".join(part for part in parts if part)
    return escaped(text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}...").rstrip()


def _sound(frame: Mapping[str, Any]) -> str:
    channels = f" in {frame['channels']} channels" if frame["channels"] > 1 else ""
    return (
        f"{frame['ms']:g} ms of {frame['rate'] / 1_000:g} kHz{channels}, {frame['bytes']} bytes, "
        f"{frame['level_dbfs']:.1f} dBFS"
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)
