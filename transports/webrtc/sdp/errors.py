"""What is said of an offer that cannot be answered."""

from __future__ import annotations

from ....pipeline.errors import TransportError

__all__ = ["BadOffer"]


class BadOffer(TransportError):
    """What a caller sent cannot be understood. The message is for whoever wrote the caller."""
