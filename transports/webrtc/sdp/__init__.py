"""Offers read and answers written (RFC 9429, RFC 8866). Sans-IO."""

from .checked import MOST_BYTES, BadOffer, checked_candidates, checked_offer

__all__ = ["MOST_BYTES", "BadOffer", "checked_candidates", "checked_offer"]
