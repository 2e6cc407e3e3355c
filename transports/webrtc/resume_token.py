"""The secret by which a caller comes back over another connection. Each is good once."""

from __future__ import annotations

import hmac
import secrets

from ...pipeline.errors import TransportError

__all__ = ["ResumeToken"]


class ResumeToken:
    """The one that is good now; it is another after each use."""

    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(24)

    def matches(self, token: str) -> bool:
        """Whether ``token`` is the one that is good now, compared in constant time."""
        return hmac.compare_digest(token.encode(errors="replace"), self.value.encode())

    def spend(self, token: str) -> None:
        """Use ``token`` up. Raises ``TransportError`` when it is not the one that is good."""
        if not self.matches(token):
            raise TransportError("the token is not good any more")
        self.value = secrets.token_urlsafe(24)
