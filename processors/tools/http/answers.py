"""What a service answered as what a tool gives: by its type, which it may lie about, and the part wanted. Pure."""

from __future__ import annotations

import email.message
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from ....pipeline.frames import Media
from ..errors import ToolError
from .client import Answer

__all__ = ["read_answer", "result_at"]

_PATH = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d+|\*)\]")
_MOST_WORDS = 300
_LONGEST_WAIT_S = 3600
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def read_answer(answer: Answer, *, path: str, retry_on: Collection[int], who: str) -> Any:
    """The value of an answer, or what is at ``path`` in it. Raises ``ToolError`` for anything but success."""
    kind, charset = _type(answer.headers)
    if answer.status >= 400 or answer.status < 200:
        raise _failed(answer, kind, charset, retry_on, who)
    if not answer.body:
        return {"status": answer.status}
    return result_at(_value(answer, kind, charset, who), path) if path else _value(answer, kind, charset, who)


def result_at(value: Any, path: str) -> Any:
    """What stands at ``path``, such as ``data.items[0].name`` or ``items[*].name``. Raises ``ToolError``."""
    steps = [(match[1], match[2]) for match in _PATH.finditer(path)]
    return _at(value, steps, path)


def _at(value: Any, steps: list[tuple[str | None, str | None]], path: str) -> Any:
    if not steps:
        return value
    (key, index), rest = steps[0], steps[1:]
    if index == "*" and isinstance(value, list):
        return [_at(one, rest, path) for one in value]
    if key is not None and isinstance(value, Mapping) and key in value:
        return _at(value[key], rest, path)
    if index is not None and index != "*" and isinstance(value, list) and int(index) < len(value):
        return _at(value[int(index)], rest, path)
    raise ToolError(f"the answer of the service has nothing at {path}")


def _type(headers: Mapping[str, str]) -> tuple[str, str]:
    message = email.message.Message()
    message["content-type"] = headers.get("content-type", "")
    kind = message.get_content_type() if headers.get("content-type") else ""
    charset = message.get_param("charset", "utf-8")
    return kind.lower(), charset if isinstance(charset, str) else "utf-8"


def _value(answer: Answer, kind: str, charset: str, who: str) -> Any:
    body = answer.body
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise ToolError(f"{who} says that it sends JSON, and what it sent is none") from None
    real = next((name for start, name in _MAGIC if body.startswith(start)), "")
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        real = "image/webp"
    if kind in ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf") and real != kind:
        if not real:
            raise ToolError(f"{who} says that it sends {kind}, and what it sent is none")
        kind = real
    if real:
        return Media(body, real)
    if kind and not kind.startswith("text/") and kind not in ("application/xml", "image/svg+xml"):
        return Media(body, kind)
    try:
        text = body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        raise ToolError(f"{who} says that it sends {kind or 'text'}, and what it sent is none") from None
    if "\0" in text:
        raise ToolError(f"{who} says that it sends {kind or 'text'}, and what it sent is none")
    if not kind:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _failed(answer: Answer, kind: str, charset: str, retry_on: Collection[int], who: str) -> ToolError:
    said = ""
    if "json" in kind:
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, Mapping):
            inner = found.get("error", found)
            inner = inner if isinstance(inner, Mapping) else {"message": inner}
            words = [inner.get(key) for key in ("message", "detail", "title", "description")]
            said = next((word for word in words if isinstance(word, str)), "")
    elif kind == "text/plain":
        said = answer.body[: 4 * _MOST_WORDS].decode(
            charset if charset.lower() == "utf-8" else "utf-8", "replace"
        )
    said = " ".join(said.split())[:_MOST_WORDS]
    retryable = answer.status in retry_on
    wait = answer.headers.get("retry-after", "").strip()
    after_s = int(wait) if wait.isdigit() and int(wait) <= _LONGEST_WAIT_S else None
    return ToolError(
        f"{who} answered {answer.status}" + (f": {said}" if said else ""),
        retryable=retryable,
        retry_after=f"{after_s}s" if retryable and after_s is not None else None,
        status=answer.status,
    )
