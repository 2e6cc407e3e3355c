"""What goes to the service: in order, bounded, kept while there is no connection, and kept until it has arrived.

Audio is bounded by its length, everything else by number. What was sent stays here until it is known to have been
received (``confirm``, by number on the connection; ``answered``, because the model has begun to answer). When a
connection ends, ``rewind`` puts the rest back to the front: it goes out again, in its old order. The user's sound is
kept longer, until the model answers: a fresh session has heard nothing of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ....liveapi import ClientMessage, Empty, RealtimeInput, encode_audio, encode_client
from ....pipeline.units import MS, SECOND

__all__ = ["Kind", "Outbox"]

_KEEP_NS = 120 * SECOND
"""Twice what coming back may take; 3.8 MB."""
_FULL_NS = 2 * SECOND
"""A source that can wait does so while more than this waits."""
_UNANSWERED_NS = 30 * SECOND
"""Of sound that has arrived and was not answered, so much is kept for a fresh session."""
_LONGEST_MESSAGE_NS = 100 * MS
"""What has piled up is sent in pieces of this length, the longest that the service advises."""
_MOST_MESSAGES = 1024
_MOST_KEPT = 4096
_BIG = 256 * 1024
"""Characters: sound and texts are far below, and every server takes so much."""


class Kind(Enum):
    """What an entry is; it decides what becomes of it when a connection or a session ends."""

    AUDIO = "audio"
    TEXT = "text"
    RESULT = "result"
    """Of a function: means something only to the session that asked for it."""
    STREAM_END = "stream end"
    START = "activity start"
    END = "activity end"
    NUDGE = "nudge"
    """For an answer that does not come: means something only on the connection that it was made for."""
    PICTURE = "picture"
    """Only the newest is worth sending, and never again."""


_SIGNALS = {
    Kind.STREAM_END: encode_client(
        ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True))
    ).decode(),
    Kind.START: encode_client(ClientMessage(realtime_input=RealtimeInput(activity_start=Empty()))).decode(),
    Kind.END: encode_client(ClientMessage(realtime_input=RealtimeInput(activity_end=Empty()))).decode(),
}


@dataclass(slots=True, eq=False)
class _Entry:
    kind: Kind
    message: str = ""
    plain: str = ""
    """Of a result: the same as a message to a session that never asked. Of a text: the text itself."""
    refusal: str = ""
    """Of a result: what is sent instead when it is too big."""
    samples: NDArray[np.int16] | None = None
    rate: int = 0
    duration_ns: int = 0


@dataclass(slots=True, eq=False)
class _Sent:
    number: int
    at_ns: int
    entries: list[_Entry]


_HEARD = (Kind.AUDIO, Kind.START, Kind.END)
"""What the user's turn is made of."""


def _length_ns(entries: list[_Entry]) -> int:
    length_ns = 0
    for entry in entries:
        length_ns += entry.duration_ns
    return length_ns


def _encoded(pieces: list[NDArray[np.int16]], rate: int) -> str:
    """The message of the sound in ``pieces``."""
    pcm = b"".join([piece.astype("<i2", copy=False).tobytes() for piece in pieces])
    return encode_audio(pcm, rate).decode()


