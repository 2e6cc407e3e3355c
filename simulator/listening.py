"""The user's side of a session: from realtime input to what the user said, with `voiceActivity` on the way.

Sans I/O: the words of an utterance are asked for through the outbox and come back by `transcribed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..audio import AudioError, samples_to_ns
from ..processors.gemini_live.wire import RealtimeInput
from .closings import Closing
from .hearing import RATE, Hearing, SpeechHeard, SpeechOver
from .outbox import Outbox
from .settings import Settings
from .store import Conversation

__all__ = ["Listening"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Utterance:
    """Speech that is with the ears."""

    ended_ns: int
    offset_ns: int
    announced: bool
    """Whether its end was reported."""
    overtaken: bool = False
    """Whether the user went on speaking: it is answered together with what follows."""


class Listening:
    """Hears for one connection.

    Args:
        outbox: where messages and work go.
        conversation: the session's memory.
        reports: whether start and end of speech are to be reported; they are not when the client detects them.
        on_start: called when the user begins to speak, after that was reported.
    """

    def __init__(
        self,
        outbox: Outbox,
        conversation: Conversation,
        settings: Settings,
        *,
        reports: bool,
        on_start: Callable[[], None],
    ) -> None:
        self._out = outbox
        self._conversation = conversation
        self._settings = settings
        self._reports = reports and settings.hearing.automatic
        self._on_start = on_start
        self._hearing = Hearing(settings.hearing, conversation.heard_samples)
        self._utterances: dict[int, _Utterance] = {}
        self._overtaken: list[str] = []

    @property
    def busy(self) -> bool:
        """Whether the user speaks, or the words of what was said are not known yet."""
        return self._hearing.speaking or bool(self._utterances)

    def realtime(self, given: RealtimeInput, now_ns: int) -> None:
        """Take audio, and the signals that belong to it.

        Raises:
            Closing: activity signals while the server itself detects activity, or audio that is not PCM.
        """
        explicit = given.activity_start is not None or given.activity_end is not None
        if explicit and self._settings.hearing.automatic:
            raise Closing.activity()
        if given.activity_start is not None:
            self._take(self._hearing.start(), now_ns)
        if (blob := given.audio_blob) is not None:
            try:
                self._take(self._hearing.audio(blob.data, blob.mime_type), now_ns)
            except AudioError as error:
                _log.info("audio that cannot be used: %s", error)
                raise Closing.invalid() from error
        if given.audio_stream_end:
            self._take(self._hearing.stream_end(), now_ns)
        if given.activity_end is not None:
            self._take(self._hearing.end(), now_ns)

    def transcribed(self, key: int, text: str) -> tuple[str, int] | None:
        """The words of an utterance are known.

        Returns:
            All that the user said, and when it ended; None while the user speaks on.
        """
        utterance = self._utterances.pop(key)
        if text:
            self._conversation.add("user", text)
            if self._settings.input_transcripts:
                self._out.input_transcription(text)
        self._announce_end(utterance)
        self._overtaken.append(text)
        if utterance.overtaken and self.busy:
            return None
        whole = " ".join(part for part in self._overtaken if part)
        self._overtaken.clear()
        return whole, utterance.ended_ns

    def leave(self) -> None:
        """The connection is over."""
        self._conversation.heard_samples = self._hearing.heard_samples

    def _take(self, events: Iterable[SpeechHeard | SpeechOver], now_ns: int) -> None:
        for event in events:
            if isinstance(event, SpeechHeard):
                self._starts(event)
            else:
                key = self._out.transcribe(event.pcm)
                self._utterances[key] = _Utterance(now_ns, event.offset_ns, announced=not self._reports)
                self._conversation.tokens.heard_audio(samples_to_ns(len(event.pcm), RATE))

    def _starts(self, event: SpeechHeard) -> None:
        for utterance in self._utterances.values():
            # The end of what came before must be told before this start.
            self._announce_end(utterance)
            utterance.overtaken = self._settings.interruptible
        if self._reports:
            self._out.activity(start=True, offset_ns=event.offset_ns)
        self._on_start()

    def _announce_end(self, utterance: _Utterance) -> None:
        if not utterance.announced:
            utterance.announced = True
            self._out.activity(start=False, offset_ns=utterance.offset_ns)
