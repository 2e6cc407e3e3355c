"""What a service answered as what a tool gives: by its type, which it may lie about, and the part wanted. Pure."""

from __future__ import annotations

import email.message
import email.utils
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from ....pipeline.frames import Media
from ..errors import ServiceFault, ToolError
from .client import Answer

__all__ = ["read_answer", "result_at"]

_PATH = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d+|\*)\]")
_MOST_WORDS = 300
_LONGEST_WAIT_S = 3600
_DEEPEST = 200
_JSON = ("application/json", "text/json", "application/x-json", "text/x-json")
_TEXTS = (
    *("application/xml", "application/yaml", "application/x-yaml", "application/toml", "application/csv"),
    *("application/javascript", "application/ecmascript", "application/x-ndjson", "application/jsonl"),
    *("application/json-seq", "application/x-www-form-urlencoded", "application/graphql", "application/sql"),
)
"""Types whose names do not say that they are text."""
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\ufffd]")
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
    """What an answer says it is: its type, and the encoding of its text, empty where it does not say."""
    message = email.message.Message()
    message["content-type"] = headers.get("content-type", "")
    kind = message.get_content_type() if headers.get("content-type") else ""
    charset = message.get_param("charset", "")
    return kind.lower(), charset if isinstance(charset, str) else ""


def _value(answer: Answer, kind: str, charset: str, who: str) -> Any:
    body = answer.body
    if kind in _JSON or kind.endswith("+json"):
        try:
            return _from_json(body, charset)
        except (ValueError, RecursionError):
            raise _lies(who, "JSON") from None
    real = next((name for start, name in _MAGIC if body.startswith(start)), "")
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        real = "image/webp"
    if kind in ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf") and real != kind:
        if not real:
            raise _lies(who, kind)
        kind = real
    if real:
        return Media(body, real)
    if kind and not kind.startswith("text/") and not kind.endswith("+xml") and kind not in _TEXTS:
        return Media(body, kind)
    text = _decoded(body, charset)
    if text is None or "\0" in text:
        raise _lies(who, kind or "text")
    if not kind:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _from_json(body: bytes, charset: str) -> Any:
    """JSON is UTF-8 by its standard; services that say otherwise are believed where it is not."""
    try:
        found = json.loads(body)
    except UnicodeDecodeError:
        text = _decoded(body, charset) if charset else None
        if text is None:
            raise
        found = json.loads(text)
    if _is_deep(found):
        raise ValueError("nested too deeply")
    return found


def _is_deep(value: Any) -> bool:
    """Whether it is nested so deeply that it could not be gone through again."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return False
    return True


def _decoded(body: bytes, charset: str) -> str | None:
    """The text; ``None`` when it is none. What does not say its encoding is UTF-8, or was written before there was."""
    try:
        text = body.decode(charset or "utf-8")
    except (ValueError, LookupError):
        if charset:
            return None
        text = body.decode("cp1252", "replace")
        if _NO_TEXT.search(text):
            return None
    return text.removeprefix("\ufeff")


def _lies(who: str, kind: str) -> ToolError:
    return ToolError(f"{who} says that it sends {kind}, and what it sent is none")


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
        said = answer.body[: 4 * _MOST_WORDS].decode("utf-8", "replace")
    said = " ".join(said.replace("\0", " ").split())[:_MOST_WORDS]
    retryable = answer.status in retry_on
    after_s = _wait_s(answer.headers)
    made = ServiceFault if answer.status >= 500 else ToolError
    return made(
        f"{who} answered {answer.status}" + (f": {said}" if said else ""),
        retryable=retryable,
        retry_after=f"{after_s}s" if retryable and after_s is not None else None,
        status=answer.status,
    )


def _wait_s(headers: Mapping[str, str]) -> int | None:
    """What ``Retry-After`` asks for, RFC 9110 10.2.3: seconds, or a date, which is read against the answer's own."""
    wait = headers.get("retry-after", "").strip()
    if wait.isascii() and wait.isdigit() and len(wait) < 10:
        found = int(wait)
    else:
        try:
            then = email.utils.parsedate_to_datetime(wait)
            now = email.utils.parsedate_to_datetime(headers.get("date", ""))
            found = max(0, round((then - now).total_seconds()))
        except (ValueError, TypeError, OverflowError):
            return None
    return found if found <= _LONGEST_WAIT_S else None
