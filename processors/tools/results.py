"""What a tool returns as what the model can be told: a JSON object, and beside it pictures and files, bounded."""

from __future__ import annotations

import io
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...pipeline.frames import Media
from .foreign import encode_foreign

__all__ = ["ToolResult", "bounded", "media_from_file", "read_result"]

_LONGEST_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A result in two parts."""

    body: dict[str, Any]
    """A JSON object; where a picture or a file was stands what it is."""
    media: tuple[Media, ...] = ()
    """The pictures and files themselves, in their order."""


def media_from_file(path: Path | str, mime_type: str = "") -> Media:
    """A file for a tool to return; its type is told by its name unless it is given.

    Raises ``OSError`` when it cannot be read.
    """
    path = Path(path)
    kind = mime_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Media(path.read_bytes(), kind, path.name)


def read_result(value: Any, most_bytes: int) -> ToolResult:
    """Take apart what a tool returned.

    A `Media`, a picture of Pillow's, and lists and mappings that hold them, become media; of those that are more than
    `most_bytes` together the model is told in words that they were left out. ``TypeError`` when the rest is no JSON.
    """
    if isinstance(value, ToolResult):
        # It was read where it came from.
        return value
    media: list[Media] = []
    left = most_bytes

    def take(found: Media) -> str:
        nonlocal left
        name = found.name or f"{found.mime_type.partition('/')[0] or 'file'} {len(media) + 1}"
        size = _size(len(found.data))
        if len(found.data) > left:
            return f"{name} ({found.mime_type}, {size}) was left out: more than {_size(most_bytes)}"
        left -= len(found.data)
        media.append(found)
        return f"{name} ({found.mime_type}, {size})"

    def plain(part: Any) -> Any:
        if isinstance(part, Media):
            return take(part)
        if (picture := _picture(part)) is not None:
            return take(picture)
        if isinstance(part, str):
            # Half a character, as names of files may have them, is none that could be sent.
            return part if part.isascii() else part.encode("utf-8", "replace").decode()
        if isinstance(part, dict):
            return {_key(key): plain(each) for key, each in part.items()}
        if isinstance(part, list | tuple) and not hasattr(part, "_fields"):
            return [plain(each) for each in part]
        return part

    try:
        body = msgspec.to_builtins(plain(value), enc_hook=encode_foreign, str_keys=True)
        # A round through JSON now, so that what cannot be written fails here, with the tool's name.
        body = msgspec.json.decode(msgspec.json.encode(body))
    except RecursionError:
        raise TypeError("it is nested too deeply, or holds itself, and JSON can carry neither") from None
    except UnicodeError:
        raise TypeError("a text in it is not valid Unicode") from None
    return ToolResult(body if isinstance(body, dict) else {"output": body}, tuple(media))


def bounded(result: ToolResult, most_bytes: int) -> ToolResult:
    """``result`` with no more than ``most_bytes`` of JSON: what is longer is cut, and says so.

    A model that is given megabytes has no room left for the conversation.
    """
    written = msgspec.json.encode(result.body)
    if len(written) <= most_bytes:
        return result
    cut = f"too long, {_size(len(written))}: this is its beginning; ask for less"
    if error := result.body.get("error"):
        said = error if isinstance(error, str) else msgspec.json.encode(error).decode()
        return ToolResult({"error": said[:_LONGEST_ERROR], "cut": cut}, result.media)
    whole = result.body.get("output") if len(result.body) == 1 else None
    text = whole if isinstance(whole, str) else written.decode()
    return ToolResult(
        {"output": text.encode()[:most_bytes].decode("utf-8", "ignore"), "cut": cut}, result.media
    )


def _key(key: Any) -> Any:
    """A key as JSON can have it; what msgspec knows stays."""
    if isinstance(key, str):
        return key if key.isascii() else key.encode("utf-8", "replace").decode()
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return ", ".join(str(each) for each in key) if isinstance(key, tuple) else key


def _picture(value: Any) -> Media | None:
    """A picture of Pillow's, which is not needed for anything else, as PNG or in the format that it came in."""
    if not type(value).__module__.startswith("PIL.") or not hasattr(value, "save"):
        return None
    form = value.format if value.format in ("JPEG", "PNG", "WEBP") else "PNG"
    written = io.BytesIO()
    value.save(written, format=form)
    return Media(written.getvalue(), f"image/{form.lower()}")


def _size(count: int) -> str:
    return f"{count} bytes" if count < 10_000 else f"{count / 1_000_000:.2g} MB"
