"""Where keys and tokens come from: a fixed one, or whoever is asked each time a connection is made."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from ....pipeline.errors import ServiceError
from ....pipeline.options import Secret

__all__ = ["Credentials", "FromFunction", "TokenFunction"]

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

    async def fetch(self) -> Secret:
        """The credential to use now. Must not block the event loop. Raises ``ServiceError``."""
        raise NotImplementedError

    def refused(self) -> None:
        """The service refused what was given last: do not give the same again, if there is another."""


class FromFunction(Credentials):
    """Asks ``function`` each time. It may be ``async``; a plain one runs in a thread, for it may have to wait."""

    def __init__(self, function: TokenFunction) -> None:
        self._function = function

    async def fetch(self) -> Secret:
        name = getattr(self._function, "__name__", type(self._function).__name__)
        try:
            if inspect.iscoroutinefunction(self._function):
                given = await self._function()
            else:
                given = await asyncio.to_thread(self._function)
                if inspect.isawaitable(given):
                    given = await given
        except Exception as error:
            # The text of the error may hold what must not be shown: its kind has to do.
            raise ServiceError(
                f"{name}() gave no credential: {type(error).__name__} (option credentials)",
                retryable=True,
                remedy="run it by itself to see why",
            ) from error
        if not isinstance(given, (str, Secret)) or not given:
            raise ServiceError(
                f"{name}() must give a key or a token as text, not {type(given).__name__} (option credentials)"
            )
        return given if isinstance(given, Secret) else Secret(given)
