"""Plain data as YAML on one line, which YAML 1.2 and 1.1 read as the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .core import read_scalar

__all__ = ["write_flow"]

_PLAIN = re.compile(
    r"(?:[^\s\x00-\x1f\x7f-\x9f\ufeff\-?:,\[\]{}#&*!|>'\"%@`]|-(?=[^\s,\[\]{}]))[^\x00-\x1f\x7f-\x9f\ufeff?:,\[\]{}]*"
)
_SINGLE = re.compile("[^\x00-\x1f\x7f-\xa0\ufeff\u2028\u2029\ud800-\udfff]*")
_OF_1_1 = re.compile(
    r"(?i:yes|no|on|off|y|n)|=|<<|[-+]?0[0-7_]+|[-+]?0[box][\da-f_]+|[-+]?[\d_]*\d[\d_]*\.?[\d_]*"
    r"|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|\d{4}-\d\d?-\d\d?(?:[Tt \t].*)?|---.*|\.\.\."
)
"""What would be something else than text in YAML 1.1, which editors may go by."""


def write_flow(value: Any) -> str:
    """Text, numbers, booleans, ``None``, lists and mappings with text as keys, on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_text(str(key))}: {write_flow(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write_flow, value))}]"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    if isinstance(value, float) and value != value:
        return ".nan"
    return json.dumps(value)


def _text(text: str) -> str:
    if (
        _PLAIN.fullmatch(text)
        and " #" not in text
        and text[-1] != " "
        and isinstance(read_scalar(text), str)
        and not _OF_1_1.fullmatch(text)
    ):
        return text
    if _SINGLE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")
