"""Join tickets: a site's own backend says, for a minute, who may call which agent.

A ticket is a JSON Web Token (RFC 7519), signed with HS256 by a secret that the backend and this server share. Its
claims: ``aud`` is ``livegraph``, ``sub`` the identity, ``exp`` the end in seconds since 1970, ``jti`` what makes it
good for one call; and of ours ``agents``, ``inputs``, ``report`` and ``limits`` as in ``Grant``. Any JWT library makes
one.
"""

from __future__ import annotations

import heapq
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jwt
import msgspec

from ..arguments import WrongArgument, an_instance
from ..limits.caller import CallerLimits
from .grant import Grant, ReportLevel

__all__ = ["AUDIENCE", "LEAST_SECRET_BYTES", "TicketError", "Tickets", "UsedTickets"]

AUDIENCE = "livegraph"
LEAST_SECRET_BYTES = 32
"""As many as HS256 has, RFC 7518 section 3.2."""
_LONGEST_LIFE_S = 24 * 3600.0
_SLACK_S = 5.0
"""How far the clocks of the backend and of this machine may be apart."""
_MOST_USED = 200_000

_Scalar = str | int | float | bool | None


class TicketError(Exception):
    """A ticket that is not good. ``code`` is one of ``ticket_expired``, ``ticket_invalid``."""

    def __init__(self, code: Literal["ticket_expired", "ticket_invalid"], message: str) -> None:
        super().__init__(message)
        self.code = code


class _Claims(msgspec.Struct):
    sub: str
    exp: float
    jti: str
    iat: float | None = None
    nbf: float | None = None
    agents: tuple[str, ...] = ()
    inputs: dict[str, _Scalar] = {}
    report: ReportLevel | None = None
    limits: CallerLimits | None = None


class Tickets:
    """Makes tickets and reads them.

    Args:
        secret: 32 bytes at least; what the backend signs with.
        wall_clock: seconds since 1970.

    Raises ``ValueError`` for a secret that is too short.
    """

    def __init__(self, secret: bytes, wall_clock: Callable[[], float]) -> None:
        an_instance("secret", secret, bytes, "bytes", "A text has .encode()")
        if len(secret) < LEAST_SECRET_BYTES:
            raise ValueError(f"the secret has {len(secret)} bytes; it takes {LEAST_SECRET_BYTES} at least")
        self._secret = secret
        self._wall_clock = wall_clock

    def make(
        self,
        identity: str,
        *,
        life_s: float = 60.0,
        agents: Sequence[str] = (),
        inputs: Mapping[str, Any] | None = None,
        report: ReportLevel | None = None,
    ) -> str:
        """A ticket for one call, which must begin within ``life_s`` seconds, a day at most."""
        if not 0 < life_s <= _LONGEST_LIFE_S:
            raise ValueError("a ticket is good for more than nothing, and for a day at most")
        now_s = self._wall_clock()
        claims: dict[str, Any] = {
            "aud": AUDIENCE,
            "sub": identity,
            "iat": int(now_s),
            "exp": int(now_s + life_s + 0.999),
            "jti": secrets.token_urlsafe(16),
        }
        claims |= {"agents": list(agents)} if agents else {}
        claims |= {"inputs": dict(inputs)} if inputs else {}
        claims |= {"report": report} if report else {}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def read(self, ticket: str) -> Grant:
        """What it grants. Raises ``TicketError``."""
        try:
            # The times are compared below, by the clock that was given.
            payload = jwt.decode(
                ticket,
                self._secret,
                algorithms=["HS256"],
                audience=AUDIENCE,
                options={
                    "require": ["exp", "sub", "jti", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            claims = msgspec.convert(payload, _Claims)
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError, RecursionError):
            raise TicketError("ticket_invalid", "The ticket is not one of this server's.") from None
        now_s = self._wall_clock()
        if not all(math.isfinite(time_s) for time_s in (claims.exp, claims.iat or 0, claims.nbf or 0)):
            # Python's JSON has them: no time comes after what is no number.
            raise TicketError("ticket_invalid", "The ticket has a time that is none.")
        if not claims.sub:
            raise TicketError("ticket_invalid", "The ticket says not whose it is.")
        if not claims.jti or len(claims.jti) > 256 or claims.exp > now_s + _LONGEST_LIFE_S + _SLACK_S:
            raise TicketError("ticket_invalid", "The ticket is good for too long, or has no id.")
        if max(claims.nbf or 0, claims.iat or 0) > now_s + _SLACK_S:
            raise TicketError("ticket_invalid", "The ticket is not good yet.")
        if claims.exp <= now_s:
            raise TicketError("ticket_expired", "The ticket has expired.")
        try:
            return Grant(
                identity=claims.sub,
                agents=claims.agents,
                inputs=claims.inputs,
                report=claims.report,
                limits=claims.limits,
                once=claims.jti,
                expires_s=claims.exp,
            )
        except WrongArgument:
            raise TicketError("ticket_invalid", "The ticket says not in text whose it is.") from None


class UsedTickets:
    """Which tickets have made their call, for as long as they would be good."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._order: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._until)

    def __contains__(self, once: str) -> bool:
        return once in self._until

    def use(self, once: str, expires_s: float, now_s: float) -> bool:
        """Whether it had not been used; it is from now on. False as well when there is no room to remember it."""
        while self._order and self._order[0][0] <= now_s - _SLACK_S:
            _, gone = heapq.heappop(self._order)
            self._until.pop(gone, None)
        if once in self._until or len(self._until) >= _MOST_USED:
            return False
        self._until[once] = expires_s
        heapq.heappush(self._order, (expires_s, once))
        return True

    def forget(self, once: str) -> None:
        """The call did not come about: the ticket is as good as before."""
        if self._until.pop(once, None) is not None:
            self._order = [entry for entry in self._order if entry[1] != once]
            heapq.heapify(self._order)
