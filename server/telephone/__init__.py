"""Calls by telephone: Twilio, Telnyx and Plivo bring them as WebSockets; what they ask over HTTP is answered, what they
sign is checked, and what they can do to a call is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import when_used

if TYPE_CHECKING:
    from .accounts import PlivoAccount, TelephoneAccounts, TelnyxAccount, TwilioAccount
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {"accounts": ("PlivoAccount", "TelephoneAccounts", "TelnyxAccount", "TwilioAccount")},
    )

__all__ = ["PlivoAccount", "TelephoneAccounts", "TelnyxAccount", "TwilioAccount"]
