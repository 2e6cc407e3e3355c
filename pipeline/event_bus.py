"""The bus of a call: who hears of what happens in it, and in which order.

Observers are not boxes in the media's way, and an event that nobody listens to is never made::

    if events.wants(ToolCalled):
        events.publish(ToolCalled(time_ns=now, id=..., name=..., args=...))
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, TypeVar

import msgspec

from .errors import from_signal
from .frames import Turn
from .units import SECOND

__all__ = ["Event", "EventBus"]

logger = logging.getLogger("livegraph.events")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened at ``time_ns`` of the call's clock. Subclass it to define your own.

    Events are plain data. A field ``turn`` holds the number of a turn; where the event has a field ``source`` that was
    left out, it is the node whose turn it is.
    """

    time_ns: int

    def __post_init__(self) -> None:
        turn = getattr(self, "turn", None)
        if isinstance(turn, Turn):
            msgspec.structs.force_setattr(self, "turn", int(turn))
            if getattr(self, "source", None) == "":
                msgspec.structs.force_setattr(self, "source", turn.source)


E = TypeVar("E", bound=Event)


Observer = Callable[[E], object]

Redact = Callable[[Any, bool], Any]
"""Takes a text, or JSON, and whether more of it may follow; gives it without what is to be hidden."""

_BEHIND_AT_MOST = 1024
"""Events that an async observer may be behind; what comes then it does not hear of."""


class EventBus:
    """Publishes events to observers, in order of subscription, at once.

    An observer may be ``async``: it is then awaited in a task of its own, one event after the other, and the end of
    the call waits for it.
    """

    def __init__(self) -> None:
        self._observers: list[tuple[type[Event], Observer[Any]]] = []
        self._by_type: dict[type[Event], tuple[Observer[Any], ...]] = {}
        self._behind: dict[object, deque[Awaitable[object]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.redact: Redact | None = None
        """Hides what nobody may write down, in the texts of every event that is published from then on."""

    def subscribe(self, kind: type[E], observer: Observer[E]) -> Callable[[], None]:
        """Call ``observer`` for every event of ``kind`` or a subclass; returns what ends the subscription."""
        entry = (kind, observer)
        self._observers.append(entry)
        self._by_type.clear()

        def unsubscribe() -> None:
            if entry in self._observers:
                self._observers.remove(entry)
                self._by_type.clear()

        return unsubscribe

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody would see an event of ``kind``."""
        return bool(self._observers) and bool(self._for(kind))

    def publish(self, event: Event) -> None:
        """Tell every observer. One that raises is taken off the bus and named in the log: the call goes on."""
        observers = self._for(type(event))
        if self.redact is not None and observers:
            event = _redacted(event, self.redact)
        for observer in observers:
            try:
                waits = observer(event)
                if waits is not None:
                    self._take(observer, waits)
            except BaseException as error:
                self._drop(observer, type(event).__name__, error)

    async def close(self, limit_ns: int) -> None:
        """Wait for async observers, ``limit_ns`` at most; those that take longer are cancelled."""
        if not self._tasks:
            return
        try:
            await asyncio.wait(self._tasks, timeout=limit_ns / SECOND)
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=limit_ns / SECOND)

    def _take(self, observer: Observer[Any], result: object) -> None:
        """What an observer gave: awaited, where that makes sense. Raises ``TypeError`` for what would never run."""
        kind = type(result)
        if hasattr(kind, "__aiter__"):
            raise TypeError("it yields, so nothing of it would run; an async observer awaits and returns")
        if isinstance(result, Awaitable):
            self._await(observer, result)

    def _await(self, observer: Observer[Any], waits: Awaitable[object]) -> None:
        # Observers need not be hashable; methods of one object are the same observer.
        key: Any = observer
        key = observer if isinstance(key, Hashable) else id(observer)
        behind = self._behind.get(key)
        if behind is None:
            behind = self._behind[key] = deque()
            task = asyncio.get_running_loop().create_task(self._serve(observer, key, behind))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if len(behind) >= _BEHIND_AT_MOST:
            _give_up(waits)
            if len(behind) == _BEHIND_AT_MOST:
                logger.warning("observer %r is %d events behind and misses some", observer, _BEHIND_AT_MOST)
            return
        behind.append(waits)

    async def _serve(self, observer: Observer[Any], key: object, behind: deque[Awaitable[object]]) -> None:
        try:
            while behind:
                try:
                    await behind.popleft()
                except asyncio.CancelledError as error:
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    self._drop(observer, "an event", error)
                except BaseException as error:
                    self._drop(observer, "an event", error)
        finally:
            del self._behind[key]
            for waits in behind:
                _give_up(waits)

    def _drop(self, observer: Observer[Any], event: str, error: BaseException) -> None:
        """Take an observer that raised off the bus. To be called while that is handled."""
        if from_signal(error):
            raise error
        # An observer is outside the media's way; its fault must not become the caller's.
        logger.error("observer %r failed on %s and was removed", observer, event, exc_info=error)
        self._observers = [entry for entry in self._observers if entry[1] is not observer]
        self._by_type.clear()

    def _for(self, kind: type[Event]) -> tuple[Observer[Any], ...]:
        found = self._by_type.get(kind)
        if found is None:
            found = tuple(observer for wanted, observer in self._observers if issubclass(kind, wanted))
            self._by_type[kind] = found
        return found


def _give_up(waits: Awaitable[object]) -> None:
    """Let nothing more come of ``waits``."""
    if isinstance(waits, Coroutine):
        waits.close()
    elif isinstance(waits, asyncio.Future):
        waits.cancel()


_PLAIN = (str, dict, list, tuple)


def _redacted(event: E, redact: Redact) -> E:
    """``event`` without what is to be hidden; the same one where nothing is."""
    growing = getattr(event, "final", True) is False
    changed: dict[str, Any] = {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if value and isinstance(value, _PLAIN):
            shown = redact(value, growing)
            if shown is not value and shown != value:
                changed[name] = shown
    return msgspec.structs.replace(event, **changed) if changed else event
