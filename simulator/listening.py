"""The user's side of a session: from realtime input to what the user said, with `voiceActivity` on the way.

Sans I/O: the words of an utterance are asked for through the output and come back by `transcribed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from ..audio import AudioError, ns_to_samples, samples_to_ns
from ..liveapi import RealtimeInput, ServerContent, Transcription
from .behaviour import MILLISECOND, Timing
from .closings import Closing
from .hearing import RATE, Hearing, SpeechHeard, SpeechOver
from .oddities import Oddities
from .server_output import ServerOutput
from .session_setup import SessionSetup
from .session_store import SessionMemory
from .timers import Timers
from .transcripts import transcriptions
from .usage import audio_tokens

__all__ = ["Listening"]

_log = logging.getLogger(__name__)

_SHORT_NS = 1_500 * MILLISECOND
"""With the silence that ends it; what is shorter may be missed right after a turn."""
_ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
_ALL_VIDEO = ("TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO", _ALL_INPUT)


@dataclass(slots=True)
class _Utterance:
    """Speech that is with the ears."""

    over: SpeechOver
    ended_ns: int
    announced: bool
    """Whether its end was reported."""
    overtaken: bool = False
    """Whether the user went on speaking: it is answered together with what follows."""


class Listening:
    """Hears for one connection.

    Args:
        output: where messages and work go.
        memory: the session's memory.
        on_start: called when the user begins to speak, after that was reported, with the time.
    """

    def __init__(
        self,
        output: ServerOutput,
        memory: SessionMemory,
        settings: SessionSetup,
        timing: Timing,
        oddities: Oddities,
        timers: Timers,
        *,
        on_start: Callable[[int], None],
    ) -> None:
        self._out = output
        self._memory = memory
        self._settings = settings
        self._oddities = oddities
        self._timers = timers
        self._on_start = on_start
        self.turn_over_ns: Callable[[], int | None] = lambda: None
        """Asked when the model's last turn ended."""
        self._deaf = False
        """Whether speech began so soon after a turn that it is not noticed, if it is short."""
        self._hearing = _ears(memory, settings)
        self._utterances: dict[int, _Utterance] = {}
        self._overtaken: list[str] = []
        self._image = False
        self._interim = ns_to_samples(timing.interim_ns, RATE)
        self._guess: int | None = None
        self._guessed = 0

    @property
    def busy(self) -> bool:
        """Whether the user speaks, or the words of what was said are not known yet."""
        return self._hearing.speaking or bool(self._utterances)

    @property
    def heard_ns(self) -> int:
        """All audio of the session."""
        return samples_to_ns(self._hearing.heard_samples, RATE)

    def go_on(self, now_ns: int) -> None:
        """Ask again for the words of what was said on an earlier connection."""
        unheard, self._memory.unheard = self._memory.unheard, []
        for over in unheard:
            self._utterances[self._out.transcribe(over.pcm)] = _Utterance(over, now_ns, announced=True)

    def realtime(self, given: RealtimeInput, now_ns: int) -> None:
        """Take audio, images, and the signals that belong to them.

        Raises:
            Closing: activity signals while the server itself detects activity, or audio that is not PCM.
        """
        explicit = given.activity_start is not None or given.activity_end is not None
        if explicit and self._settings.hearing.automatic:
            raise Closing.activity()
        if given.activity_start is not None:
            self._take(self._hearing.start(), now_ns)
        if (blob := given.audio_blob) is not None:
            before = self._hearing.heard_samples
            try:
                self._take(self._hearing.audio(blob.data, blob.mime_type), now_ns)
            except AudioError as error:
                _log.info("audio that cannot be used: %s", error)
                raise Closing.invalid() from error
            if self._settings.coverage == _ALL_INPUT:
                heard_ns = samples_to_ns(self._hearing.heard_samples - before, RATE)
                self._memory.context.add("user", "", AUDIO=audio_tokens(heard_ns))
            self._guess_at()
        if given.video_blob is not None:
            self._see()
        if given.audio_stream_end and not self._oddities.ignores_stream_end:
            self._take(self._hearing.stream_end(), now_ns)
        if given.activity_end is not None:
            self._take(self._hearing.end(), now_ns)

    def transcribed(self, key: int, text: str, now_ns: int) -> tuple[str, int] | None:
        """The words of an utterance are known.

        Returns:
            All that the user said, and when it ended; None while the user speaks on, or for a guess.
        """
        if key == self._guess:
            self._guess = None
            if text and self._hearing.speaking:
                guess = Transcription(text=text)
                self._out.content(ServerContent(interim_input_transcription=guess))
            return None
        utterance = self._utterances.pop(key, None)
        if utterance is None:
            return None
        self._tell(utterance, text, now_ns)
        self._announce_end(utterance)
        self._overtaken.append(text)
        if utterance.overtaken and self.busy:
            return None
        whole = " ".join(part for part in self._overtaken if part)
        self._overtaken.clear()
        return whole, utterance.ended_ns

    def show(self) -> None:
        """A turn begins without speech: the image that waited for it belongs to it."""
        if self._image:
            self._image = False
            self._memory.context.add("user", "", IMAGE=self._settings.image_tokens)

    def share(self) -> None:
        """Let the conversation have the ears."""
        self._memory.hearing = self._hearing

    def leave(self) -> None:
        """The connection is over: whatever was heard and not understood yet is kept."""
        memory = self._memory
        memory.heard_samples = self._hearing.heard_samples
        memory.hearing = self._hearing
        memory.unheard = [utterance.over for utterance in self._utterances.values()]
        memory.unanswered += [text for text in self._overtaken if text]
        self._utterances.clear()

    def _tell(self, utterance: _Utterance, text: str, now_ns: int) -> None:
        """Remember what was said, and send the transcript."""
        long_ns = samples_to_ns(len(utterance.over.pcm), RATE)
        tokens = 0 if self._settings.coverage == _ALL_INPUT else audio_tokens(long_ns)
        self._memory.context.add("user", text, AUDIO=tokens)
        config = self._settings.input_transcripts
        if not text or config is None:
            return
        end_ns = utterance.over.offset_ns
        start_ns = max(0, end_ns - long_ns)
        in_words = self._settings.older
        for told in transcriptions(text, config, start_ns=start_ns, end_ns=end_ns, in_words=in_words):
            content = ServerContent(input_transcription=told)
            if late_ns := self._oddities.input_words_after_ns:
                self._timers.at(now_ns + late_ns, partial(self._tell_late, content))
            else:
                self._out.content(content)

    def _tell_late(self, content: ServerContent, now_ns: int) -> None:
        self._out.content(content)

    def _see(self) -> None:
        """An image: of those outside of speech only the last one counts, unless all are wanted."""
        every = self._settings.coverage in _ALL_VIDEO
        if every or self._hearing.speaking:
            self._memory.context.add("user", "", IMAGE=self._settings.image_tokens)
        else:
            self._image = True

    def _guess_at(self) -> None:
        """Ask for the words so far, one guess at a time."""
        if not self._settings.interim or not self._hearing.speaking or self._guess is not None:
            return
        if self._hearing.heard_samples - self._guessed >= self._interim:
            self._guessed = self._hearing.heard_samples
            self._guess = self._out.guess(self._hearing.so_far())

    def _take(self, events: Iterable[SpeechHeard | SpeechOver], now_ns: int) -> None:
        for event in events:
            if isinstance(event, SpeechHeard):
                self._starts(event, now_ns)
            elif self._deaf and samples_to_ns(len(event.pcm), RATE) < _SHORT_NS:
                self._announce_end(_Utterance(event, now_ns, announced=not self._reports))
            else:
                key = self._out.transcribe(event.pcm)
                self._utterances[key] = _Utterance(event, now_ns, announced=not self._reports)

    @property
    def _reports(self) -> bool:
        return self._settings.reports_activity or self._signals

    @property
    def _signals(self) -> bool:
        return self._settings.vad_signal and self._settings.hearing.automatic

    def _starts(self, event: SpeechHeard, now_ns: int) -> None:
        for utterance in self._utterances.values():
            # The end of what came before must be told before this start.
            self._announce_end(utterance)
            utterance.overtaken = self._settings.interruptible
        over_ns = self.turn_over_ns()
        self._deaf = over_ns is not None and now_ns - over_ns < self._oddities.deaf_after_turn_ns
        self.show()
        self._guessed = self._hearing.heard_samples
        self._report(start=True, offset_ns=event.offset_ns)
        self._on_start(now_ns)

    def _announce_end(self, utterance: _Utterance) -> None:
        if not utterance.announced:
            utterance.announced = True
            self._report(start=False, offset_ns=utterance.over.offset_ns)

    def _report(self, *, start: bool, offset_ns: int) -> None:
        if self._settings.reports_activity:
            self._out.activity(start=start, offset_ns=offset_ns)
        if self._signals:
            self._out.vad_signal(start=start)


def _ears(memory: SessionMemory, settings: SessionSetup) -> Hearing:
    """Those of the last connection, unless they are to hear differently now."""
    kept = memory.hearing
    if kept is not None and kept.settings == settings.hearing:
        return kept
    if memory.rest is not None and memory.rest.settings == settings.hearing:
        return Hearing.of(memory.rest)
    return Hearing(settings.hearing, memory.heard_samples)
