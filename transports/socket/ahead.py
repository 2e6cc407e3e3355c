"""The agent's sound on its way to a far side with a buffer of its own. Sans-IO: who has the clock asks what is due.

Sound is sent a little ahead of the time at which it is heard, so that the network may be late; marks go with it, and
come back when it has been played; a far side that stands still has played no more than they tell. When the caller
speaks, the far side is told to forget what it has not played, and that is still ours to give: nothing is lost by a
pause.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ...audio import Pcm, fade_in, ns_to_samples, samples_to_ns, silence
from ...pipeline.frames import AudioFrame, Marker, TurnEndFrame, source_of
from ...pipeline.units import MS
from ..playout import Fact, Played, PlayedOut
from .marks import Marks

__all__ = ["AheadPlayout", "Clear", "Mark", "Step"]

_FRAME_NS = 20 * MS
_FADE_NS = 5 * MS
_AUDIBLE_STEP = 100
_PIECE_WAIT_NS = 40 * MS
"""Sound that does not fill a frame waits so long for more of it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The far side is to tell when all that was sent before has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """The far side is to forget what it has not played."""


Step = Pcm | Mark | Clear


@dataclass(slots=True)
class _Piece:
    """Of a turn, on its way: samples, or its end. ``end`` is the place in all that was sent at which it ends."""

    turn: int
    pcm: Pcm | None
    end: int
    filler: bool = False
    """Sound of ours that belongs to nobody's turn and is not given again."""


