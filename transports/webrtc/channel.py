"""JSON messages to and from the caller's page, on its data channel."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiortc import RTCDataChannel

from ...pipeline.units import MS, SECOND
from ..json_objects import read_object, write_object
from .listeners import Listeners

__all__ = ["LABELS", "MessageChannel"]

LABELS = ("livegraph", "chat")
"""The channel that pages create, ours and those with Pipecat's clients. Others are left alone."""

_MOST_QUEUED = 256
_MOST_UNREAD = 32
_MOST_BUFFERED_BYTES = 1 << 20
_MOST_MESSAGE_CHARS = 64 * 1024
_DRAIN_LOOKS = 50
_PING = "ping: "
"""By which Pipecat's clients keep their connection alive."""

_MESSAGE_NS = 50 * MS
"""20 messages a second in the long run."""
_CHAR_NS = 125_000
"""8,000 characters a second in the long run."""
_BURST_NS = 10 * SECOND
"""What may come at once: 200 short messages, or 80,000 characters."""

Listener = Callable[[dict[str, Any]], None]
Reader = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]


class MessageChannel:
    """Messages are JSON objects with a ``type``. Sending never waits.

    What is sent before the channel opens, or faster than the caller takes it, is queued; of more than 256
    messages the oldest are lost. What the caller sends before anybody listens is kept likewise, up to 32.
    """

    def __init__(self, closed: Callable[[], None], now_ns: Callable[[], int]) -> None:
        self._closed = closed
        self._now_ns = now_ns
        self._room_at_ns = 0
        """When the caller will have been silent for long enough to make up for all that it has sent."""
        self._channel: RTCDataChannel | None = None
        self._queue: deque[str] = deque(maxlen=_MOST_QUEUED)
        self._sent_all = asyncio.Event()
        self._unread: deque[dict[str, Any]] = deque(maxlen=_MOST_UNREAD)
        self._listeners: Listeners[dict[str, Any]] = Listeners()
        self.read_with: Reader = lambda message: (message,)
        """Says what a message means to those who listen, where a page speaks in other words than ours."""
        self.on_label: Callable[[str], object] = lambda _: None
        """Told the name of each channel that is used."""
        self.unclear = 0
        """Texts that were no message: no JSON object with a ``type``."""

    def adopt(self, channel: RTCDataChannel) -> None:
        """Use ``channel`` if it is the one for us and there is none yet."""
        if channel.label not in LABELS or self._channel is not None:
            return
        self._channel = channel
        self.on_label(channel.label)
        channel.bufferedAmountLowThreshold = _MOST_BUFFERED_BYTES // 2
        channel.on("open", self._flush)
        channel.on("bufferedamountlow", self._flush)
        channel.on("message", self._receive)
        channel.on("close", self._closed)
        self._flush()

    def detach(self) -> None:
        """The connection is gone, and another is to come: what is sent from now on waits for its channel."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.remove_all_listeners()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send ``message`` as soon as possible. Raises ``TypeError`` when it is not JSON."""
        self._queue.append(write_object(message))
        self._flush()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every message; returns what ends that."""
        stop = self._listeners.add(listener)
        while self._unread:
            listener(self._unread.popleft())
        return stop

    async def sent(self) -> None:
        """Return when the channel is open and has taken all that was sent. It may never be."""
        while not self._is_open or self._queue:
            self._sent_all.clear()
            await self._sent_all.wait()

    async def drain(self) -> None:
        """Return when what was sent is on its way, at most half a second later; at once when there is nothing."""
        if not self._is_pending():
            return
        for _ in range(_DRAIN_LOOKS):
            await asyncio.sleep(0.01)
            if not self._is_pending():
                # The channel has given the last message to the association; that sends when it may.
                await asyncio.sleep(0.05)
                return

    def _is_pending(self) -> bool:
        channel = self._channel
        return self._is_open and bool(self._queue or (channel is not None and channel.bufferedAmount))

    @property
    def _is_open(self) -> bool:
        return self._channel is not None and self._channel.readyState == "open"

    def _flush(self) -> None:
        channel = self._channel
        if channel is None:
            return
        while self._queue and channel.readyState == "open" and channel.bufferedAmount < _MOST_BUFFERED_BYTES:
            channel.send(self._queue.popleft())
        if not self._queue:
            self._sent_all.set()

    def _receive(self, data: object) -> None:
        if not isinstance(data, str) or len(data) > _MOST_MESSAGE_CHARS or not self._may_speak(len(data)):
            return
        message = read_object(data)
        if message is None or not isinstance(message.get("type"), str):
            self.unclear += not data.startswith(_PING)
            return
        for meant in self.read_with(message):
            if self._listeners:
                self._listeners.tell(meant)
            else:
                self._unread.append(meant)

    def _may_speak(self, chars: int) -> bool:
        """Whether a message of this size is within what a caller may send: see ``_MESSAGE_NS`` and ``_CHAR_NS``."""
        now_ns = self._now_ns()
        room_at_ns = max(self._room_at_ns, now_ns) + _MESSAGE_NS + chars * _CHAR_NS
        if room_at_ns - now_ns > _BURST_NS:
            return False
        self._room_at_ns = room_at_ns
        return True
