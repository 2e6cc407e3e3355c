"""The ``async with`` of a call: it begins when the nodes have started, and neither outlives the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from .tasks import settle

__all__ = ["CallScope"]


class CallScope:
    """Runs a call in a task of its own while a body uses it. ``run`` is the whole call; it sets ``started``."""

    def __init__(self, run: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the nodes have started."""
        self._run = run
        self._name = name
        self._body: asyncio.Task[Any] | None = None
        """Whose ``async with`` it is, while its body runs."""
        self._body_cut = False

    async def enter(self) -> None:
        """Start the call, and return when its nodes have started. Raises what kept them from it."""
        self._owner = asyncio.create_task(self._run(), name=self._name)
        watched: set[asyncio.Future[None]] = {self._owner, self.started}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._owner.cancel()
            await self._outlive()
            raise
        if not self.started.done():
            await self._owner
        self._body = asyncio.current_task()
        self._owner.add_done_callback(self._cut_body)

    async def leave(self, error: BaseException | None) -> None:
        """Wait for the end of the call, which was asked for. Raises its error, unless the body left with ``error``."""
        body, self._body = self._body, None
        if self._body_cut and body is not None and body.uncancel() == 0:
            # The cancellation was ours, as a TaskGroup's is; one from outside would go before it.
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if body.cancelling():
                    raise
            if error is None or isinstance(error, asyncio.CancelledError):
                self._owner.result()
        try:
            await asyncio.wait({self._owner})
        except asyncio.CancelledError:
            self._owner.cancel()
            await self._outlive()
            raise
        if error is None:
            await self._owner
        else:
            await self._outlive()

    def _cut_body(self, owner: asyncio.Task[None]) -> None:
        """The call has failed: its body does not outlive it."""
        if self._body is not None and not owner.cancelled() and owner.exception() is not None:
            self._body_cut = True
            self._body.cancel()

    async def _outlive(self) -> None:
        """Wait for the call to be over, in the face of another error: that one is told, the call's is in the log."""
        await settle((self._owner,))
        if not self._owner.cancelled():
            self._owner.exception()
