"""Guard rails: what must not be said, and what must not be written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .guard_rails import GuardRails
    from .redaction import Masked, Redactor
    from .rules import GuardRule
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {"guard_rails": ("GuardRails",), "redaction": ("Masked", "Redactor"), "rules": ("GuardRule",)},
    )

__all__ = ["GuardRails", "GuardRule", "Masked", "Redactor"]
