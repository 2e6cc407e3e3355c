"""Whether words end where a sentence does. Pure."""

from __future__ import annotations

__all__ = ["ends_sentence", "has_sentence_end"]

_ENDS = ".!?\u2026\u3002\uff01\uff1f\uff0e\u061f\u06d4\u0964\u0965\u17d4\u1362"
"""Also of Chinese, Japanese, Arabic, Urdu, Hindi, Khmer and Amharic."""
_CLOSING = "\"'\u201d\u2019\u00bb)]}*_\u300d\u300f\uff09"
"""Quotation marks, brackets, and what marks emphasis."""
_FEW = 20
"""Characters: what is shorter is a whole answer without a full stop ("Yes", "On Friday")."""


def ends_sentence(text: str) -> bool:
    """Whether ``text`` may be complete: it is short, or ends as a sentence does in any of the scripts."""
    text = text.rstrip().rstrip(_CLOSING).rstrip()
    return len(text) < _FEW or text.endswith(tuple(_ENDS))


def has_sentence_end(text: str) -> bool:
    """Whether whoever wrote ``text`` ends sentences with a mark; not all recognisers and languages do."""
    text = text.rstrip().rstrip(_CLOSING)
    return text.endswith(tuple(_ENDS))
