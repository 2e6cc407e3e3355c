"""An explained agent as YAML: a file that reads back as the same plan, with the origin of each value as a comment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ...pipeline.convert.scalars import CallText, read_scalar
from .explained import Entry

__all__ = ["explained_yaml"]

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./>-]*( (?:->|[A-Za-z0-9_./-]+))*")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(ns|us|ms|s|min|h|Hz|kHz)")
_COMMENT_COLUMN = 44


def explained_yaml(entry: Entry, *, title: str = "") -> str:
    """The text of the file, with ``title`` as the comment above."""
    lines = [f"# {_one_line(title)}"] if title else []
    return "\n".join([*lines, *_mapping(entry.value, 0)]) + "\n"


def _mapping(entries: dict[str, Entry], depth: int) -> Iterator[str]:
    for key, entry in entries.items():
        yield from _entry(f"{_key(key)}:", entry, depth)


def _entry(head: str, entry: Entry, depth: int) -> Iterator[str]:
    indent = "  " * depth
    value = entry.value
    if entry.unwritable:
        yield _line(
            f"{indent}# {head} {_one_line(json.dumps(_data(entry), ensure_ascii=False))}", entry.comment
        )
    elif isinstance(value, dict) and value:
        yield _line(indent + head, entry.comment)
        yield from _mapping(value, depth + 1)
    elif isinstance(value, list) and value:
        yield _line(indent + head, entry.comment)
        for item in value:
            yield from _item(item, depth + 1)
    elif isinstance(value, str) and entry.written is None and _blocks(value):
        keep = "|" if value.endswith("\n") else "|-"
        yield _line(f"{indent}{head} {keep}", entry.comment)
        for line in _escaped(value).removesuffix("\n").split("\n"):
            yield f"{indent}  {line}" if line else ""
    else:
        yield _line(f"{indent}{head} {_scalar(entry)}".rstrip(), entry.comment)


def _item(entry: Entry, depth: int) -> Iterator[str]:
    if isinstance(entry.value, dict) and entry.value:
        yield _line(f"{'  ' * depth}-", entry.origin)
        yield from _mapping(entry.value, depth + 1)
    elif isinstance(entry.value, list) and entry.value:
        # In JSON, which is YAML too: a list in a list is rare, and its origin is that of the option.
        yield _line(f"{'  ' * depth}- {json.dumps(_data(entry, escape=True))}", entry.origin)
    else:
        yield _line(f"{'  ' * depth}- {_scalar(entry)}", entry.origin)


def _data(entry: Entry, *, escape: bool = False) -> Any:
    if isinstance(entry.value, dict):
        return {key: _data(item, escape=escape) for key, item in entry.value.items()}
    if isinstance(entry.value, list):
        return [_data(item, escape=escape) for item in entry.value]
    if entry.written is not None:
        return entry.written
    return _escaped(entry.value) if escape and isinstance(entry.value, str) else entry.value


def _scalar(entry: Entry) -> str:
    if entry.written is not None:
        return _quoted(entry.written) if entry.written else ""
    value = entry.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, str):
        text = _escaped(value)
        if _QUANTITY.fullmatch(text):
            return text
        return (
            text if _PLAIN.fullmatch(text) and read_scalar(text) == text and len(text) < 80 else _quoted(text)
        )
    return repr(value)


def _key(key: str) -> str:
    return key if _KEY.fullmatch(key) and read_scalar(key) == key else _quoted(key)


def _quoted(text: str) -> str:
    """A double-quoted scalar; what YAML does not count as printable is escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() and char != "\ufeff" else _escape(char) for char in quoted)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _escaped(text: str) -> str:
    return str(text) if isinstance(text, CallText) and "${" not in text else text.replace("${", "$${")


def _blocks(text: str) -> bool:
    """Whether a text reads better as a block, and comes back from it as it was."""
    lines = text.split("\n")
    body = lines[:-1] if lines[-1] == "" else lines
    return (
        len(body) > 1
        and not body[0].startswith((" ", "\t"))
        and bool(body[0])
        and bool(body[-1].strip())
        and all(line.isprintable() and "\ufeff" not in line and line == line.rstrip() for line in body)
    )


def _line(text: str, comment: str) -> str:
    return f"{text.ljust(_COMMENT_COLUMN)}  # {_one_line(comment)}" if comment else text


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
