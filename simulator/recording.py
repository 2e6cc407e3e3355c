"""A transcript of the wire as JSON Lines, with the sound beside it.

Each line is an object: ``time`` in seconds since the connection began (in a client's own recording since the first
one did), ``connection`` counting from 1, ``from`` ``client`` or ``server``, and one of ``message`` (the JSON as it was
sent), ``text`` (what is no JSON), ``open`` (the credential's kind), ``close`` (code and reason), ``fault``, and
``options`` (those of the client's box, where it is ours). Sound is not in it: raw PCM goes to files beside the
transcript, and in its place stands ``"<file>[first:last]"`` in bytes. Images are shortened, secrets masked.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

__all__ = ["Note", "WireEvent", "WireLog"]

Note = Literal["open", "message", "close", "fault", "options"]

_SECOND = 1_000_000_000
_RATE = re.compile(r"rate\s*=\s*(\d{1,7})")
_LONGEST = 20_000
# Legal in JSON, but ends of lines to some readers of lines.
_BREAKS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
_SECRET = re.compile(r"key|token|secret|authorization|password|cookie", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WireEvent:
    """Something that passed on a connection."""

    at_ns: int
    """Since the connection began."""
    connection: int
    direction: Literal["in", "out"]
    """``in`` is from the client."""
    kind: Note
    data: str | bytes
    """A whole message as it was on the wire, or words about it."""


class WireLog:
    """Writes a transcript into a folder, which is made when it is missing; ``wire-001.jsonl`` and so on.

    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while (path := self.folder / f"wire-{number:03}.jsonl").exists():
            number += 1
        self.path = path
        self._name = path.stem
        self._lines: IO[str] = path.open("x", encoding="utf-8")
        self._sound: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __call__(self, event: WireEvent) -> None:
        """Write an event down."""
        line: dict[str, Any] = {
            "time": round(event.at_ns / _SECOND, 3),
            "connection": event.connection,
            "from": "client" if event.direction == "in" else "server",
        }
        side = f"{self._name}-{event.connection}-{line['from']}"
        if event.kind == "message":
            line |= _readable(event.data, lambda data, rate: self._keep(side, data, rate))
        elif event.kind == "options":
            line["options"] = json.loads(event.data)
        else:
            line[event.kind] = event.data if isinstance(event.data, str) else event.data.decode()
        self._lines.write(json.dumps(line, ensure_ascii=False).translate(_BREAKS) + "\n")
        self._lines.flush()
        if event.kind == "close":
            for name in [
                name for name in self._sound if name.startswith(f"{self._name}-{event.connection}-")
            ]:
                self._sound.pop(name).close()

    def close(self) -> None:
        """End the transcript. Twice is once."""
        self._lines.close()
        while self._sound:
            self._sound.popitem()[1].close()

    def _keep(self, side: str, data: bytes, rate: int) -> str:
        name = f"{side}-{rate}.pcm"
        if name not in self._sound:
            self._sound[name] = (self.folder / name).open("ab")
        sound = self._sound[name]
        first = sound.tell()
        sound.write(data)
        return f"{name}[{first}:{first + len(data)}]"


def _readable(data: str | bytes, keep: Callable[[bytes, int], str]) -> dict[str, Any]:
    """A message as it stands in the transcript."""
    try:
        text = data if isinstance(data, str) else data.decode()
        found = json.loads(text)
        if isinstance(found, dict):
            return {"message": _without_media(found, keep)}
    except (ValueError, RecursionError):
        pass
    if isinstance(data, bytes):
        return {"text": f"{len(data)} bytes: {data[:40].hex(' ')}"}
    return {"text": data if len(data) <= _LONGEST else data[:_LONGEST] + "..."}


def _without_media(value: Any, keep: Callable[[bytes, int], str]) -> Any:
    if isinstance(value, list):
        return [_without_media(item, keep) for item in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    mime = value.get("mimeType", value.get("mime_type"))
    for key, item in value.items():
        if key == "data" and isinstance(item, str) and isinstance(mime, str):
            made[key] = _media(item, mime, keep)
        elif key == "headers" and isinstance(item, dict):
            made[key] = {name: "***" if _SECRET.search(name) else each for name, each in item.items()}
        else:
            made[key] = _without_media(item, keep)
    return made


def _media(text: str, mime: str, keep: Callable[[bytes, int], str]) -> str:
    try:
        data = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return text[:60]
    if not mime.lower().startswith("audio/pcm"):
        return f"{len(data)} bytes"
    rate = _RATE.search(mime)
    return keep(data, int(rate[1]) if rate else 16_000)
