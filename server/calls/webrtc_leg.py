"""A browser's side of a call: a ``Peer`` as a ``Leg``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...transports.webrtc.over import end_of
from ...transports.webrtc.peer import Peer
from ..protocol import Dialect, EndReason, FromCaller, FromServer, Native
from .leg import LegNumbers, LegState

__all__ = ["WebRTCLeg"]


class WebRTCLeg:
    """See ``Leg``. ``dialect`` is how its page spells what it is told."""

    kind = "webrtc"

    def __init__(self, peer: Peer, dialect: Dialect | None = None) -> None:
        self.peer = peer
        self.dialect: Dialect = dialect or Native()

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
        """See ``Peer.connected``."""
        await self.peer.connected()

    async def closed(self) -> str:
        """See ``Peer.closed``."""
        return await self.peer.closed()

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """See ``Peer.on_over``."""
        return self.peer.on_over(listener)

    def tell(self, message: FromServer) -> None:
        """On the data channel, once it is open."""
        for spelt in self.dialect.spell(message):
            self.peer.send(spelt)

    def listen(self, listener: Callable[[FromCaller], object]) -> Callable[[], None]:
        """On the data channel, beside the boxes."""

        def heard(message: dict[str, Any]) -> None:
            for said in self.dialect.read(message):
                listener(said)

        return self.peer.on_message(heard)

    def numbers(self) -> LegNumbers:
        """From the media's statistics."""
        media = self.peer.statistics()
        return LegNumbers(media.jitter_ms, media.lost_by_caller, media.round_trip_ms)

    async def close(self, reason: str) -> None:
        """See ``Peer.close``."""
        await self.peer.close(reason)
