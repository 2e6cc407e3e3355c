"""Whether words end where a sentence does. Pure."""

from __future__ import annotations

__all__ = ["ends_sentence", "has_sentence_end"]

_ENDS = ".!?…。！？؟।॥៕။።"
_CLOSING = "\"'”’»)]}*_」』）"
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
