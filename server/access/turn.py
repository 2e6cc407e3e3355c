"""TURN credentials for one caller at a time.

coturn's ``use-auth-secret``, which others have as well: the user name is when it ends and whose it is, the password its
HMAC-SHA1 by a secret that the relay and this server share (draft-uberti-behave-turn-rest-00). Nothing that could be
used tomorrow, or by others without a trace, is ever published.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any

from ..arguments import an_instance, several

__all__ = ["TurnService"]

_LEAST_LIFE_S = 60.0


class TurnService:
    """Mints credentials for the relays at ``urls`` (``turn:relay.example.org:3478?transport=udp``).

    Args:
        secret: the relay's ``static-auth-secret``.
        wall_clock: seconds since 1970.
        life_s: how long credentials are good. A relay asks again when an allocation is refreshed, so longer than a
            call may be.

    Raises ``ValueError`` for addresses that are none of a relay, an empty secret and a life of less than a minute.
    """

    def __init__(
        self, urls: Sequence[str], secret: bytes, wall_clock: Callable[[], float], *, life_s: float = 3600.0
    ) -> None:
        for url in several("urls", urls, "addresses of relays, such as turn:relay.example.org:3478"):
            if "@" in url:
                # RFC 7065 has no such thing, and callers are told the address.
                raise ValueError(
                    "the address of a relay has no user and no password in it: callers get their own"
                )
            if not url.lower().startswith(("turn:", "turns:")) or not url.partition(":")[2]:
                raise ValueError(
                    f"{url!r} is no address of a relay; one looks like turn:relay.example.org:3478"
                )
        an_instance("secret", secret, bytes, "bytes")
        if not urls or not secret or life_s < _LEAST_LIFE_S:
            raise ValueError("a relay takes an address, a secret, and credentials that are good for a minute")
        self._urls = list(urls)
        self._secret = secret
        self._wall_clock = wall_clock
        self._life_s = life_s

    def mint(self, identity: str) -> dict[str, Any]:
        """An entry of ``iceServers``, as in a browser, for this caller."""
        # The relay logs user names: a mark tells callers apart there, and names none of them.
        mark = hmac.new(self._secret, b"identity:" + identity.encode(errors="replace"), hashlib.sha256)
        username = f"{int(self._wall_clock() + self._life_s)}:{mark.hexdigest()[:16]}"
        password = hmac.new(self._secret, username.encode(), hashlib.sha1).digest()
        return {
            "urls": list(self._urls),
            "username": username,
            "credential": base64.b64encode(password).decode(),
        }
