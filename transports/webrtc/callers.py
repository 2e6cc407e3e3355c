"""The caller of a call, for the boxes at its two ends: a ``Peer``, or whoever comes by a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ...audio import Pcm
from ...pipeline.errors import StartError
from ...pipeline.frames import AudioFrame, Marker
from ...pipeline.processor import Processor
from ...pipeline.turns.conversation import Conversation
from ...pipeline.units import MS
from ..cushion import Cushion
from ..socket.caller import SocketCaller
from ..speaker import Speaker
from .peer import Peer
from .rtp.statistics import MediaStatistics

__all__ = ["Caller", "Loudspeaker", "Voice", "caller_of"]

_LIMIT_NS = 300 * MS

Undo = Callable[[], None]


class Voice(Protocol):
    """The caller's microphone."""

    sources: int
    """How many there have been, one after the other: a further one goes on in media time, however long nobody spoke."""

    def listen(self, rate: int, *, most_wait_ns: int) -> None:
        """Decode what comes from now on, to mono at ``rate``."""
        ...

    def hand_to(self, deliver: Callable[[Pcm, int], None]) -> None:
        """Hand samples over as they come, with the media time in ns at which they begin."""
        ...

    def ignore(self) -> None:
        """Listen no more."""
        ...


class Loudspeaker(Protocol):
    """The caller's ear, which takes part in the conversation."""

    async def play(self, frame: AudioFrame) -> None:
        """Queue it; waits while it is full."""
        ...

    def mark(self, frame: Marker) -> None:
        """Queue a marker."""
        ...

    def finish(self) -> None:
        """Nothing more comes."""
        ...


class Caller(Protocol):
    """What the two ends of a graph need of a caller."""

    @property
    def voice(self) -> Voice:
        """Its microphone."""
        ...

    def on_over(self, listener: Callable[[str], None]) -> Undo:
        """Call ``listener`` with the reason when it is over."""
        ...

    def on_message(self, listener: Callable[[dict[str, Any]], None]) -> Undo:
        """Call ``listener`` with its messages."""
        ...

    def listen_beside(self, listener: Callable[[dict[str, Any]], None]) -> Undo:
        """The same for who takes nothing from those that are still to listen."""
        ...

    def on_key(self, listener: Callable[[str, int], None]) -> Undo:
        """Call ``listener`` with keys of a telephone and how many milliseconds each was held."""
        ...

    async def closed(self) -> str:
        """Return when nothing is left of it."""
        ...

    def resume_within(self, ns: int) -> None:
        """Wait so long for one who was lost, where it can come back."""
        ...

    def see(self, take: Callable[[Any, int], None], every_ns: int) -> Undo:
        """Hand its pictures over, where it has any."""
        ...

    def statistics(self) -> MediaStatistics | None:
        """The numbers of its media, where there are any."""
        ...

    def send_key(self, key: str) -> bool:
        """Give out a key's tone; ``False`` where that cannot be."""
        ...

    def loudspeaker(
        self, conversation: Conversation, rate: int, heard: Callable[[Pcm, int, int], None]
    ) -> Loudspeaker:
        """Its ear. ``heard`` is given all that is heard: samples, their rate, and in how many ns."""
        ...

    async def play(self) -> None:
        """Send what the loudspeaker has until it is drained, or the caller is gone."""
        ...

    def delay(self, ns: int) -> None:
        """So long is sound kept at its side before it is heard."""
        ...


def caller_of(box: Processor, kind: str) -> Caller:
    """The caller that the call of a box of this ``kind`` is for. Raises ``StartError`` where there is none."""
    peer = box.call.resource(Peer)
    if peer is not None:
        return _ByPeer(peer)
    socket = box.call.resource(SocketCaller)
    if socket is not None:
        return _BySocket(socket)
    raise StartError(
        box.name,
        "there is no caller",
        remedy=f"{kind} runs in `livegraph run`, or in a call that was given a Peer or a SocketCaller as resource",
    )


class _ByPeer:
    """Of a browser."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._speaker: Speaker | None = None
        self._rate = 0
        self._media = peer.media
        self._heard: Callable[[Pcm, int, int], None] = _nobody
        self._kept_ns: int | None = None
        """How long its page says that it keeps sound."""
        self._way = -1
        """The ``media.way`` by which the delay was worked out last."""
        self.voice = peer.audio_in
        self.on_over, self.on_message, self.closed = peer.on_over, peer.on_message, peer.closed
        self.listen_beside = peer.on_message
        self.on_key = peer.media.on_dtmf
        self.statistics = peer.statistics

    def resume_within(self, ns: int) -> None:
        self._peer.resume_within_ns = ns

    def see(self, take: Callable[[Any, int], None], every_ns: int) -> Undo:
        self._peer.media.video_in.listen(take, every_ns)
        return self._peer.media.video_in.ignore

    def send_key(self, key: str) -> bool:
        return False

    def loudspeaker(
        self, conversation: Conversation, rate: int, heard: Callable[[Pcm, int, int], None]
    ) -> Loudspeaker:
        self._speaker = Speaker(
            conversation,
            rate,
            limit_ns=_LIMIT_NS,
            cushion_ns=Cushion(),
            heard=self._tell,
        )
        self._rate, self._heard = rate, heard
        return self._speaker

    async def play(self) -> None:
        assert self._speaker is not None
        await self._peer.audio_out.play(self._speaker, self._rate)

    def delay(self, ns: int) -> None:
        self._kept_ns, self._way = ns, -1

    def _tell(self, samples: Pcm) -> None:
        """By what the caller reports: of its buffer where its page does, and of the way there."""
        speaker, media = self._speaker, self._media
        assert speaker is not None, "it is the speaker that tells"
        if self._way != media.way:
            self._way = media.way
            speaker.heard_after_ns = media.until_heard_ns(self._kept_ns)
        self._heard(samples, self._rate, speaker.heard_after_ns)


class _BySocket:
    """Of a socket: what is not there (pictures, a line to come back to) is not asked for."""

    def __init__(self, caller: SocketCaller) -> None:
        self._caller = caller
        self.voice = caller.voice
        self.on_over, self.on_message, self.closed = caller.on_over, caller.on_message, caller.closed
        self.listen_beside = caller.listen_beside
        self.on_key, self.send_key, self.play = caller.on_key, caller.send_key, caller.play

    def resume_within(self, ns: int) -> None:
        return

    def see(self, take: Callable[[Any, int], None], every_ns: int) -> Undo:
        return lambda: None

    def statistics(self) -> MediaStatistics | None:
        return None

    def loudspeaker(
        self, conversation: Conversation, rate: int, heard: Callable[[Pcm, int, int], None]
    ) -> Loudspeaker:
        return self._caller.speaker(
            conversation, rate, _LIMIT_NS, lambda samples, rate: heard(samples, rate, 0)
        )

    def delay(self, ns: int) -> None:
        self._caller.delay(ns)


def _nobody(samples: Pcm, rate: int, in_ns: int) -> None:
    """Where there is no ear."""
