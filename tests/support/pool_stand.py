"""One pool for many tests: to start workers takes longer than most of what is asked of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Generic, TypeVar

from support.pool_callers import Crew, crew, until

__all__ = ["Stand", "standing"]

P = TypeVar("P", bound=Any)


class Stand(Generic[P]):
    """Keeps a pool open between tests, in an event loop that goes on when the next one runs.

    A pool that a test has closed or drained is opened anew for the next. See ``standing``.
    """

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[P]], runner: asyncio.Runner) -> None:
        self._opened = opened
        self._runner = runner
        self._pool: P | None = None
        self._holding: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()

    def run(self, test: Callable[[P, Crew], Awaitable[None]]) -> None:
        """Run a test with the pool and callers of its own: there is no call before, and none afterwards."""
        self._runner.run(self._run(test))

    async def _run(self, test: Callable[[P, Crew], Awaitable[None]]) -> None:
        if self._pool is None or self._pool.status != "ok":
            await self.close()
            await self._open()
        pool = self._pool
        assert pool is not None
        async with crew() as callers:
            await test(pool, callers)
        await until(lambda: pool.active == 0)

    async def _open(self) -> None:
        opening: asyncio.Future[P] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            async with self._opened() as pool:
                opening.set_result(pool)
                await self._leave.wait()

        self._leave.clear()
        self._holding = asyncio.create_task(hold())
        waited: set[asyncio.Future[Any]] = {self._holding, opening}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if self._holding.done():
            await self._holding
        self._pool = opening.result()

    async def close(self) -> None:
        """Have nothing open any more."""
        self._leave.set()
        holding, self._holding, self._pool = self._holding, None, None
        if holding is not None:
            await holding


@contextmanager
def standing(opened: Callable[[], AbstractAsyncContextManager[P]]) -> Iterator[Stand[P]]:
    """A stand for pools that ``opened`` gives; nothing is left of it when the block ends."""
    with asyncio.Runner() as runner:
        stand = Stand(opened, runner)
        try:
            yield stand
        finally:
            runner.run(stand.close())
