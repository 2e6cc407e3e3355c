"""Requests from templates: ``{name}`` in an address, a header or a body is an argument. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ..errors import ToolError

__all__ = ["MISSING", "fill_address", "fill_text", "fill_value", "names_in", "of_the_call", "shown"]

_FIELD = re.compile(r"\{((?:call|inputs)\.[A-Za-z0-9_-]+|[A-Za-z_][A-Za-z0-9_]*)\}")

MISSING: Any = object()
"""What an argument that was not given leaves behind: its place in the request is left out."""


def names_in(value: Any) -> list[str]:
    """The fields in texts anywhere inside of ``value``, each once, in order."""
    return list(dict.fromkeys(_walk(value)))


def _walk(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield from (match[1] for match in _FIELD.finditer(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _walk(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _walk(one)


def of_the_call(name: str) -> bool:
    """Whether a field is of the call, and none of the model's."""
    return name.startswith(("call.", "inputs."))


def fill_text(template: str, values: Mapping[str, Any]) -> Any:
    """A text with its fields filled in; ``MISSING`` when one of them was not given."""
    if any(name not in values for name in names_in(template)):
        return MISSING
    return _FIELD.sub(lambda match: shown(values[match[1]]), template)


def fill_value(template: Any, values: Mapping[str, Any]) -> Any:
    """A JSON value: a text that is one field alone becomes its value as it is; what was not given is left out."""
    if isinstance(template, str):
        alone = _FIELD.fullmatch(template)
        if alone is not None:
            return values.get(alone[1], MISSING)
        return fill_text(template, values)
    if isinstance(template, Mapping):
        made = {key: fill_value(one, values) for key, one in template.items()}
        return {key: one for key, one in made.items() if one is not MISSING}
    if isinstance(template, list | tuple):
        return [one for one in (fill_value(each, values) for each in template) if one is not MISSING]
    return template


def fill_address(template: str, values: Mapping[str, Any]) -> str:
    """An address whose fields are parts of its path or query, each kept to its place.

    Raises ``ToolError`` for a value that cannot stand there.
    """
    head, mark, query = template.partition("?")

    def part(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ToolError(f"wrong arguments: {match[1]} is missing")
        text = shown(values[match[1]])
        if text in (".", "..") or not text:
            raise ToolError(f"wrong arguments: {match[1]} cannot be {text!r}")
        return quote(text, safe="")

    path = _FIELD.sub(part, head)
    if not mark:
        return path
    kept = []
    for pair in query.split("&"):
        if all(name in values for name in names_in(pair)):
            kept.append(_FIELD.sub(lambda match: quote(shown(values[match[1]]), safe=""), pair))
    return f"{path}?{'&'.join(kept)}" if kept else path


def shown(value: Any) -> str:
    """A value as text, as it stands in an address, a header or a form: JSON's words, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(shown, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
