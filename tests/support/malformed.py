"""Messages that somebody got wrong: every field of a good one left out, and of every other kind that JSON can spell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["NO_OBJECTS", "VALUES", "mutants"]

_HERE = "\x00here\x00"
_DEEP = 900

VALUES: Mapping[str, str] = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "negative": "-7",
    "fraction": "1.5",
    "small": "-1e-300",
    "large": "1e308",
    "beyond floats": "1e999",
    "64 bits": str(2**63),
    "400 digits": "9" * 400,
    "5000 digits": "9" * 5_000,
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "empty": '""',
    "text": '"nobody said so"',
    "digits of another script": '"\\u0661\\u0662"',
    "superscripts": '"\\u00b2"',
    "negative in a text": '"-3"',
    "fraction in a text": '"1.5"',
    "half a character": '"\\ud800"',
    "half a character between": '"a\\udfffb"',
    "NUL": '"\\u0000"',
    "quotes": '"\\"}\\n{\\""',
    "long": '"' + "x" * 20_000 + '"',
    "list": "[]",
    "list of anything": '[null, 1, "a", [], {}]',
    "object": "{}",
    "object of anything": '{"": null, "type": 1, "event": [], "name": {}}',
    "deep": "[" * _DEEP + "]" * _DEEP,
    "deep object": '{"a":' * _DEEP + "1" + "}" * _DEEP,
    "too deep": "[" * 9_000 + "]" * 9_000,
}
"""By name, as JSON has them, or as no JSON has them."""

NO_OBJECTS: Mapping[str, str] = {
    "nothing": "",
    "blank": " \n",
    "half": '{"type": "text", "te',
    "a list": "[1, 2]",
    "a text": '"text"',
    "a number": "7",
    "null": "null",
    "two": '{"type": "text"}{"type": "text"}',
    "a byte order mark": '\ufeff{"type": "text"}',
    "single quotes": "{'type': 'text'}",
    "too deep": "[" * 9_000,
}
"""Texts that are no message at all."""


def mutants(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What can be wrong with ``message``: a name for it, and the text that is sent."""
    for path in _paths(message):
        where = ".".join(map(str, path))
        yield f"without {where}", json.dumps(_changed(message, path))
        marked = json.dumps(_changed(message, path, _HERE))
        for name, value in VALUES.items():
            yield f"{where}: {name}", marked.replace(json.dumps(_HERE), value)


def _paths(value: Any) -> Iterator[tuple[str, ...]]:
    """Where there is something in an object, however deep."""
    if isinstance(value, Mapping):
        for name, inside in value.items():
            yield (name,)
            for path in _paths(inside):
                yield (name, *path)


def _changed(message: Mapping[str, Any], path: tuple[str, ...], value: object = None) -> dict[str, Any]:
    """A copy with something else at a place; ``None`` leaves it out."""
    copy, first = dict(message), path[0]
    if len(path) > 1:
        copy[first] = _changed(copy[first], path[1:], value)
    elif value is None:
        del copy[first]
    else:
        copy[first] = value
    return copy
