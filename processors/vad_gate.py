"""VAD gate: knows when the user speaks, and can keep silence from passing.

Ports: ``audio`` in (16 kHz mono), ``out`` (the audio, all of it or only speech), ``speech`` (start and end).
In mode ``report`` all audio passes and speech is only reported: what a model with its own turn detection wants. In
mode ``gate`` audio passes while somebody speaks, from ``pre_roll`` before the onset until ``hang_over`` after the end.
Either way the conversation is told, which is what pauses the agent when the user talks over it. Where several calls
share an event loop their windows are judged together, which takes a third of the CPU and up to 20 ms, or 32 where
the loop has little time.
With ``turn_end: adaptive`` the silence that ends speech follows the speaker's own pauses, between ``shortest`` and
``longest``, and begins at ``hang_over``; an end-of-turn model, where there is one, shortens or lengthens it.

Example:
    vad_gate: {threshold: 0.6, pre_roll: 300ms}
"""

import asyncio
import importlib.util
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ..audio import (
    AudioError,
    EnergyVad,
    Pcm,
    SileroVad,
    SmartTurn,
    SpeakerPauses,
    SpeechDetector,
    SpeechStarted,
    VoiceActivity,
    silence,
)
from ..audio.leveller import Leveller
from ..audio.smart_turn import find_model
from ..pipeline import (
    MS,
    AudioFrame,
    Doc,
    Duration,
    In,
    Live,
    OptionFault,
    Out,
    Processor,
    Range,
    SpeechEndFrame,
    SpeechStartFrame,
    StartError,
)
from ..pipeline.events import Interrupted, SpeechChanged, StateChanged
from ..pipeline.processor import Emitted
from ..pipeline.units import SECOND
from .detector_batch import take_seat
from .own_voice import OwnVoice
from .pre_roll import PreRoll
from .turn_end import TurnEnd

__all__ = ["VadGate"]

_HUSHED_SAMPLES = 320
"""20 ms: no sound of speech is so soft for so long, but in a closure."""
_SHORTEST_NS = 300 * MS
_LONGEST_NS = 1_200 * MS


