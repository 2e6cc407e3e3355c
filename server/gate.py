"""Who sends a request, and what it may do; asked before a body is read."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import HTTPConnection, Request

from ..pipeline.clock import Clock, clock_of_loop
from ..pipeline.units import SECOND
from .access.grant import ANYBODY, Authorize, Grant, bearer_of
from .access.ticket import TicketError, Tickets
from .access.token_file import TokenFile
from .arguments import a_function, wrong_result
from .hooks import HookFailed, ask, hook_failed
from .limits.buckets import Buckets, Rate, address_key
from .refusals import Refusal

__all__ = ["Gate", "address_of", "by_tokens"]

_FAILURES = Rate(per_minute=20, burst=20)
"""Of one address: enough for somebody who mistypes, too few for somebody who guesses."""
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="livegraph"'}


class Gate:
    """Asks ``authorize`` for the grant of a request; without one everybody may call everything."""

    def __init__(self, authorize: Authorize | None) -> None:
        if authorize is not None:
            a_function("authorize", authorize, ["request"])
        self._authorize = authorize
        self._failures = Buckets(_FAILURES)
        self._clock: Clock | None = None

    @property
    def open(self) -> bool:
        """Whether nobody is asked who it is."""
        return self._authorize is None

    async def grant(self, request: Request) -> Grant:
        """What the sender may do.

        Raises ``Refusal``: 401 or 403, 429 after too many failures, and 503 when nobody can tell.
        """
        if self._authorize is None:
            return ANYBODY
        address, now_ns = address_key(address_of(request)), self._now_ns()
        # A look first: one that has guessed too often is not asked again until its bucket has room.
        if wait_ns := self._failures.look(address, now_ns):
            seconds = -(-wait_ns // SECOND)
            raise Refusal(
                429,
                "too_often",
                "There were too many wrong tokens from here.",
                f"Try again in {seconds} s.",
                {"Retry-After": str(seconds)},
            )
        try:
            granted = await ask("authorize", self._authorize, request)
            if not (granted is None or isinstance(granted, Grant)):
                raise hook_failed(wrong_result("authorize", granted, "a Grant, or None for nobody"))
        except Refusal as refused:
            if refused.status in (401, 403):
                self._failures.take(address, now_ns)
            raise
        except HookFailed as failed:
            # Whoever wrote `authorize` finds it in the log; a request that nobody answered for makes no traceback.
            raise Refusal(
                503,
                "authorization_unavailable",
                f"It cannot be told just now who may call (error {failed.number}).",
                "Try again in a while.",
                {"Retry-After": "10"},
            ) from None
        if granted is None:
            self._failures.take(address, now_ns)
            raise Refusal(
                401,
                "unauthorized",
                "This server takes calls from known callers only.",
                "Open the page by the address that you were given, or send the header Authorization: Bearer TOKEN.",
                _CHALLENGE,
            )
        return granted

    def _now_ns(self) -> int:
        if self._clock is None:
            self._clock = clock_of_loop()
        return self._clock.now_ns()


def by_tokens(tokens: Callable[[], TokenFile | None], tickets: Tickets | None) -> Authorize:
    """Takes the tokens of a file and join tickets, as ``Authorization: Bearer``."""

    async def authorize(request: Request) -> Grant | None:
        bearer = bearer_of(request)
        if not bearer:
            return None
        known = tokens()
        granted = known.read(bearer) if known is not None else None
        # A ticket has three parts; a token that looks like one is in the file or is wrong.
        if granted is not None or tickets is None or bearer.count(".") != 2:
            return granted
        try:
            return tickets.read(bearer)
        except TicketError as error:
            raise Refusal(
                401, error.code, str(error), "Ask the site that gave it for another.", _CHALLENGE
            ) from None

    return authorize


def address_of(request: HTTPConnection) -> str:
    """Where a request came from, as the server that took it says: proxies that it trusts are seen through there."""
    return request.client.host if request.client is not None else ""
