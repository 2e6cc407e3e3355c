"""What a plain scalar means: the core schema of YAML 1.2 (chapter 10.3).

Only ``true`` and ``false`` are booleans; times, dates, ``yes`` and ``on`` are text.
"""

from __future__ import annotations

import math
import re

__all__ = ["CORE", "Scalar", "read_scalar"]

CORE = "tag:yaml.org,2002:"
"""What the tags of the core schema begin with; ``!!`` stands for it."""

Scalar = str | int | float | bool | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_NUMERIC = re.compile(r"[-+.0-9]")
_LONGEST = 100
"""Characters of a number; Python refuses to read integers of many thousands, and nothing needs them."""


def read_scalar(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if not _NUMERIC.match(text) or len(text) > _LONGEST:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if match := _INFINITE.fullmatch(text):
        return -math.inf if match[1] == "-" else math.inf
    return math.nan if text in _NAN else text