class Outbox:
    """A queue of audio (s16 mono) and encoded messages. One taker at a time.

    ``changed`` is set when something was sent, or is known to have arrived.
    """

    def __init__(self, changed: asyncio.Event | None = None, *, keep_ns: int = _KEEP_NS) -> None:
        self._changed = changed or asyncio.Event()
        self.dropped_ns = 0
        """Audio lost because nobody took it for too long."""
        self.held_ns = 0
        """Length of the audio that waits."""
        self.number = 0
        """Messages sent on this connection."""
        self._keep_ns = keep_ns
        self._entries: deque[_Entry] = deque()
        self._taken: list[_Entry] = []
        self._sent: deque[_Sent] = deque()
        self._unanswered: deque[_Sent] = deque()
        """What has arrived of the user's turn."""
        self._unanswered_ns = 0
        self._sent_ns = 0
        self._messages = 0
        """Entries that are no audio, waiting or sent."""
        self._open_before = False
        """Whether the user's turn was open before the oldest entry, where we mark the turns."""
        self.piece_ns = 0
        """Sound is taken when there is so much of it, or when something else waits behind it."""
        self.at_once: Callable[[], bool] | None = None
        """Called while there is something to take that was not before: whether it took a message; else ``filled``
        returns."""
        self._due = False
        """Whether there is something to take."""
        self._filled = asyncio.Event()
        self._left: asyncio.Future[None] | None = None
        """Who waits for room."""

    def __bool__(self) -> bool:
        """Whether anything waits, or was taken and not sent."""
        return bool(self._entries or self._taken)

    @property
    def full(self) -> bool:
        """Whether so much sound waits that a source which can wait should."""
        return self.held_ns > _FULL_NS

    async def room(self) -> None:
        """Return as soon as it is not full."""
        while self.full:
            if self._left is None:
                self._left = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._left)

    @property
    def unsure(self) -> bool:
        """Whether something was sent that may not have arrived."""
        return bool(self._sent)

    # Filling -----------------------------------------------------------------------------------

    def put_audio(self, samples: NDArray[np.int16], rate: int) -> None:
        """Queue sound; the oldest goes when there is too much."""
        duration_ns = len(samples) * SECOND // rate
        self._append(_Entry(Kind.AUDIO, samples=samples, rate=rate, duration_ns=duration_ns))
        while self.held_ns > self._keep_ns and self._drop_oldest_audio():
            pass

    def put(self, message: str, kind: Kind = Kind.TEXT, plain: str = "", refusal: str = "") -> bool:
        """Queue an encoded message; ``False`` when there are too many of them."""
        if self._messages >= _MOST_MESSAGES:
            return False
        self._append(_Entry(kind, message, plain, refusal))
        return True

    def signal(self, kind: Kind) -> bool:
        """Queue the end of the stream, or the start or end of the user's turn."""
        return self.put(_SIGNALS[kind], kind)

    def put_picture(self, message: str) -> None:
        """Queue a picture in the place of one that still waits."""
        waiting = next((entry for entry in self._entries if entry.kind is Kind.PICTURE), None)
        if waiting is None:
            self.put(message, Kind.PICTURE)
        else:
            waiting.message = message

    def _append(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self._messages += entry.samples is None
        self.held_ns += entry.duration_ns
        if not self._due and (entry.samples is None or self.held_ns >= self.piece_ns):
            self._due = True
            # One message is taken at a time: what stands behind sound that waited for more of it is to follow at once.
            while self._due and self.at_once is not None and self.at_once():
                pass
            if self._due:
                self._filled.set()

    async def filled(self) -> None:
        """Return when there is something to take."""
        while not self._due:
            self._filled.clear()
            await self._filled.wait()

    # Sending -----------------------------------------------------------------------------------

    def take(self) -> str | None:
        """The next message, or ``None``; sound that has piled up comes in longer pieces.

        It counts as waiting until ``sent`` or ``put_back``.
        """
        if not self._due:
            return None
        message = self._take()
        rest = self._entries
        if not rest:
            self._due = False
        elif self.held_ns < self.piece_ns:
            self._due = any(entry.samples is None for entry in rest)
        return message

    def _take(self) -> str | None:
        if not self._entries:
            return None
        first = self._leave()
        if first.samples is None:
            return first.message
        if not self._entries:
            return _encoded([first.samples], first.rate)
        pieces, length_ns = [first.samples], first.duration_ns
        while self._entries and (following := self._entries[0]).samples is not None:
            length_ns += following.duration_ns
            if length_ns > _LONGEST_MESSAGE_NS or following.rate != first.rate:
                break
            self._leave()
            pieces.append(following.samples)
        return _encoded(pieces, first.rate)

    def sent(self, now_ns: int) -> bool:
        """What was taken has been sent, as the next message of this connection.

        Returns:
            Whether it must not be said twice: a text, or a result.
        """
        taken, self._taken = self._taken, []
        self.number += 1
        delicate, kept = False, taken
        for entry in taken:
            # Sound alone, as nearly always, needs no look at what it is.
            if entry.kind is not Kind.AUDIO:
                delicate = any(entry.kind in (Kind.TEXT, Kind.RESULT) for entry in taken)
                kept = [entry for entry in taken if entry.kind not in (Kind.PICTURE, Kind.NUDGE)]
                self._messages -= len(taken) - len(kept)
                break
        self._sent.append(_Sent(self.number, now_ns, kept))
        self._sent_ns += _length_ns(kept)
        # What is as old as this nobody wants to hear again, whether it has arrived or not.
        while self._sent and (self._sent_ns > self._keep_ns or self._messages > _MOST_MESSAGES // 2):
            self._arrived(self._sent.popleft())
        self._changed.set()
        return delicate

    def put_back(self) -> None:
        """What was taken could not be sent: it is the next again."""
        taken, self._taken = self._taken, []
        self._restore(taken)

    def confirm(self, number: int) -> None:
        """The first ``number`` messages of this connection have arrived."""
        while self._sent and self._sent[0].number <= number:
            self._arrived(self._sent.popleft())
        self._changed.set()

    @property
    def asks(self) -> bool:
        """Whether something waits that asks for an answer."""
        return any(entry.kind in (Kind.TEXT, Kind.RESULT) for entry in (*self._taken, *self._entries))

    def answered(self, before_ns: int) -> None:
        """The model answers: it has taken in what was sent before ``before_ns``."""
        while self._unanswered and self._unanswered[0].at_ns < before_ns:
            self._unanswered_ns -= _length_ns(self._unanswered.popleft().entries)
        for sent in self._sent:
            if sent.at_ns < before_ns:
                kept = [entry for entry in sent.entries if entry.kind not in (Kind.TEXT, Kind.RESULT)]
                self._messages -= len(sent.entries) - len(kept)
                sent.entries = kept

    # Connections -------------------------------------------------------------------------------

    def drop_oversized(self) -> bool:
        """The service took a message for too big: what is far bigger than sound is not sent again.

        A result is replaced by one that says so, for somebody waits for it. ``False``: there was none such.
        """
        found = False
        kept: deque[_Entry] = deque()
        for entry in self._entries:
            if len(entry.message) <= _BIG:
                kept.append(entry)
                continue
            found = True
            if entry.kind is Kind.RESULT and entry.refusal:
                entry.message = entry.refusal
                kept.append(entry)
            else:
                self._messages -= 1
        self._entries = kept
        return found

    def rewind(self) -> None:
        """The connection is over: what may not have arrived is to be sent again, on the next one."""
        self.put_back()
        for entry in [entry for entry in self._entries if entry.kind is Kind.NUDGE]:
            self._entries.remove(entry)
            self._messages -= 1
        unsure = [entry for sent in self._sent for entry in sent.entries]
        self._sent.clear()
        self._sent_ns = self.number = 0
        if self._open_before:
            # A connection knows nothing of a turn that was opened on the one before.
            self._open_before = False
            self._messages += 1
            unsure.insert(0, _Entry(Kind.START, _SIGNALS[Kind.START]))
        self._restore(unsure)

    def start_afresh(self, unheard_since_ns: int | None = None) -> None:
        """The next session has asked for no results: it is told of them in words, unless they are silent.

        ``unheard_since_ns``: the user's sound that was sent since then has not been answered, and is said again.
        """
        silent = [entry for entry in self._entries if entry.kind is Kind.RESULT and not entry.plain]
        for entry in silent:
            # What is to be known and not spoken of is in what the session is told of the conversation.
            self._entries.remove(entry)
            self._messages -= 1
        for entry in self._entries:
            if entry.kind is Kind.RESULT:
                entry.kind, entry.message, entry.plain = Kind.TEXT, entry.plain, ""
        if unheard_since_ns is not None:
            again = [
                entry for sent in self._unanswered if sent.at_ns >= unheard_since_ns for entry in sent.entries
            ]
            self._messages += sum(entry.samples is None for entry in again)
            self._restore(again)
            # A turn of the user that we mark is whole again with what was kept of it.
            self._open_before = self._open_before and not any(entry.kind is Kind.START for entry in again)
        self._unanswered.clear()
        self._unanswered_ns = 0

    def waiting_texts(self) -> list[str]:
        """The user's texts that wait, oldest first."""
        return [entry.plain for entry in self._entries if entry.kind is Kind.TEXT and entry.plain]

    def _restore(self, entries: list[_Entry]) -> None:
        for entry in reversed(entries):
            self._entries.appendleft(entry)
            self.held_ns += entry.duration_ns
        if entries:
            self._due = True
            self._filled.set()

    def _arrived(self, sent: _Sent) -> None:
        for entry in sent.entries:
            self._sent_ns -= entry.duration_ns
            self._messages -= entry.samples is None
            if entry.kind in (Kind.START, Kind.END):
                self._open_before = entry.kind is Kind.START
        kept = [entry for entry in sent.entries if entry.kind in _HEARD]
        if kept:
            self._unanswered.append(_Sent(sent.number, sent.at_ns, kept))
            self._unanswered_ns += _length_ns(kept)
            while self._unanswered_ns > _UNANSWERED_NS or len(self._unanswered) > _MOST_KEPT:
                self._unanswered_ns -= _length_ns(self._unanswered.popleft().entries)

    def _leave(self) -> _Entry:
        entry = self._entries.popleft()
        self.held_ns -= entry.duration_ns
        if self._left is not None:
            self._left.set_result(None)
            self._left = None
        self._taken.append(entry)
        return entry

    def _drop_oldest_audio(self) -> bool:
        for index, entry in enumerate(self._entries):
            if entry.samples is not None:
                del self._entries[index]
                self.held_ns -= entry.duration_ns
                self.dropped_ns += entry.duration_ns
                return True
        return False
