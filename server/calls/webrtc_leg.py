"""A browser's side of a call: a ``Peer`` as a ``Leg``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...pipeline.units import SECOND
from ...transports.webrtc.over import end_of
from ...transports.webrtc.peer import Peer
from ..protocol import EndReason, FromCaller, FromServer, Json, Muted, Ready, State, read_message, to_json
from ..tongues import AnyDialect
from .leg import LegNumbers, LegState

__all__ = ["WebRTCLeg"]


_RTVI_WAIT_NS = 20 * SECOND
"""Pipecat's clients look for another way only when ICE has failed, or 5 s after it was disconnected."""
_COMPLAINTS = frozenset(("error", "error-response"))
"""What a dialect answers to a message that is not as it should be."""
_STANDING = (Ready, State, Muted)
"""What holds until it is told otherwise: a page that was reloaded goes on with the call and knows nothing of it."""


class WebRTCLeg:
    """See ``Leg``. Its page speaks our protocol or RTVI, as the name of its channel and its first message tell."""

    kind = "webrtc"

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._dialect = AnyDialect()
        self._unclear = 0
        self._was_open = False
        self._standing: dict[type[FromServer], FromServer] = {}
        peer.speak(self._read, self._opened)

    @property
    def id(self) -> str:
        """The peer's."""
        return self.peer.id

    @property
    def state(self) -> LegState:
        """The peer's."""
        return self.peer.state

    @property
    def resources(self) -> Mapping[type, Any]:
        """The peer, for ``webrtc_in`` and ``webrtc_out``."""
        return {Peer: self.peer}

    @property
    def reason(self) -> str:
        """The peer's."""
        return self.peer.reason

    @property
    def end_reason(self) -> EndReason:
        """See ``Leg``."""
        return end_of(self.reason)

    async def reached(self) -> None:
        """See ``Peer.reached``."""
        await self.peer.reached()

    async def connected(self) -> None:
        """See ``Peer.told``."""
        await self.peer.told()

    async def closed(self) -> str:
        """See ``Peer.closed``."""
        return await self.peer.closed()

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """See ``Peer.on_over``."""
        return self.peer.on_over(listener)

    def tell(self, message: FromServer) -> None:
        """On the data channel, once it is open."""
        if isinstance(message, _STANDING):
            self._standing[type(message)] = message
        self._send(self._dialect.spell(message))

    def listen(self, listener: Callable[[FromCaller], object]) -> Callable[[], None]:
        """On the data channel, beside the boxes."""

        def heard(message: Json) -> None:
            said = read_message(message)
            if said is not None:
                listener(said)

        return self.peer.on_message(heard)

    def numbers(self) -> LegNumbers:
        """From the media's statistics."""
        media = self.peer.statistics()
        unclear = self.peer.unclear + self._unclear
        return LegNumbers(media.jitter_ms, media.lost_by_caller, media.round_trip_ms, unclear)

    async def close(self, reason: str) -> None:
        """See ``Peer.close``."""
        self._send(self._dialect.farewell())
        await self.peer.close(reason)

    def _opened(self, label: str) -> None:
        self._send(self._dialect.opened(label))
        if self._was_open and self._dialect.is_native:
            for message in self._standing.values():
                self._send(self._dialect.spell(message))
        self._was_open = True

    def _read(self, message: Json) -> list[Json]:
        """What a message means to the boxes of the call; what it asks of the dialect is answered."""
        said = [to_json(one) for one in self._dialect.read(message)]
        if self._dialect.is_rtvi:
            self.peer.resume_at_least_ns = _RTVI_WAIT_NS
        replies = list(self._dialect.replies())
        self._unclear += sum(reply["type"] in _COMPLAINTS for reply in replies)
        self._send(replies)
        return said

    def _send(self, messages: Iterable[Json]) -> None:
        for message in messages:
            self.peer.send(message)
