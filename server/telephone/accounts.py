"""Who one is to the providers of telephones: what their signatures are checked by, and what hangs up and transfers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from ...transports.telephone.started import Provider
from ..access.ticket import Tickets
from ..wall_clock import unix_seconds

__all__ = ["PlivoAccount", "TelephoneAccounts", "TelnyxAccount", "TwilioAccount"]


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Of Twilio: both stand in its console."""

    account_sid: str
    auth_token: str = field(repr=False)
    api_url: str = "https://api.twilio.com"


@dataclass(frozen=True, slots=True)
class TelnyxAccount:
    """Of Telnyx: ``public_key`` (base64) is what its webhooks are checked by, ``api_key`` what steers calls."""

    api_key: str = field(default="", repr=False)
    public_key: str = ""
    api_url: str = "https://api.telnyx.com"


@dataclass(frozen=True, slots=True)
class PlivoAccount:
    """Of Plivo: both stand in its console."""

    auth_id: str
    auth_token: str = field(repr=False)
    api_url: str = "https://api.plivo.com"


@dataclass(frozen=True, slots=True)
class TelephoneAccounts:
    """The accounts that there are. Calls of a provider whose account is here are taken only when it has signed them.

    Args:
        public_url: at which the world reaches this server, ``https://voice.example.org``; by default what requests say.
    """

    twilio: TwilioAccount | None = None
    telnyx: TelnyxAccount | None = None
    plivo: PlivoAccount | None = None
    public_url: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """By the names that the providers' own tools use, and ``LIVEGRAPH_PUBLIC_URL``."""
        sid, token = environ.get("TWILIO_ACCOUNT_SID", ""), environ.get("TWILIO_AUTH_TOKEN", "")
        key, public = environ.get("TELNYX_API_KEY", ""), environ.get("TELNYX_PUBLIC_KEY", "")
        plivo, secret = environ.get("PLIVO_AUTH_ID", ""), environ.get("PLIVO_AUTH_TOKEN", "")
        return cls(
            TwilioAccount(sid, token) if sid and token else None,
            TelnyxAccount(key, public) if key or public else None,
            PlivoAccount(plivo, secret) if plivo and secret else None,
            environ.get("LIVEGRAPH_PUBLIC_URL", "").rstrip("/"),
        )

    def signs(self, provider: Provider) -> bool:
        """Whether it can be told what this provider has signed."""
        match provider:
            case "twilio":
                return self.twilio is not None
            case "telnyx":
                return self.telnyx is not None and bool(self.telnyx.public_key)
            case "plivo":
                return self.plivo is not None

    def passes(self, provider: Provider) -> Tickets | None:
        """By which a stream is let in whose call was answered here a moment ago. Every process of one account has the
        same; ``None`` where there is no account."""
        secret = ""
        match provider:
            case "twilio" if self.twilio is not None:
                secret = self.twilio.auth_token
            case "telnyx" if self.telnyx is not None:
                secret = self.telnyx.api_key or ""
            case "plivo" if self.plivo is not None:
                secret = self.plivo.auth_token
        if not secret:
            return None
        key = hashlib.sha256(b"livegraph telephone pass\0" + secret.encode()).digest()
        return Tickets(key, unix_seconds)