class VadGate(Processor):
    """Report speech, and pass audio only while someone speaks if asked to.

    Example:
        vad_gate: {threshold: 0.6, pre_roll: 300ms}
    """

    turn_presets = {  # noqa: RUF012
        "local": {"turn_end": "adaptive"},
        "telephone": {"turn_end": "adaptive", "threshold": 0.6, "hang_over": 600 * MS},  # lines are noisier
    }
    emits = (Interrupted, SpeechChanged, StateChanged)

    audio: In[AudioFrame] = In(rate=16_000, channels=1, doc="the user's microphone")
    out: Out[AudioFrame] = Out(
        like="audio", doc="all audio (report) or speech with its pre-roll and hang-over (gate)"
    )
    speech: Out[SpeechStartFrame | SpeechEndFrame] = Out(doc="when the user starts and stops speaking")

    def __init__(
        self,
        *,
        mode: Annotated[
            Literal["report", "gate"], Doc("report speech and pass everything, or pass only speech")
        ] = "report",
        detector: Annotated[
            Literal["silero", "energy"], Doc("a neural network (60 to 90 us per 32 ms) or plain loudness")
        ] = "silero",
        threshold: Annotated[float, Range(0, 1), Live(), Doc("speech probability that opens the gate")] = 0.5,
        min_speech: Annotated[
            Duration,
            Range(0, 2 * SECOND),
            Live(),
            Doc("voiced time that makes speech; shorter bursts are ignored"),
        ] = 96 * MS,
        pre_roll: Annotated[
            Duration,
            Range(0, 3 * SECOND),
            Live(),
            Doc("audio let through from before the onset, in mode gate"),
        ] = 300 * MS,
        hang_over: Annotated[
            Duration,
            Range(32 * MS, 5 * SECOND),
            Live(),
            Doc("silence that ends speech; shorter pauses belong to it"),
        ] = 500 * MS,
        turn_end: Annotated[
            Literal["silence", "adaptive"],
            Doc("what ends speech: `hang_over` of silence, or one that follows the speaker's pauses"),
        ] = "silence",
        shortest: Annotated[
            Duration,
            Range(100 * MS, 5 * SECOND),
            Live(),
            Doc("the least silence that ends speech, with turn_end adaptive"),
        ] = _SHORTEST_NS,
        longest: Annotated[
            Duration,
            Range(100 * MS, 10 * SECOND),
            Live(),
            Doc("the most silence that is waited for, with turn_end adaptive"),
        ] = _LONGEST_NS,
        turn_model: Annotated[
            Literal["auto", "off"] | Path,
            Doc(
                "smart-turn's file, to tell pauses from ends with turn_end adaptive; auto: where it is found, off: none"
            ),
        ] = "auto",
        echo_guard: Annotated[
            bool, Doc("take what the agent says, heard again by the microphone, for no speech")
        ] = True,
    ) -> None:
        self._gate = mode == "gate"
        self._detector_name = detector
        self._threshold = threshold
        self._min_speech_ns = min_speech
        self._pre_roll_ns = pre_roll
        self._hang_over_ns = hang_over
        self._adaptive = turn_end == "adaptive"
        self._shortest_ns, self._longest_ns = shortest, longest
        self._turn_model = turn_model
        self._end: TurnEnd | None = None
        self._pre_roll = PreRoll()
        self._undecided: deque[AudioFrame] = deque()
        """Frames that the detector of all calls has yet to judge: 20 ms of them, and no more than have come."""
        self._echo_guard = echo_guard
        self._own_voice: OwnVoice | None = None
        self._stirred = False
        """Whether the conversation was told of what may become speech."""
        self._quiet = False
        """Whether nothing is heard at the moment of speech that has not ended."""
        self._position_ns = 0
        """Media time: the length of all audio so far. What arrives late is no gap in what was said."""
        self._last: Pcm = np.zeros(0, np.int16)
        """The end of what was judged last, of the length by which a hush is known."""
        self._windows_ns = 0
        """Media time up to where probabilities are known: speech that is yet to be found begins no earlier."""
        self._offset_ns = 0
        """From media time to the call's clock, by the newest frame."""

    @classmethod
    def sound_stops(cls, options: Mapping[str, Any]) -> OptionFault | None:
        """A closed gate passes nothing, no silence either."""
        if options.get("mode") != "gate":
            return None
        return OptionFault(
            "mode",
            "passes nothing when nobody speaks",
            "mode: report passes all sound; with activity: manual its output `speech` marks the turns",
        )

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        if options.get("shortest", _SHORTEST_NS) > options.get("longest", _LONGEST_NS):
            told = "`shortest` is longer than `longest`: silence of just that length ends speech"
            yield OptionFault("shortest", told, "make `longest` the longer of the two", warning=True)
        model = options.get("turn_model")
        if not isinstance(model, Path):
            return
        if not model.expanduser().is_file():
            yield OptionFault("turn_model", f"there is no file `{model.name}`", f"looked in {model.parent}")
        elif importlib.util.find_spec("onnxruntime") is None:
            yield OptionFault(
                "turn_model", "needs the package onnxruntime", "pip install 'livegraph[turn]'", code="LG111"
            )

    async def start(self) -> None:
        self.call.conversation.hear()
        vad = SileroVad() if self._detector_name == "silero" else EnergyVad()
        # The first probability loads the weights: better now than in the first word.
        vad.process(silence(vad.window_samples))
        vad.reset()
        self._vad: VoiceActivity = vad
        self._leveller = Leveller(vad.sample_rate)
        if isinstance(vad, SileroVad):
            vad.gain = self._leveller.gain
        self._seat = take_seat(vad, self._told) if isinstance(vad, SileroVad) else None
        if self._adaptive:
            pauses = SpeakerPauses(
                expected_ns=self._hang_over_ns,
                shortest_ns=self._shortest_ns,
                longest_ns=max(self._shortest_ns, self._longest_ns),
            )
            self._end = TurnEnd(
                pauses,
                await self._model(),
                self.call.conversation,
                vad.sample_rate,
                ask=self.offload,
                spawn=self.spawn,
            )
        self._speech = SpeechDetector(
            threshold=self._threshold,
            min_speech_ns=self._min_speech_ns,
            hang_over_ns=self._hang_over_ns,
            window_ns=self._vad.window_samples * SECOND // self._vad.sample_rate,
            pauses=None if self._end is None else self._end.pauses,
        )
        if self._echo_guard:
            self._own_voice = OwnVoice(vad.sample_rate, self.call.conversation, self._speech)

    async def _model(self) -> SmartTurn | None:
        """The end-of-turn model, where there is one and it can be run."""
        named = isinstance(self._turn_model, Path)
        file = self._turn_model.expanduser() if isinstance(self._turn_model, Path) else None
        if self._turn_model == "auto" and importlib.util.find_spec("onnxruntime") is not None:
            file = find_model()
        if file is None:
            return None
        try:
            return await asyncio.to_thread(SmartTurn.load, file)
        except (AudioError, ImportError) as error:
            if named:
                raise StartError(self.name, f"{error} (option turn_model)") from error
            self.log.warning("%s: the end-of-turn model is not used: %s", self.name, error)
            return None

    def on_tune(
        self, *, threshold: float, min_speech: int, pre_roll: int, hang_over: int, shortest: int, longest: int
    ) -> None:
        self._pre_roll_ns = pre_roll
        if self._end is not None:
            self._end.pauses.retune(
                expected_ns=hang_over, shortest_ns=shortest, longest_ns=max(shortest, longest)
            )
        self._threshold = threshold
        self._speech.retune(threshold=threshold, min_speech_ns=min_speech, hang_over_ns=hang_over)

    async def stop(self) -> None:
        """Leave the detector to the other calls."""
        if self._own_voice is not None:
            self._own_voice.leave()
            self._own_voice = None
        if self._seat is not None:
            self._seat.leave()

    def on_audio(self, frame: AudioFrame) -> None:
        """Judge the frame, or let it wait to be judged together with those of other calls."""
        if self._own_voice is not None:
            self._own_voice.hear(frame.samples)
        if self._seat is None:
            known: list[float] | None = self._vad.process(self._leveller.process(frame.samples))
        else:
            known = self._seat.offer(frame.samples)
        if known is not None:
            self._judge(frame, known)
            if not self._gate:
                self.out.emit(frame)
            return
        self._undecided.append(frame)
        if not self._gate:
            self.out.emit(frame)

    def _told(self, probabilities: list[list[float]]) -> None:
        """The frames that wait were judged."""
        for known in probabilities:
            self._judge(self._undecided.popleft(), known)

    def _judge(self, frame: AudioFrame, probabilities: list[float]) -> None:
        """Tell of speech that begins or ends with ``frame``; in mode ``gate`` let it pass or keep it."""
        enough = len(frame.samples) >= _HUSHED_SAMPLES
        last = frame.samples if enough else np.concatenate((self._last, frame.samples))
        self._last = last if len(last) == _HUSHED_SAMPLES else last[-_HUSHED_SAMPLES:]
        if not probabilities and not self._gate:
            # No window is full, so nothing is known that was not.
            self._offset_ns = frame.time_ns - self._position_ns
            self._position_ns += frame.duration_ns
            return
        starts_ns = self._windows_ns
        self._windows_ns += len(probabilities) * self._vad.window_samples * SECOND // self._vad.sample_rate
        was_open = self._speech.speaking
        self._offset_ns = frame.time_ns - self._position_ns
        if self._own_voice is not None:
            probabilities = self._own_voice.without(probabilities, self._threshold)
        if probabilities and self._speech.speaking and self._leveller.is_hushed(self._last):
            # The network goes on hearing a voice for two windows after it: that would be waited for at every turn.
            probabilities = [*probabilities[:-1], 0.0]
        opened_ns: int | None = None
        for event in self._speech.feed(probabilities, starts_ns):
            started = isinstance(event, SpeechStarted)
            if started and opened_ns is None:
                opened_ns = event.at_ns
            if self._end is not None:
                (self._end.started if started else self._end.ended)(event.at_ns)
            self._report(started, event.at_ns)
            self._quiet = False
        if self._end is not None:
            self._end.hear(frame.samples)
            self._end.look(self._speech)
        if self._speech.voiced:
            self._leveller.spoken(frame.samples)
            if isinstance(self._vad, SileroVad):
                self._vad.gain = self._leveller.gain
        self._stir()
        if self._speech.speaking and self._speech.voiced is self._quiet:
            # A cough is over long before the hang-over is: the conversation need not wait for that.
            self._quiet = not self._speech.voiced
            (self.call.conversation.user_quiet if self._quiet else self.call.conversation.user_voiced)()
        self._position_ns += frame.duration_ns
        if not self._gate:
            return
        if was_open:
            self.out.emit(frame)
        else:
            self._keep_or_pass(frame, opened_ns)

    def _keep_or_pass(self, frame: AudioFrame, opened_ns: int | None) -> None:
        """Keep ``frame``; let all that is kept pass when speech was found to have begun at ``opened_ns``."""
        if opened_ns is not None:
            for held in self._pre_roll.release(frame, self._pre_roll_ns + self._position_ns - opened_ns):
                self.out.emit(held)
            return
        # Speech may turn out to have begun with the candidate, or with the window that is still filling.
        onset_ns = self._speech.onset_ns
        earliest_ns = self._windows_ns if onset_ns is None else onset_ns
        self._pre_roll.keep(frame, self._pre_roll_ns + self._position_ns - earliest_ns)

    def _stir(self) -> None:
        """Tell of what may become speech at its first window: the sound of an agent who is spoken over stops then."""
        conversation = self.call.conversation
        if self._speech.speaking:
            self._stirred = False
        elif self._speech.onset_ns is not None and not self._stirred:
            self._stirred = True
            conversation.user_stirred()
        elif self._speech.onset_ns is None and self._stirred:
            self._stirred = False
            conversation.user_calmed()

    def on_end(self) -> Emitted:
        if self._seat is not None:
            self._seat.settle()
        ended = self._speech.finish()
        if ended is not None:
            self._report(False, ended.at_ns)
        return None

    def _report(self, started: bool, media_ns: int) -> None:
        at_ns = max(0, media_ns + self._offset_ns)
        conversation = self.call.conversation
        if started:
            # The conversation first: it stops the agent's sound.
            conversation.user_started()
            self.speech.emit(SpeechStartFrame(time_ns=at_ns))
        else:
            conversation.user_stopped()
            self.speech.emit(SpeechEndFrame(time_ns=at_ns))
