"""What all messages have in common."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["PROTOCOL_VERSION", "Json", "WireMessage"]

PROTOCOL_VERSION = 1

Json = dict[str, Any]


class WireMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Fields that have a default are left out where they have it."""
