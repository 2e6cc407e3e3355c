"""The time while a desk is open: a task that holds what transports need, and owns all tasks of the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

__all__ = ["Lifetime"]

Held = Callable[[], AbstractAsyncContextManager[object]]


class Lifetime:
    """Opens when it is asked to, as often as it is, each time for the event loop that runs.

    Args:
        torn: called when the loop ends, or somebody cancelled all tasks, before ``close``: what runs must end now.
    """

    def __init__(self, torn: Callable[[], None]) -> None:
        self._torn = torn
        self._held: list[Held] = []
        self._owner: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[None] | None = None
        self._leave = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    def hold(self, held: Held) -> None:
        """Enter ``held()`` whenever this opens, and leave it when all tasks are over."""
        self._held.append(held)

    @property
    def is_open(self) -> bool:
        """Whether it is, for the loop that runs."""
        owner = self._owner
        return owner is not None and not owner.done() and owner.get_loop() is asyncio.get_running_loop()

    def check_loop(self) -> None:
        """Raise ``RuntimeError`` where it is open for another loop that runs: in another thread."""
        owner = self._owner
        if owner is None or owner.done() or not owner.get_loop().is_running():
            return
        if owner.get_loop() is not asyncio.get_running_loop():
            raise RuntimeError(
                "the desk is open in another event loop: ask it there, from here by "
                "asyncio.run_coroutine_threadsafe(desk.answer(...), loop), or give each loop a desk of its own"
            )

    @property
    def is_past(self) -> bool:
        """Whether it was open for a loop that runs no more."""
        return self._owner is not None and not self._owner.get_loop().is_running()

    async def open(self) -> None:
        """Return when everything is held; at once when it is already.

        Raises what ``held`` raises, ``OSError`` for a port that is taken, and ``RuntimeError`` as ``check_loop`` does.
        """
        self.check_loop()
        if not self.is_open:
            self._leave = asyncio.Event()
            self._opened = asyncio.get_running_loop().create_future()
            self._owner = asyncio.create_task(self._own(self._opened), name="call desk")
        if self._opened is not None:
            await asyncio.shield(self._opened)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that ends with it."""
        assert self._group is not None
        return self._group.create_task(work, name=name)

    async def close(self) -> None:
        """Let go of everything once all tasks are over."""
        if self.is_open and self._owner is not None:
            self._leave.set()
            await self._owner

    async def _own(self, opened: asyncio.Future[None]) -> None:
        async with AsyncExitStack() as stack:
            try:
                for held in self._held:
                    await stack.enter_async_context(held())
            except Exception as error:
                # Whoever opens it is told; otherwise it would wait for ever.
                opened.set_exception(error)
                return
            except asyncio.CancelledError:
                opened.cancel()
                raise
            self._group = await stack.enter_async_context(asyncio.TaskGroup())
            opened.set_result(None)
            try:
                await self._leave.wait()
            finally:
                if not self._leave.is_set():
                    self._torn()
