"""What two clients sent in one call, compared: messages, fields of the setup, how much sound."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from ..liveapi import ClientMessage, decode_client
from ..liveapi.content import Blob
from ..simulator.recording import WireEvent
from .wire import Line

__all__ = ["differences", "rate_of"]

_SOUND_S = 0.5
"""Sound on a connection may differ by so much: what is sent while a connection ends is a matter of milliseconds."""

_SOUND_ENDS = json.dumps({"realtimeInput": {"audioStreamEnd": True}})


def rate_of(mime_type: str) -> int:
    """Samples per second of ``audio/pcm;rate=16000``."""
    found = mime_type.rpartition("rate=")[2]
    return int(found) if found.isdigit() else 16_000


@dataclass(slots=True)
class _Side:
    """What a client sent on one connection."""

    setup: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    sent_s: float = 0.0
    sound_s: float = 0.0
    """How far sound was sent that is not silence: when somebody stops, a client adds as much silence as its model
    needs, and a replay adds it to what was added then."""

    def hear(self, sound: Blob) -> None:
        samples = np.frombuffer(sound.data[: len(sound.data) // 2 * 2], "<i2")
        rate = rate_of(sound.mime_type)
        loud = np.flatnonzero(samples)
        if len(loud):
            self.sound_s = self.sent_s + (int(loud[-1]) + 1) / rate
        self.sent_s += len(samples) / rate


def differences(
    then: Sequence[tuple[Line, ClientMessage]], now: Sequence[WireEvent], *, hung_up: bool = False
) -> Iterator[str]:
    """One line each, for what was sent ``then`` and what is sent ``now``.

    ``hung_up``: the caller's sound ended then, and the call with it. That end itself is no difference.
    """
    before = _sides((line.connection, message) for line, message in then)
    after = _sides(
        (event.connection, decode_client(event.data))
        for event in now
        if event.kind == "message" and event.direction == "in"
    )
    for side in (*before, *after) if hung_up else ():
        if side.said[-1:] == [_SOUND_ENDS]:
            side.said.pop()
    if len(before) != len(after):
        yield f"connections: {len(before)} then, {len(after)} now"
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        yield from (f"connection {number}: {line}" for line in _compared(old, new))


def _sides(messages: Iterator[tuple[int, ClientMessage]]) -> list[_Side]:
    sides: dict[int, _Side] = {}
    for connection, message in messages:
        side = sides.setdefault(connection, _Side())
        given = message.realtime_input
        if message.setup is not None:
            side.setup = msgspec.to_builtins(message.setup)
        elif given is not None and given.audio_blob is not None:
            side.hear(given.audio_blob)
        elif given is not None and given.video_blob is not None:
            side.said.append("a picture")
        elif message.tool_response is not None:
            for each in message.tool_response.function_responses:
                side.said.append(f"result of {each.name}: {json.dumps(each.response, ensure_ascii=False)}")
        elif message.kinds:
            side.said.append(json.dumps(msgspec.to_builtins(message), ensure_ascii=False))
    return [sides[number] for number in sorted(sides)]


def _compared(old: _Side, new: _Side) -> Iterator[str]:
    for path in sorted({*_paths(old.setup), *_paths(new.setup)}):
        was, is_ = _paths(old.setup).get(path), _paths(new.setup).get(path)
        if was != is_ and not path.startswith("sessionResumption.handle"):
            yield f"setup.{path}: {_shown(was)} then, {_shown(is_)} now"
    for line, count in (Counter(old.said) - Counter(new.said)).items():
        yield f"not sent any more{_times(count)}: {line}"
    for line, count in (Counter(new.said) - Counter(old.said)).items():
        yield f"new{_times(count)}: {line}"
    if abs(old.sound_s - new.sound_s) > _SOUND_S:
        yield f"sound: {old.sound_s:.2f} s then, {new.sound_s:.2f} s now"


def _paths(value: Any, at: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        items = [(f"{at}.{key}" if at else str(key), each) for key, each in value.items()]
    elif isinstance(value, list) and value:
        items = [(f"{at}[{index}]", each) for index, each in enumerate(value)]
    else:
        return {at: value} if at else {}
    found: dict[str, Any] = {}
    for path, each in items:
        found |= _paths(each, path)
    return found


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)[:120]


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""
