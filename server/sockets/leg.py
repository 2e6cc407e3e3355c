"""The side of a caller by WebSocket: a ``SocketCaller`` as a ``Leg``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...pipeline.errors import TransportError
from ...pipeline.units import MS
from ...transports.socket.caller import SocketCaller
from ...transports.webrtc.over import end_of
from ..calls.leg import LegNumbers, LegState
from ..protocol import Dialect, EndReason, FromCaller, FromServer, Native, read_message

__all__ = ["SocketLeg"]


class SocketLeg:
    """See ``Leg``. Its caller is there from the start. ``dialect`` is how it spells what it is told."""

    def __init__(self, caller: SocketCaller, dialect: Dialect | None = None) -> None:
        self.caller = caller
        self.dialect: Dialect = dialect or Native()

    @property
    def id(self) -> str:
        """The caller's."""
        return self.caller.id

    @property
    def kind(self) -> str:
        """The caller's."""
        return self.caller.kind

    @property
    def state(self) -> LegState:
        """The caller's."""
        return self.caller.state

    @property
    def resources(self) -> Mapping[type, Any]:
        """The caller, for the boxes at the ends."""
        return {SocketCaller: self.caller}

    @property
    def reason(self) -> str:
        """The caller's."""
        return self.caller.reason

    @property
    def end_reason(self) -> EndReason:
        """See ``Leg``."""
        return end_of(self.reason)

    async def reached(self) -> None:
        """See ``Leg``."""
        if self.caller.reason:
            raise TransportError(self.caller.reason)

    async def connected(self) -> None:
        """See ``Leg``."""
        await self.reached()

    async def closed(self) -> str:
        """See ``Leg``."""
        return await self.caller.closed()

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """See ``Leg``."""
        return self.caller.on_over(listener)

    def tell(self, message: FromServer) -> None:
        """As far as the far side has words for it."""
        for spelt in self.dialect.spell(message):
            self.caller.send(spelt)

    def listen(self, listener: Callable[[FromCaller], object]) -> Callable[[], None]:
        """Beside the boxes."""

        def heard(message: dict[str, Any]) -> None:
            # Whatever its far side speaks, its codec has made our words of it.
            said = read_message(message)
            if said is not None:
                listener(said)

        return self.caller.listen_beside(heard)

    def numbers(self) -> LegNumbers:
        """The way there and back, as marks tell it."""
        round_trip_ns = self.caller.round_trip_ns
        round_trip_ms = None if round_trip_ns is None else round_trip_ns / MS
        return LegNumbers(round_trip_ms=round_trip_ms, unclear=self.caller.unclear)

    async def close(self, reason: str) -> None:
        """See ``SocketCaller.close``."""
        await self.caller.close(reason)
