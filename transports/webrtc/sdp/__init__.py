"""Offers read and answers written (RFC 9429, RFC 8866). Sans-IO."""

from .candidates import checked_candidates
from .errors import BadOffer
from .lines import MOST_BYTES
from .offer import read_offer

__all__ = ["MOST_BYTES", "BadOffer", "checked_candidates", "read_offer"]
