"""The buffer in front of a loudspeaker. Sans-IO: whoever has a clock pulls from it.

It keeps sound by turn, stops and goes on without clicks, forgets what an interruption made void, and
reports what was really played. Silence comes out when there is nothing to play.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from ..audio import Pcm, fade_in, fade_out, ns_to_samples, samples_to_ns, silence
from ..pipeline.frames import AudioFrame, Marker, TurnEndFrame, source_of
from ..pipeline.units import MS
from .cushion import Cushion

__all__ = ["Fact", "Played", "PlayedOut", "PlayoutBuffer"]

_AUDIBLE_STEP = 100
"""A step of this height (-50 dBFS) begins to be heard as a click; smaller ones are left as they are."""
_STUTTER_NS = 200 * MS
"""A longer gap in what is said is a pause of whoever says it."""


class Played(NamedTuple):
    """The sound of ``turn`` was played up to ``position_ns`` from its beginning."""

    turn: int
    position_ns: int


class PlayedOut(NamedTuple):
    """The last sound of ``turn`` was played."""

    turn: int


Fact = Played | PlayedOut


class PlayoutBuffer:
    """A queue of sound that is pulled at a steady pace.

    Every sample that is pushed is played once, in order, unless its turn is flushed. Where sound stops or
    begins off zero it is faded over ``fade_ns``; nothing is shortened for it.

    Args:
        rate: samples per second of all that goes in and comes out.
        channels: 1 for shape ``(samples,)``, more for ``(samples, channels)``.
        limit_ns: how much may be queued before ``full``.
        fade_ns: length of fades.
        cushion_ns: after silence, sound begins when so much is queued, or all of its turn, or as much time
            has passed: a source with jitter then does not stutter. A ``Cushion`` follows the source.
    """

    def __init__(
        self,
        rate: int,
        channels: int = 1,
        *,
        limit_ns: int = 300 * MS,
        fade_ns: int = 5 * MS,
        cushion_ns: int | Cushion = 0,
    ) -> None:
        self.rate = rate
        self.channels = channels
        self._limit = max(1, ns_to_samples(limit_ns, rate))
        self._fade = ns_to_samples(fade_ns, rate)
        self._follows = cushion_ns if isinstance(cushion_ns, Cushion) else None
        size_ns = cushion_ns.size_ns if isinstance(cushion_ns, Cushion) else cushion_ns
        self._cushion = ns_to_samples(size_ns, rate)
        self._dry_turn = 0
        """The turn that ran out of sound while it was said, if one did."""
        self._dry = 0
        """Silence given since, in samples."""
        self._sounded = 0
        """Sound since ``_follows`` was told of it, in samples."""
        self._ramp = fade_in(np.full(self._fade, 32_767, np.int16), self._fade) / 32_767
        self._queue: deque[tuple[int, Pcm | None]] = deque()  # None stands for the end of the turn
        self._held = 0
        self._ends = 0
        self._tail = silence(0, channels)
        """Sound that fades away: it comes before the queue."""
        self._last = silence(1, channels)
        """The last piece of sound that was given."""
        self._sounding = False
        """Whether the sample before came from the queue. Never while there is a tail."""
        self._risen = 0
        """How far the fade that the sound began with has got, in samples."""
        self._waited = 0
        self._void: dict[str, int] = {}
        """By source, the newest turn that was cut."""
        self._turn = 0
        self._position = 0
        self._places: dict[str, tuple[int, int]] = {}
        """Of each source: the turn that was played last, and how far."""
        self._finished = False
        self._paused = False
        self._facts: list[Fact] = []
        self._unsaid = False
        """Whether ``_turn`` was played further than ``_facts`` say: who asks once for much has it worked out once."""

    # What is told to it

    def push(self, frame: AudioFrame | Marker) -> bool:
        """Queue sound, or the end of a turn; ``False`` when its turn is void. Full or not, it takes all.

        Raises ``ValueError`` for sound of another format.
        """
        if self._is_void(frame.turn):
            return False
        if isinstance(frame, AudioFrame):
            if frame.rate != self.rate or frame.channels != self.channels:
                raise ValueError(
                    f"got audio of {frame.rate} Hz in {frame.channels} channel(s), "
                    f"but {self.rate} Hz in {self.channels} channel(s) were agreed"
                )
            if len(frame.samples):
                self._queue.append((frame.turn, frame.samples))
                self._held += len(frame.samples)
        elif isinstance(frame, TurnEndFrame) and frame.turn:
            self._queue.append((frame.turn, None))
            self._ends += 1
        return True

    def pause(self) -> None:
        """Fade out now and keep the rest."""
        if not self._paused:
            self._paused = True
            self._fall_silent(self._collect(self._fade))

    def resume(self) -> None:
        """Go on with the sample after the last one played."""
        self._paused = False

    def flush(self, turn: int) -> None:
        """Fade out now and drop every turn of its source up to ``turn``; later frames are refused. Ends a pause."""
        if self._sounding and (0 < self._turn <= turn or self._is_void(self._turn)):
            self._fall_silent(self._collect(self._fade, up_to=turn))
        self._void[source_of(turn)] = max(self._void.get(source_of(turn), 0), int(turn))
        self._queue = deque(entry for entry in self._queue if not 0 < entry[0] <= turn)
        self._held = sum(len(pcm) for _, pcm in self._queue if pcm is not None)
        self._ends = sum(pcm is None for _, pcm in self._queue)
        self._say_position()
        self._facts = [fact for fact in self._facts if not 0 < fact.turn <= turn]
        self._waited = 0
        self._paused = False

    def finish(self) -> None:
        """Nothing more will be pushed."""
        self._finished = True

    # What it tells

    @property
    def full(self) -> bool:
        """Whether as much is queued as should be."""
        return self._held >= self._limit

    @property
    def held_ns(self) -> int:
        """How much is queued."""
        return samples_to_ns(self._held, self.rate)

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def drained(self) -> bool:
        """Whether ``finish`` was called and all that was pushed is played."""
        return self._finished and not (self._queue or self._sounding or len(self._tail))

    def facts(self) -> list[Fact]:
        """What was played since this was last asked, in order, one ``Played`` at most for each turn."""
        if self._unsaid:
            self._say_position()
        told, self._facts = self._facts, []
        return told

    # Playing

    def pull(self, samples: int) -> Pcm:
        """The next ``samples`` samples, filled up with silence."""
        sound = self.take(samples)
        missing = samples - len(sound)
        return sound if not missing else np.concatenate((sound, silence(missing, self.channels)))

    def take(self, samples: int) -> Pcm:
        """As ``pull``, without the silence at the end."""
        if self._sounding and self._risen >= self._fade and self._queue:
            # In the middle of a piece, as nearly always.
            turn, pcm = self._queue[0]
            if pcm is not None and len(pcm) > samples:
                self._queue[0] = (turn, pcm[samples:])
                self._held -= samples
                self._sounded += samples
                if turn is not self._turn and turn != self._turn:
                    self._turn_to(turn)
                self._position += samples
                self._unsaid = True
                self._last = piece = pcm[:samples]
                return piece
        pieces: list[Pcm] = []
        left = samples
        while left:
            if len(self._tail):
                piece, self._tail = self._tail[:left], self._tail[left:]
            elif self._can_sound():
                piece = self._next(left)
            elif self._sounding:
                if not (self._paused or self._finished or self._ends):
                    self._dry_turn, self._dry = self._turn, 0
                self._fall_silent([])
                continue
            else:
                break
            pieces.append(piece)
            left -= len(piece)
            self._last = piece
        self._reach_ends()
        if left:
            self._dry += left
            if self._held and not self._paused:
                self._waited += left
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else silence(0, self.channels)

    def _is_void(self, turn: int) -> bool:
        return 0 < int(turn) <= max(self._void.get(source_of(turn), 0), self._void.get("", 0))

    def _can_sound(self) -> bool:
        self._reach_ends()
        if self._paused or not self._held:
            return False
        return (
            self._sounding
            or self._finished
            or self._ends > 0
            or self._held >= self._cushion
            or self._waited >= self._cushion
        )

    def _reach_ends(self) -> None:
        """Report the turns that are over. In a pause nothing is: only going on can end it."""
        while self._queue and self._queue[0][1] is None and not self._paused and not len(self._tail):
            turn, _ = self._queue.popleft()
            self._ends -= 1
            self._say_position()
            self._facts.append(PlayedOut(turn))

    def _next(self, most: int) -> Pcm:
        """At least one and at most ``most`` samples of the first piece in the queue."""
        turn, pcm = self._queue.popleft()
        assert pcm is not None
        if len(pcm) > most:
            self._queue.appendleft((turn, pcm[most:]))
            pcm = pcm[:most]
        self._held -= len(pcm)
        self._sounded += len(pcm)
        if turn != self._turn:
            self._turn_to(turn)
        self._position += len(pcm)
        self._unsaid = True
        if not self._sounding:
            self._sounding = True
            if self._follows is not None:
                self._follow(self._follows, turn)
            self._waited = 0
            self._risen = 0 if _loud(pcm[:1]) else self._fade
        if self._risen < self._fade:
            gain = np.ones(len(pcm))
            part = self._ramp[self._risen : self._risen + len(pcm)]
            gain[: len(part)] = part
            self._risen += len(part)
            pcm = np.rint(pcm * (gain if pcm.ndim == 1 else gain[:, None])).astype(np.int16)
        return pcm

    def _turn_to(self, turn: int) -> None:
        """The sound of ``turn`` follows. Where two speak at once, each goes on from its own place."""
        self._say_position()
        self._places[source_of(self._turn)] = self._turn, self._position
        known, position = self._places.get(source_of(turn), (0, 0))
        self._turn, self._position = turn, position if known == turn else 0

    def _follow(self, cushion: Cushion, turn: int) -> None:
        """Sound begins: tell the cushion how it went since it did before, and be as large as it is now."""
        cushion.sounded(samples_to_ns(self._sounded, self.rate))
        self._sounded = 0
        # What waited for the cushion to fill is no lack of sound.
        lacked = self._dry - self._waited
        if self._dry_turn and turn == self._dry_turn and 0 < lacked <= ns_to_samples(_STUTTER_NS, self.rate):
            cushion.stuttered(samples_to_ns(lacked, self.rate))
        self._dry_turn = 0
        self._cushion = ns_to_samples(cushion.size_ns, self.rate)

    def _say_position(self) -> None:
        """Put it to the facts how far ``_turn`` was played, where they lack it."""
        if not self._unsaid:
            return
        self._unsaid, turn = False, self._turn
        if not turn:
            return
        fact = Played(turn, samples_to_ns(self._position, self.rate))
        before = self._facts[-1] if self._facts else None
        if isinstance(before, Played) and before.turn == turn:
            self._facts[-1] = fact
        else:
            self._facts.append(fact)

    def _collect(self, most: int, up_to: int | None = None) -> list[Pcm]:
        """Up to ``most`` samples that would come next; with ``up_to``, only of that turn and those before."""
        pieces: list[Pcm] = []
        while self._sounding and most and self._queue:
            turn, pcm = self._queue[0]
            if pcm is None or (up_to is not None and not 0 < turn <= up_to):
                break
            pieces.append(self._next(most))
            most -= len(pieces[-1])
        return pieces

    def _fall_silent(self, pieces: list[Pcm]) -> None:
        """End the sound with ``pieces``, faded; where they are too short the last sample dies away."""
        if not self._sounding:
            return
        self._sounding = False
        last = (pieces[-1] if pieces else self._last)[-1:]
        missing = self._fade - sum(len(piece) for piece in pieces)
        if pieces or _loud(last):
            self._tail = fade_out(np.concatenate((*pieces, np.repeat(last, missing, axis=0))), self._fade)


def _loud(sample: Pcm) -> bool:
    return int(sample.max()) > _AUDIBLE_STEP or int(sample.min()) < -_AUDIBLE_STEP
