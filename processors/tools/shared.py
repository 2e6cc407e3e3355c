"""What tools of all calls of one event loop share: breakers, what only one may use at a time, common results."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...pipeline.clock import clock_of_loop
from .breaker import Breaker, BreakerPolicy
from .result_cache import ResultCache

__all__ = ["ServiceState", "Shared", "shared"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How something is that tools depend on. See ``ToolServiceChanged``."""

    service: str
    kind: str
    state: str
    why: str = ""


class Shared:
    """Of one event loop; a server has one."""

    def __init__(self) -> None:
        self.clock = clock_of_loop()
        """Calls have clocks of their own: what they share goes by this one."""
        self.cache = ResultCache()
        self.breakers: dict[str, Breaker] = {}
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self.kept: dict[Any, Any] = {}
        """What sources keep for all calls, by a key of theirs."""
        self._states: dict[tuple[str, str], str] = {}
        self._listeners: list[Callable[[ServiceState], None]] = []

    def watch(self, listener: Callable[[ServiceState], None]) -> Callable[[], None]:
        """Call ``listener`` with each change of what tools depend on, until what is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, service: str, kind: str, state: str, why: str = "") -> None:
        """Something is in this state; said once, however often it is told."""
        # Before anything is known of them, breakers are closed.
        before = self._states.get((service, kind), "closed")
        if before == state:
            return
        self._states[service, kind] = state
        for listener in list(self._listeners):
            listener(ServiceState(service, kind, state, why))

    def breaker(self, service: str, policy: BreakerPolicy) -> Breaker:
        """The breaker of a service; the newest policy counts."""
        found = self.breakers.setdefault(service, Breaker(policy))
        found.policy = policy
        return found

    async def acquire(self, resource: str) -> None:
        """Wait for one's turn with ``resource``, first come, first served; ``release`` gives it up."""
        lock, users = self._locks.get(resource, (asyncio.Lock(), 0))
        self._locks[resource] = (lock, users + 1)
        try:
            await lock.acquire()
        except BaseException:
            self._leave(resource)
            raise

    def release(self, resource: str) -> None:
        """Let the next one have it."""
        self._locks[resource][0].release()
        self._leave(resource)

    def _leave(self, resource: str) -> None:
        lock, users = self._locks[resource]
        if users > 1:
            self._locks[resource] = (lock, users - 1)
        else:
            del self._locks[resource]


_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Shared] = weakref.WeakKeyDictionary()


def shared() -> Shared:
    """What is shared on the running loop."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = Shared()
    return found
