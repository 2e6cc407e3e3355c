"""Whether a tool that failed is tried again, and when. Pure, with time as an argument."""

from __future__ import annotations

from ...pipeline.units import MS, SECOND

__all__ = ["pause_before_retry_ns"]

_FIRST_NS = 200 * MS
_LONGEST_NS = 5 * SECOND
_USEFUL_NS = 50 * MS
"""Time that a try should have left."""


def pause_before_retry_ns(
    tried: int, retries: int, left_ns: int, *, retryable: bool, asked_ns: int | None = None
) -> int | None:
    """How long to wait before the next try; ``None`` when there is to be none.

    Args:
        tried: how often it was tried, 1 after the first time.
        retries: how often it may be tried again.
        left_ns: how much of the deadline is left.
        retryable: whether the failure may pass.
        asked_ns: how long the service asked to be left alone, where it did.
    """
    if not retryable or tried > retries:
        return None
    pause_ns = min(_LONGEST_NS, _FIRST_NS << (tried - 1)) if asked_ns is None else asked_ns
    return pause_ns if pause_ns + _USEFUL_NS < left_ns else None
