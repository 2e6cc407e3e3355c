"""How a desk reaches one caller, whatever carries it: what every transport's side of a call must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..protocol import EndReason, FromCaller, FromServer

__all__ = ["Leg", "LegNumbers", "LegState", "MakeLeg"]

LegState = Literal["connecting", "connected", "away", "closed"]


@dataclass(frozen=True, slots=True)
class LegNumbers:
    """How a leg fares, for operators. What is not known, or has no meaning on this transport, is ``None``."""

    jitter_ms: float | None = None
    loss: float | None = None
    """The share of what we send that does not arrive, 0 to 1."""
    round_trip_ms: float | None = None
    unclear: int = 0
    """How many of its messages were not as their protocol has them: they were dropped."""


class Leg(Protocol):
    """One caller's side of a call, from its arrival to its end. Who made it hands it to the desk, which closes it.

    Times are the leg's own affair: it closes by itself, with a reason, when its caller does not come in time, hangs
    up, or is lost for good. Nothing here waits for the network but what is ``async``.
    """

    @property
    def id(self) -> str:
        """Names the call to its caller. Unguessable: whoever knows it may steer the call."""
        ...

    @property
    def kind(self) -> str:
        """The transport, in a word: ``webrtc``, ``websocket``, ``twilio``."""
        ...

    @property
    def state(self) -> LegState:
        """``away`` is a caller that was lost and may come back."""
        ...

    @property
    def resources(self) -> Mapping[type, Any]:
        """What its boxes find by type in the call: a ``Peer`` for ``webrtc_in``, say."""
        ...

    @property
    def reason(self) -> str:
        """Why it closed, in words; empty while it has not."""
        ...

    @property
    def end_reason(self) -> EndReason:
        """What ``reason`` comes to: ``HUNG_UP``, ``LOST`` or ``NOT_CONNECTED``. Asked only when it has closed."""
        ...

    async def reached(self) -> None:
        """Return when the caller has shown that it is there: the call begins, and costs, from here on.

        Raises ``TransportError`` when the leg closed instead. A leg whose caller is there from the start returns at
        once.
        """
        ...

    async def connected(self) -> None:
        """Return when messages can be told, and those that were told are on their way.

        Raises ``TransportError`` when the leg closed instead.
        """
        ...

    async def closed(self) -> str:
        """Return when the leg has closed and nothing of it is left, with the reason."""
        ...

    def on_over(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call ``listener`` with the reason as soon as the leg begins to close; returns what takes it back."""
        ...

    def tell(self, message: FromServer) -> None:
        """Tell the caller, in its dialect. Never waits and never raises; bounded: of too many the oldest are lost."""
        ...

    def listen(self, listener: Callable[[FromCaller], object]) -> Callable[[], None]:
        """Call ``listener`` for what the caller says, in the protocol's types; returns what ends that."""
        ...

    def numbers(self) -> LegNumbers:
        """How it fares now."""
        ...

    async def close(self, reason: str) -> None:
        """Hang up once the last messages are out, and return when nothing is left. The first reason counts."""
        ...


class MakeLeg(Protocol):
    """How a transport makes the leg of a caller that was let in; see ``Desk.admit``."""

    async def __call__(self, agent: Any) -> Leg:
        """The leg for a call of this ``ServedAgent``. Raises ``Refusal``; nothing is left behind then."""
        ...
