"""One caller behind a socket: sound both ways, messages and keys, until one side hangs up.

::

    caller = SocketCaller(codec)
    call = plan.call(resources={SocketCaller: caller})
    await caller.carry(wire)        # beside call.run()
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from ...audio import Pcm
from ...pipeline.clock import clock_of_loop
from ...pipeline.turns.conversation import Conversation
from ...pipeline.units import MS, SECOND, format_duration
from ..webrtc.rtp.ticker import Ticker
from .ahead import AheadPlayout, Clear, Mark, Step
from .allowance import Allowance
from .codings import SoundEncoder
from .far_speaker import FarSpeaker
from .outbox import Outbox
from .signals import Answer, BadSignal, Codec, Data, Left, Marked, Pressed, Said, Signal, Sound, Unclear
from .voice import SocketVoice
from .wire import Wire, WireClosed

__all__ = ["SocketCaller"]

logger = logging.getLogger("livegraph.socket")

_MOST_UNREAD = 32
_DRAIN_S = 1.0
"""For the last words to be sent."""
_SEND_WITHIN_S = 10.0
_MESSAGE_NS = 50 * MS
"""20 messages a second in the long run."""
_BYTE_NS = 1_000
"""A megabyte a second in the long run, of whatever there is."""
_BURST_NS = 10 * SECOND
_BYTES_BURST_NS = 2 * SECOND
_MOST_KEYS = 64

Message = dict[str, Any]


class SocketCaller:
    """A caller, from its first words to the end. Whoever made it carries its messages, and closes it.

    Args:
        codec: its words.
        kind: what it is, in a word: ``websocket``, ``twilio``.
        ahead_ns: how much of the agent's sound is sent before it is heard.
        idle_ns: a caller of whom nothing comes for so long is lost.
        id: names the call to its caller; unguessable.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        kind: str = "websocket",
        ahead_ns: int = 200 * MS,
        idle_ns: int = 60 * SECOND,
        id: str = "",
    ) -> None:
        self.id = id or secrets.token_urlsafe(16)
        self.kind = kind
        self.codec = codec
        self._ahead_ns, self._idle_ns = ahead_ns, idle_ns
        self._clock = clock_of_loop()
        loop = asyncio.get_running_loop()
        self._over: asyncio.Future[str] = loop.create_future()
        self._closed: asyncio.Future[str] = loop.create_future()
        self.voice = SocketVoice(codec.coding_in, self._clock.now_ns)
        self._outbox = Outbox()
        self._news = asyncio.Event()
        self._unread: deque[Message] = deque(maxlen=_MOST_UNREAD)
        self._listeners: list[Callable[[Message], None]] = []
        self._beside: list[Callable[[Message], None]] = []
        self._key_listeners: list[Callable[[str, int], None]] = []
        self._keys: deque[str] = deque(maxlen=_MOST_KEYS)
        self._words = Allowance(_BURST_NS)
        self._complaints = Allowance(_BURST_NS)
        self._bytes = Allowance(_BYTES_BURST_NS)
        self._heard_ns = self._clock.now_ns()
        self._speaker: FarSpeaker | None = None
        self._playout: AheadPlayout | None = None
        self._encoder = SoundEncoder(codec.coding_out)
        self._played: asyncio.Future[None] | None = None
        self._told_too_fast = False
        self.unclear = 0
        """Messages that were not as its protocol has them, and were dropped."""

    # State -------------------------------------------------------------------------------------------

    @property
    def state(self) -> Literal["connected", "closed"]:
        """``closed`` when it is over and its socket is gone."""
        return "closed" if self._closed.done() else "connected"

    @property
    def reason(self) -> str:
        """Why it is over; empty while it is not."""
        return self._over.result() if self._over.done() else ""

    @property
    def round_trip_ns(self) -> int | None:
        """From our sound to the news that it was played, beyond its own time; ``None`` while that is not known."""
        return None if self._playout is None else self._playout.round_trip_ns

    @property
    def is_quiet(self) -> bool:
        """Whether nothing of the agent's is under way to the caller's ear."""
        return self._playout is None or self._playout.is_quiet

    async def closed(self) -> str:
        """Return when nothing of it is left, with the reason."""
        return await asyncio.shield(self._closed)

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with the reason as soon as it is over; returns what takes it back."""

        def tell(over: asyncio.Future[str]) -> None:
            listener(over.result())

        self._over.add_done_callback(tell)

        def take_back() -> None:
            self._over.remove_done_callback(tell)

        return take_back

    def end(self, reason: str) -> None:
        """It is over; the first reason counts."""
        if not self._over.done():
            self._over.set_result(reason)
            self._news.set()

    async def close(self, reason: str = "closed") -> None:
        """Hang up, once the last words are out, and return when nothing is left."""
        self.end(reason)
        await self.closed()

    # What boxes use ---------------------------------------------------------------------------------------

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message of the protocol of calls, where the far side has words for it. Never waits; bounded."""
        data = self.codec.say(message)
        if data is not None:
            self.put(data)

    def put(self, data: Data) -> None:
        """Send what is in the far side's own words already."""
        self._outbox.put_words(data)
        self._news.set()

    def send_key(self, key: str) -> bool:
        """Give out a key's tone; ``False`` where the far side cannot."""
        data = self.codec.key(key)
        if data is not None:
            self.put(data)
        return data is not None

    def on_message(self, listener: Callable[[Message], None]) -> Callable[[], None]:
        """Call ``listener`` for every message of the caller; returns what ends that.

        What comes before anybody listens is kept for the first who does, up to 32 messages.
        """
        self._listeners.append(listener)
        while self._unread:
            listener(self._unread.popleft())
        return lambda: _remove(self._listeners, listener)

    def listen_beside(self, listener: Callable[[Message], None]) -> Callable[[], None]:
        """The same for who is no box: it takes nothing from those that are still to come."""
        self._beside.append(listener)
        return lambda: _remove(self._beside, listener)

    def on_key(self, listener: Callable[[str, int], None]) -> Callable[[], None]:
        """Call ``listener`` with each key that is pressed and 0, for how long it was held is not known."""
        self._key_listeners.append(listener)
        while self._keys:
            listener(self._keys.popleft(), 0)
        return lambda: _remove(self._key_listeners, listener)

    def speaker(
        self,
        conversation: Conversation,
        rate: int,
        limit_ns: int,
        heard: Callable[[Pcm, int], object] | None = None,
    ) -> FarSpeaker:
        """The caller's ear for sound of ``rate``, as a part of the conversation."""
        self._playout = AheadPlayout(
            self.codec.coding_out.rate,
            limit_ns=limit_ns,
            ahead_ns=self._ahead_ns,
            confirms=self.codec.confirms,
        )
        self._speaker = FarSpeaker(
            conversation, rate, self._playout, self._clock, send=self._send_step, heard=heard
        )
        return self._speaker

    def delay(self, ns: int) -> None:
        """Its side keeps sound for so long before it is heard: counted where it does not tell what it has played."""
        if self._playout is not None:
            self._playout.delay_ns = ns

    async def play(self) -> None:
        """Send what the speaker has, as it is heard, until it is drained or the caller is gone."""
        if self._speaker is None or self._played is not None:
            raise RuntimeError("somebody else plays to this caller already, or nobody has a speaker")
        self._played = asyncio.get_running_loop().create_future()
        played: set[asyncio.Future[Any]] = {self._played, self._over}
        try:
            await asyncio.wait(played, return_when=asyncio.FIRST_COMPLETED)
            if self._played.done():
                self._played.result()
        finally:
            self._played = None

    # The socket ------------------------------------------------------------------------------------------

    async def carry(self, wire: Wire) -> None:
        """Carry messages both ways until it is over, then close the socket. The only place that waits for it."""
        ticker = Ticker.join(self._beat)
        tasks = [
            asyncio.create_task(self._read(wire), name=f"{self.kind} reader"),
            asyncio.create_task(self._write(wire), name=f"{self.kind} writer"),
        ]
        either: set[asyncio.Future[Any]] = {self._over, *tasks}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self.end("the connection failed")
            # The writer ends when the last words are out.
            await asyncio.wait(tasks[1:], timeout=_DRAIN_S)
        except asyncio.CancelledError:
            self.end("cancelled")
            raise
        finally:
            ticker.leave(self._beat)
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
                await wire.close(self.reason)
            finally:
                logger.info("%s %s closed: %s", self.kind, self.id[:6], self.reason)
                if not self._closed.done():
                    self._closed.set_result(self.reason)

    def receive(self, data: Data) -> None:
        """A message has come. What breaks the rules of its protocol ends the call."""
        now_ns = self._clock.now_ns()
        self._heard_ns = now_ns
        if self._playout is not None:
            self._playout.alive(now_ns)
        if not self._bytes.take(len(data) * _BYTE_NS, now_ns):
            self.end("the caller sends more than a call can need")
            return
        try:
            for signal in self.codec.read(data):
                self._take(signal)
        except BadSignal as error:
            self.send({"type": "error", "code": "bad_message", "message": str(error), "remedy": ""})
            self.end(f"the caller broke the protocol: {error}")

    def _take(self, signal: Signal) -> None:
        match signal:
            case Sound():
                self.voice.receive(signal)
                if self.voice.dropped and not self._told_too_fast:
                    self._told_too_fast = True
                    self.send(_TOO_FAST)
            case Marked(name):
                if self._speaker is not None:
                    self._speaker.confirmed(name)
            case Left(reason):
                self.end(reason)
            case Answer(message):
                self.send(message)
            case Pressed(key):
                if self._may_speak():
                    self._press(key)
            case Said(message):
                if self._may_speak():
                    self._hear(message)
            case Unclear(why):
                self._wonder(why)

    def _wonder(self, why: str) -> None:
        if not self.unclear:
            logger.info("%s %s says what is not understood: %s", self.kind, self.id[:6], why[:200])
        self.unclear += 1
        if self._complaints.take(SECOND, self._clock.now_ns()):
            self.send({"type": "error", "code": "bad_message", "message": f"{why}.", "remedy": ""})

    def _may_speak(self) -> bool:
        return self._words.take(_MESSAGE_NS, self._clock.now_ns())

    def _press(self, key: str) -> None:
        if not self._key_listeners:
            self._keys.append(key)
        for listener in list(self._key_listeners):
            listener(key, 0)

    def _hear(self, message: Message) -> None:
        if not self._listeners:
            self._unread.append(message)
        for listener in (*self._listeners, *self._beside):
            listener(message)

    def _beat(self) -> None:
        """Every 20 ms."""
        if self._over.done():
            return
        if self._clock.now_ns() - self._heard_ns >= self._idle_ns:
            self.end(f"nothing was heard of the caller for {format_duration(self._idle_ns)}")
            return
        self.voice.beat()
        speaker, played = self._speaker, self._played
        if speaker is None or played is None or played.done() or self._outbox.full:
            return
        try:
            for step in speaker.beat():
                self._send_step(step)
        except Exception as error:  # it is told to whoever plays
            played.set_exception(error)
            return
        if speaker.drained and not played.done():
            played.set_result(None)

    def _send_step(self, step: Step) -> None:
        if isinstance(step, np.ndarray):
            self._outbox.put_sound(self.codec.sound(self._encoder.encode(step)))
        elif isinstance(step, Mark):
            mark = self.codec.mark(step.name)
            if mark is not None:
                self._outbox.put_sound(mark)
        elif isinstance(step, Clear):
            self._outbox.drop_sound()
            clear = self.codec.clear()
            if clear is not None:
                self._outbox.put_words(clear)
        self._news.set()

    async def _read(self, wire: Wire) -> None:
        try:
            while not self._over.done():
                self.receive(await wire.receive())
        except WireClosed as closed:
            self.end(closed.reason)

    async def _write(self, wire: Wire) -> None:
        try:
            while True:
                while self._outbox:
                    async with asyncio.timeout(_SEND_WITHIN_S):
                        await wire.send(self._outbox.take())
                if self._over.done():
                    return
                self._news.clear()
                await self._news.wait()
        except WireClosed as closed:
            self.end(closed.reason)
        except TimeoutError:
            self.end("the caller takes nothing any more")


_TOO_FAST = {
    "type": "error",
    "code": "too_fast",
    "message": "Sound comes faster than anybody speaks, and what is too much is dropped.",
    "remedy": "Send it at the pace at which it is heard: 20 ms of sound each 20 ms.",
}


def _remove(listeners: list[Any], listener: object) -> None:
    if listener in listeners:
        listeners.remove(listener)