class AheadPlayout:
    """A queue of sound that is sent ahead of its time.

    Args:
        rate: samples a second of all that goes in and comes out, mono.
        limit_ns: how much may be queued before ``full``.
        ahead_ns: how much is sent before the far side has played it.
        mark_ns: between two marks; a turn's end has one as well.
        confirms: whether marks come back. Where they do not, the clock tells what was played.
    """

    def __init__(
        self,
        rate: int,
        *,
        limit_ns: int = 300 * MS,
        ahead_ns: int = 200 * MS,
        mark_ns: int = 100 * MS,
        confirms: bool = True,
    ) -> None:
        self.rate = rate
        self.frame = ns_to_samples(_FRAME_NS, rate)
        self._limit = ns_to_samples(limit_ns, rate)
        self._ahead = max(self.frame, ns_to_samples(ahead_ns, rate))
        self._mark_every = ns_to_samples(mark_ns, rate)
        self._confirms = confirms
        self._queue: deque[tuple[int, Pcm | None]] = deque()
        self._held = 0
        self._out: deque[_Piece] = deque()
        """Sent, and not known to be played."""
        self._marks = Marks()
        self._epoch = self._number = 0
        """Marks of an earlier epoch come back for what was cleared: they tell nothing."""
        self._end = 0
        """All samples that were sent, but for those that were taken back."""
        self._base, self._origin_ns = 0, 0
        """The far side began to play sample ``_base`` at this time, and has played on since, as far as it had any."""
        self._marked = 0
        self._known = 0
        """Up to here it is known to be played."""
        self._aloud: deque[Pcm] = deque()
        """Sent, and not told as heard: see ``heard``."""
        self._told = 0
        self._told_ns: int | None = None
        self._rising = True
        self._waits_since_ns: int | None = None
        self._void: dict[str, int] = {}
        self._turn, self._position = 0, 0
        self._places: dict[str, tuple[int, int]] = {}
        """Of each source: the turn that was heard last, and how far."""
        self._paused = self._finished = False
        self._facts: list[Fact] = []
        self.delay_ns = 0
        """How long the far side keeps sound before it is heard; counted where no marks come back."""

    # What is told to it ------------------------------------------------------------------------------

    def push(self, frame: AudioFrame | Marker) -> bool:
        """Queue sound at its rate, or the end of a turn; ``False`` when its turn is void. Full or not, it takes all."""
        if self.is_void(frame.turn):
            return False
        if isinstance(frame, AudioFrame):
            if len(frame.samples):
                self._queue.append((frame.turn, frame.samples))
                self._held += len(frame.samples)
        elif isinstance(frame, TurnEndFrame) and frame.turn:
            self._queue.append((frame.turn, None))
        return True

    def finish(self) -> None:
        """Nothing more will be pushed."""
        self._finished = True

    def confirm(self, name: str, now_ns: int) -> None:
        """A mark has come back. One that is unknown, or was overtaken by a later one, tells nothing."""
        place = self._marks.confirm(name, now_ns)
        if place is not None:
            self._know(place)

    def alive(self, now_ns: int) -> None:
        """The far side has said something: it does not stand still."""
        self._marks.alive(now_ns)

    def pause(self, now_ns: int) -> list[Step]:
        """Stop at once, and keep what was not heard."""
        if self._paused:
            return []
        self._paused = True
        return self._take_back(now_ns)

    def resume(self) -> None:
        """Go on with the first sample that was not heard."""
        self._paused = False

    def flush(self, turn: int, now_ns: int) -> list[Step]:
        """Stop, and drop every turn of its source up to ``turn``; later frames of them are refused. Ends a pause."""
        steps = self._take_back(now_ns) if any(0 < piece.turn <= turn for piece in self._out) else []
        self._void[source_of(turn)] = max(self._void.get(source_of(turn), 0), int(turn))
        self._queue = deque(entry for entry in self._queue if not 0 < entry[0] <= turn)
        self._held = sum(len(pcm) for _, pcm in self._queue if pcm is not None)
        self._facts = [fact for fact in self._facts if not 0 < fact.turn <= turn]
        self._paused = False
        return steps

    def is_void(self, turn: int) -> bool:
        """Whether the turn was cut."""
        return 0 < int(turn) <= max(self._void.get(source_of(turn), 0), self._void.get("", 0))

    # What it tells --------------------------------------------------------------------------------------

    @property
    def round_trip_ns(self) -> int | None:
        """How much later than at its time the last mark came back: the way there and back."""
        return self._marks.round_trip_ns

    @property
    def full(self) -> bool:
        """Whether as much is queued as should be."""
        return self._held >= self._limit

    @property
    def held_ns(self) -> int:
        """How much is queued here."""
        return samples_to_ns(self._held, self.rate)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is queued, and nothing sent that is not known to be played."""
        return not self._queue and not self._out

    @property
    def drained(self) -> bool:
        """Whether ``finish`` was called and all is known to be played."""
        return self._finished and not self._queue and not self._out

    def facts(self, now_ns: int) -> list[Fact]:
        """What was played since this was last asked, in order."""
        if not self._confirms:
            self._know(self._place(now_ns - self.delay_ns))
        if (place := self._marks.lost(now_ns)) is not None:
            self._know(place)
        told, self._facts = self._facts, []
        return told

    def heard(self, now_ns: int) -> Pcm:
        """What the caller has heard since this was last asked, by the clock: silence where nothing played."""
        if self._told_ns is None:
            self._told_ns = now_ns
        passed = ns_to_samples(now_ns - self._told_ns, self.rate)
        self._told_ns += samples_to_ns(passed, self.rate)
        new = max(0, min(self._heard_to(now_ns) - self._told, passed))
        pieces = [silence(passed - new)] if passed > new else []
        self._told += new
        while new > 0:
            piece = self._aloud.popleft()
            if len(piece) > new:
                self._aloud.appendleft(piece[new:])
                piece = piece[:new]
            pieces.append(piece)
            new -= len(piece)
        return np.concatenate(pieces) if pieces else silence(0)

    # Sending ----------------------------------------------------------------------------------------------

    def due(self, now_ns: int, *, fill: bool = False) -> list[Step]:
        """What is to be sent now, frame by frame. With ``fill`` there is silence where there is no sound."""
        steps: list[Step] = []
        place = before = self._place(now_ns)
        dry, first = place >= self._end, False
        while self._end - place < self._ahead:
            frame = self._next(now_ns)
            if frame is None:
                if not fill or self._end - place >= 2 * self.frame:
                    break
                frame = self._send(0, silence(self.frame), filler=True)
            if dry:
                # The far side had nothing left: what comes now is played as it comes.
                idle_ns = now_ns - self._origin_ns - samples_to_ns(before - self._base, self.rate)
                self._base, self._origin_ns, dry, first = before, now_ns, False, True
                self._marks.restart(idle_ns)
            steps.append(frame)
            self._aloud.append(frame)
            self._pass_ends()
            # That sound has begun is told soon, for only then is the agent known to speak.
            if first or self._end - self._marked >= self._mark_every:
                steps += self._mark()
                first = False
        self._pass_ends()
        last = bool(self._out) and (self._out[-1].pcm is None or (self._finished and not self._held))
        if last and self._marked < self._end:
            steps += self._mark()
        return steps

    def _next(self, now_ns: int) -> Pcm | None:
        """A whole frame; the last of a turn is filled up."""
        self._pass_ends()
        if self._paused or not self._held:
            self._waits_since_ns = None
            return None
        ready = 0
        closed = self._finished
        for _, pcm in self._queue:
            if pcm is None:
                closed = True
                break
            ready += len(pcm)
            if ready >= self.frame:
                break
        if ready < self.frame and not closed:
            if self._waits_since_ns is None:
                self._waits_since_ns = now_ns
            if now_ns - self._waits_since_ns < _PIECE_WAIT_NS:
                return None
        self._waits_since_ns = None
        rising, self._rising = self._rising, False
        pieces: list[Pcm] = []
        left = self.frame
        while left and self._queue and self._queue[0][1] is not None:
            turn, pcm = self._queue.popleft()
            assert pcm is not None
            if len(pcm) > left:
                self._queue.appendleft((turn, pcm[left:]))
                pcm = pcm[:left]
            self._held -= len(pcm)
            left -= len(pcm)
            pieces.append(self._send(turn, pcm))
        if left:
            pieces.append(self._send(0, silence(left), filler=True))
        frame = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return self._raised(frame) if rising else frame

    def _send(self, turn: int, pcm: Pcm, *, filler: bool = False) -> Pcm:
        self._end += len(pcm)
        self._out.append(_Piece(turn, pcm, self._end, filler))
        if filler:
            self._rising = True
        return pcm

    def _raised(self, frame: Pcm) -> Pcm:
        """The frame, faded in where sound begins in the middle of a wave."""
        if abs(int(frame[0])) <= _AUDIBLE_STEP:
            return frame
        return fade_in(frame, min(len(frame), ns_to_samples(_FADE_NS, self.rate)))

    def _pass_ends(self) -> None:
        """Turns that end here are over when what was sent has been played. In a pause none is."""
        while self._queue and self._queue[0][1] is None and not self._paused:
            turn, _ = self._queue.popleft()
            self._out.append(_Piece(turn, None, self._end))
            self._know(self._known)

    def _mark(self) -> list[Step]:
        self._marked = self._end
        if not self._confirms:
            return []
        self._number += 1
        name = f"{self._epoch}-{self._number}"
        due_ns = self._origin_ns + samples_to_ns(max(0, self._end - self._base), self.rate)
        self._marks.send(name, self._end, due_ns)
        return [Mark(name)]

    # What is played -----------------------------------------------------------------------------------------

    def _place(self, now_ns: int) -> int:
        """The sample that the far side plays by the clock, where nothing was late: the pace of what is sent."""
        return self._played_by(now_ns - self._origin_ns)

    def _heard_to(self, now_ns: int) -> int:
        """The sample that it plays by what it has told as well: later, where a network held sound back, and no further
        than is known while it says nothing, for what it plays then nobody knows."""
        if self._marks.stands_still(now_ns):
            return self._known
        return self._played_by(now_ns - self._origin_ns - self._marks.late_ns)

    def _played_by(self, since_ns: int) -> int:
        return max(self._known, min(self._end, self._base + ns_to_samples(max(0, since_ns), self.rate)))

    def _know(self, place: int, *, ends: bool = True) -> None:
        """All before ``place`` is played; with ``ends`` turns that end there are over."""
        while self._out:
            piece = self._out[0]
            if piece.pcm is None:
                if piece.end > place or not ends:
                    break
                self._facts.append(PlayedOut(piece.turn))
                self._out.popleft()
                continue
            begin = piece.end - len(piece.pcm)
            if begin >= place:
                break
            count = min(place, piece.end) - begin
            self._note(piece.turn, count)
            if piece.end > place:
                piece.pcm = piece.pcm[count:]
                break
            self._out.popleft()
        self._known = max(self._known, place)

    def _note(self, turn: int, samples: int) -> None:
        if not turn:
            return
        if turn != self._turn:
            # Where two speak at once, each goes on from its own place.
            self._places[source_of(self._turn)] = self._turn, self._position
            known, position = self._places.get(source_of(turn), (0, 0))
            self._turn, self._position = turn, position if known == turn else 0
        self._position += samples
        fact = Played(turn, samples_to_ns(self._position, self.rate))
        if self._facts and isinstance(self._facts[-1], Played) and self._facts[-1].turn == turn:
            self._facts[-1] = fact
        else:
            self._facts.append(fact)

    def _take_back(self, now_ns: int) -> list[Step]:
        """Have the far side forget, and queue again what it has not played."""
        if not self._out:
            return []
        place = self._heard_to(now_ns)
        plays = place < self._end
        # A turn that is stopped in its last moment ends when it goes on, or is flushed.
        self._know(place, ends=False)
        for piece in reversed(self._out):
            if not piece.filler:
                self._queue.appendleft((piece.turn, piece.pcm))
                self._held += 0 if piece.pcm is None else len(piece.pcm)
        self._out.clear()
        self._marks.forget()
        self._epoch += 1
        self._end = self._base = self._known = self._marked = place
        self._origin_ns = now_ns
        self._forget_aloud(place)
        self._rising = True
        return [Clear()] if plays else []

    def _forget_aloud(self, place: int) -> None:
        """What lies beyond ``place`` will not be heard."""
        kept, left = deque[Pcm](), place - self._told
        for piece in self._aloud:
            if left <= 0:
                break
            kept.append(piece[:left])
            left -= len(piece)
        self._aloud = kept
