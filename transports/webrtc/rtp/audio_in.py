"""The caller's microphone: which source is the voice, and who listens to it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import numpy as np

from ....audio import Pcm
from ....pipeline.units import MS, SECOND
from .allowance import Allowance
from .packets import RtpPacket
from .receiver import MODEL_WAIT_NS, AudioReceiver, Sound, SoundCounts
from .reception import Reception
from .redundancy import unwrap_red
from .reorder import OrderCounts
from .rtcp import ReportBlock, SenderReport
from .sequence import SequenceTracker

__all__ = ["AudioInput", "Deliver"]

Deliver = Callable[[Pcm, int], None]
"""Takes samples and their media time: where they begin, in ns since the first sound of the call."""

_MOST_PIECES = 25
"""Half a second: who is further behind loses the oldest."""
_GATHERED_NS = 40 * MS
_GATHERED_WITHIN_NS = 30 * MS
"""How long a piece waits for the next at the most, as far as the beat of 20 ms tells."""
_MOST_SOURCES = 8
_SILENT_NS = 200 * MS
"""A source that has sent nothing for so long makes room for another."""
_ENOUGH = 2
"""Packets by which a new source proves that it goes on."""


class AudioInput:
    """The way from the caller's microphone. What comes while nobody listens is counted and dropped.

    One source is heard at a time: the one that sends. Another takes its place when it has ended or has fallen silent
    (a replaced microphone, a page that was loaded again), or when it is the one that was announced. How many
    sources are known at once is bounded; packets of others are dropped and counted.
    """

    def __init__(self) -> None:
        self.foreign = 0
        """Packets of sources that are not heard."""
        self.malformed = 0
        self.octets = 0
        """Of what packets of the sources that were heard carry."""
        self.hasty = 0
        """Packets with more sound than time has passed for."""
        self.sources = 0
        """How many were heard, one after the other."""
        self.receiver: AudioReceiver | None = None
        """Of the source that is heard, while somebody listens."""
        self.gathers = False
        """Whether sound is handed over 40 ms at a time, where the loop has little time: all that is behind it costs by
        the piece."""
        self._gathered: tuple[int, Pcm] | None = None
        """Where what waits begins in media time, and its samples."""
        self._gathered_ns = 0
        """When it came."""
        self._past_order = OrderCounts()
        self._past_sound = SoundCounts()
        self._opus = -1
        self._red: int | None = None
        self._announced: frozenset[int] = frozenset()
        self._ssrc: int | None = None
        self._reception: Reception | None = None
        self._tracker = SequenceTracker()
        self._heard_ns = 0
        self._candidates: dict[int, int] = {}
        self._rate = 0
        self._most_wait_ns = MODEL_WAIT_NS
        self._given = 0
        self._allowance = Allowance(48_000)
        self._deliver: Deliver | None = None
        self._pieces: deque[tuple[Pcm, int]] = deque(maxlen=_MOST_PIECES)
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False

    # Who listens -----------------------------------------------------------------------------------

    def listen(self, rate: int, *, most_wait_ns: int = MODEL_WAIT_NS) -> None:
        """From now on decode what comes, to mono at ``rate``, for ``recv`` or ``hand_to``.

        Listening again drops what is held. ``most_wait_ns`` is the most that a missing packet is waited for.
        """
        self.ignore()
        self._rate, self._most_wait_ns = rate, most_wait_ns
        self._given, self._allowance = 0, Allowance(rate)

    def hand_to(self, deliver: Deliver) -> None:
        """Hand over what is held, and from now on all sound in the step that received it. ``deliver`` may not raise."""
        self._deliver = deliver
        while self._pieces:
            deliver(*self._pieces.popleft())

    def ignore(self) -> None:
        """Keep nothing more."""
        self._rate, self._deliver, self._gathered = 0, None, None
        self._pieces.clear()
        self._retire()

    async def recv(self) -> Pcm | None:
        """The next piece, as soon as it is there; ``None`` when the microphone is gone for good.

        One waits at a time.
        """
        while not self._pieces:
            if self._ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._pieces.popleft()[0]

    async def ended(self) -> None:
        """Return when the microphone is gone for good."""
        while not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._wake()

    # What comes ------------------------------------------------------------------------------------

    def agree(self, opus: int, red: int | None, announced: Sequence[int], *, fresh: bool = False) -> None:
        """Payload types and sources from now on; when they are others the source that was heard may be another too.

        ``fresh`` over another connection, where it is another in any case.
        """
        agreed = (opus, red, frozenset(announced))
        if agreed == (self._opus, self._red, self._announced) and not fresh:
            return
        self._opus, self._red, self._announced = agreed
        self._candidates.clear()
        self._leave_source()

    def receive(self, packet: RtpPacket, now_ns: int, sent: int | None = None) -> bool:
        """Take a packet of Opus, or of RED with Opus in it; ``sent`` by its absolute send time, where it has one.

        Returns whether a hole may be waited for now, see ``next_ns``.
        """
        if packet.ssrc != self._ssrc and not self._becomes_source(packet.ssrc, now_ns):
            self.foreign += 1
            return False
        self._heard_ns = now_ns
        self.octets += len(packet.payload)
        copies: Sequence[tuple[int, RtpPacket]] = ()
        if packet.payload_type == self._red:
            unwrapped = self._unwrapped(packet)
            if unwrapped is None:
                self.malformed += 1
                return False
            packet, copies = unwrapped
        tracker = self._tracker
        believed = tracker.advance(packet.sequence) or tracker.place(packet.sequence).kind != "suspect"
        if self._reception is not None and believed:
            self._reception.heard(tracker.highest, packet.timestamp, now_ns)
        if not self._rate:
            return False
        receiver = self.receiver
        if receiver is None:
            receiver = self.receiver = AudioReceiver(
                self._rate, most_wait_ns=self._most_wait_ns, begins_at=self._given
            )
        given = receiver.given
        if given > self._allowance.until and not self._allowance.allows(given, now_ns):
            self.hasty += 1
            return False
        self._hand_over(receiver.receive(packet, now_ns, copies, sent), now_ns)
        return bool(receiver.held)

    def poll(self, now_ns: int) -> None:
        """Time has passed."""
        if self.receiver is not None and (sounds := self.receiver.poll(now_ns)):
            self._hand_over(sounds, now_ns)
        if self._gathered is not None and now_ns - self._gathered_ns >= _GATHERED_WITHIN_NS:
            self._hand_over_gathered()

    @property
    def next_ns(self) -> int | None:
        """When ``poll`` has something to do at the latest, apart from every 20 ms."""
        return None if self.receiver is None else self.receiver.next_ns

    def counts(self) -> tuple[OrderCounts, SoundCounts]:
        """What became of all packets that somebody listened to, and of their sound."""
        order, sound = replace(self._past_order), replace(self._past_sound)
        if self.receiver is not None:
            _add(order, self.receiver.order)
            _add(sound, self.receiver.counts)
        return order, sound

    # Reports -----------------------------------------------------------------------------------------

    @property
    def jitter_ns(self) -> int:
        """Of the source that is heard."""
        return 0 if self._reception is None else self._reception.jitter_ns

    def reported(self, report: SenderReport, now_ns: int) -> None:
        """A source told of itself."""
        if self._reception is not None and report.ssrc == self._ssrc:
            self._reception.reported(report, now_ns)

    def said_bye(self, ssrc: int) -> None:
        """A source has ended; another may take its place at once."""
        if ssrc == self._ssrc:
            self._leave_source()

    def block(self, now_ns: int) -> ReportBlock | None:
        """What to report of the source that is heard."""
        return None if self._reception is None else self._reception.block(now_ns)

    # Inside ----------------------------------------------------------------------------------------

    def _becomes_source(self, ssrc: int, now_ns: int) -> bool:
        if self._ssrc is not None:
            outranks = ssrc in self._announced and self._ssrc not in self._announced
            if not outranks:
                if now_ns - self._heard_ns < _SILENT_NS:
                    return False
                seen = self._candidates.get(ssrc, 0) + 1
                if seen < _ENOUGH:
                    while len(self._candidates) >= _MOST_SOURCES:
                        del self._candidates[next(iter(self._candidates))]
                    self._candidates[ssrc] = seen
                    return False
        self._leave_source()
        self._candidates.clear()
        self._ssrc = ssrc
        self.sources += 1
        self._reception = Reception(ssrc, 48_000)
        self._tracker = SequenceTracker()
        return True

    def _leave_source(self) -> None:
        self._ssrc = self._reception = None
        self._retire()

    def _retire(self) -> None:
        """The next sound is another receiver's; it goes on where this one ended."""
        self._hand_over_gathered()
        if self.receiver is not None:
            self._given = self.receiver.given
            _add(self._past_order, self.receiver.order)
            _add(self._past_sound, self.receiver.counts)
            self.receiver = None

    def _unwrapped(self, packet: RtpPacket) -> tuple[RtpPacket, list[tuple[int, RtpPacket]]] | None:
        blocks = unwrap_red(packet.payload)
        if blocks is None or blocks[-1].payload_type != self._opus:
            return None
        copies = [
            (
                len(blocks) - 1 - place,
                packet._replace(
                    timestamp=(packet.timestamp - block.offset) & 0xFFFFFFFF, payload=block.payload
                ),
            )
            for place, block in enumerate(blocks[:-1])
            if block.payload and block.payload_type == self._opus
        ]
        return packet._replace(payload_type=self._opus, payload=blocks[-1].payload), copies

    def _hand_over(self, sounds: list[Sound], now_ns: int) -> None:
        for sound in sounds:
            if self._deliver is not None:
                if self.gathers or self._gathered is not None:
                    self._gather(sound, now_ns)
                else:
                    self._deliver(sound.samples, sound.media_ns)
            elif self._rate:
                self._pieces.append((sound.samples, sound.media_ns))
                self._wake()

    def _gather(self, sound: Sound, now_ns: int) -> None:
        """Keep ``sound`` until there are 40 ms with what is kept, which it joins on to."""
        kept = self._gathered
        if kept is None:
            media_ns, samples, self._gathered_ns = sound.media_ns, sound.samples, now_ns
        else:
            media_ns, samples = kept[0], np.concatenate((kept[1], sound.samples))
            samples.setflags(write=False)
        self._gathered = (media_ns, samples)
        if not self.gathers or len(samples) * SECOND >= _GATHERED_NS * self._rate:
            self._hand_over_gathered()

    def _hand_over_gathered(self) -> None:
        kept, self._gathered = self._gathered, None
        if kept is not None and self._deliver is not None:
            media_ns, samples = kept
            self._deliver(samples, media_ns)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done() and (self._pieces or self._ended):
            self._waiter.set_result(None)


def _add(total: OrderCounts | SoundCounts, more: OrderCounts | SoundCounts) -> None:
    """Add the counts of the same kind; what is a most stays one."""
    for field in fields(total):
        before, now = getattr(total, field.name), getattr(more, field.name)
        setattr(total, field.name, max(before, now) if "most" in field.name else before + now)
