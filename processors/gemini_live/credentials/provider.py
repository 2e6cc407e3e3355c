"""Where keys and tokens come from: a fixed one, or whoever is asked each time a connection is made."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from ....pipeline.errors import ServiceError
from ....pipeline.options import Secret
from ....pipeline.running.threads import DaemonThreads, outcome_of

__all__ = ["Credentials", "FromFunction", "TokenFunction", "credential_of"]

_WITHIN_S = 9.0
"""Less than an attempt to connect may take, so that the reason is told."""
_MOST_WAITING = 8
"""Calls of one function that have not come back: it is not asked again before one of them does."""

TokenFunction = Callable[[], "str | Secret | Awaitable[str | Secret]"]
"""Gives a key or a token; a plain one is called in a thread."""


class Credentials:
    """Gives a credential whenever a connection is made. Subclass it for a source of your own.

    A call takes one as ``resources={Credentials: ...}``, or as the option ``credentials``. What ``fetch`` gives is an
    API key, an ephemeral token (``auth_tokens/...``), or on Vertex an access token.
    """

    option: str = "credentials"
    """The option that says who we are, for messages."""
    renewable: bool = True
    """Whether another credential may be had when this one is refused."""
    bearer: bool = False
    """Whether it gives access tokens of Google Cloud, which only Vertex takes."""
    quota_project: str = ""
    """The project that is to be billed, where the credential names one; known once it was fetched."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return type(self).__name__

    async def fetch(self) -> Secret:
        """The credential to use now. Must not block the event loop. Raises ``ServiceError``."""
        raise NotImplementedError

    def refused(self) -> None:
        """The service refused what was given last: do not give the same again, if there is another."""


async def credential_of(source: Credentials) -> str:
    """What ``source`` gives now, as it goes into a header. Raises ``ServiceError``, in words that show nothing of it.

    An error, an answer that does not come, and none at all may pass; what is no key and no token does not.
    """
    name = source.name
    try:
        async with asyncio.timeout(_WITHIN_S):
            given: object = await source.fetch()
    except ServiceError:
        raise
    except TimeoutError as error:
        raise ServiceError(
            f"{name} gave no credential within {_WITHIN_S:g} s (option credentials)",
            retryable=True,
            remedy="see what it waits for",
        ) from error
    except (Exception, SystemExit) as error:
        # The text of the error may hold what must not be shown: its kind has to do.
        raise ServiceError(
            f"{name} gave no credential: {type(error).__name__} (option credentials)",
            retryable=True,
            remedy="run it by itself to see why",
        ) from error
    text = given.reveal() if isinstance(given, Secret) else given
    text = text.strip() if isinstance(text, str) else text
    if text is None or text == "":
        raise ServiceError(f"{name} gave no credential (option credentials)", retryable=True)
    if not isinstance(text, str):
        kind = type(text).__name__
        raise ServiceError(f"{name} must give a key or a token as text, not {kind} (option credentials)")
    if not text.isascii() or any(letter <= " " or letter == "\x7f" for letter in text):
        raise ServiceError(
            f"{name} gave what is no key and no token: there are spaces, line breaks or other letters in it "
            "(option credentials)"
        )
    return text


class FromFunction(Credentials):
    """Asks ``function`` each time. It may be ``async``; a plain one runs in a thread, for it may have to wait."""

    def __init__(self, function: TokenFunction) -> None:
        self._function = function
        # One that never returns is to hold up neither others nor the end of the program.
        self._threads = DaemonThreads("credentials")

    @property
    def name(self) -> str:
        """The function's."""
        return f"{getattr(self._function, '__name__', type(self._function).__name__)}()"

    async def fetch(self) -> Secret:
        """See ``Credentials``."""
        # What is given is looked at by whoever asked.
        given: Secret
        if inspect.iscoroutinefunction(self._function):
            given = await self._function()
            return given
        if self._threads.alive >= _MOST_WAITING:
            raise ServiceError(
                f"{self.name} has not come back {_MOST_WAITING} times (option credentials)",
                retryable=True,
                remedy="see what it waits for",
            )
        made: Any = await outcome_of(self._threads, self._function)
        given = await made if inspect.isawaitable(made) else made
        return given
