"""Gemini Live: talks with the Gemini Live API.

Ports: ``audio`` in (16 kHz mono), ``text``, ``speech``, ``video``, ``context`` and ``tool_results`` in; ``out``
(24 kHz mono), ``tool_calls``, ``transcript`` and ``usage`` out. The session outlives its connections: they are
replaced in pauses before the service ends them, and when one breaks, what the user says is kept and sent on the next.
Without a key it talks to the local simulator (``livegraph simulate``).

Example:
    gemini_live: {voice: Kore, instructions: You are the front desk of a dental practice.}
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from ...audio import Pcm
from ...liveapi.models import DEFAULT_MODEL
from ...pipeline import (
    SECOND,
    AudioFrame,
    In,
    InterruptFrame,
    NameUsed,
    OptionFault,
    Out,
    Processor,
    ProcessorError,
    ServiceError,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    UsageFrame,
    VideoFrame,
)
from ...pipeline.events import (
    Interrupted,
    PersonaChanged,
    ServiceChanged,
    SpeechChanged,
    StateChanged,
    ToolCalled,
    ToolFinished,
    Transcript,
    TransferAsked,
    Usage,
)
from ...pipeline.frames import source_of
from ..tools.catalog import FunctionSpec
from . import events
from .answers.fallback import load_recording
from .assembly import settings_as, settings_from
from .call_parts import endpoint_of
from .checking import box_faults, credentials_fault, silence_needed, turns_told_at
from .colleagues.desk import Desk
from .colleagues.persona import Agents, FirstAgent, functions_named
from .colleagues.switching import Reception
from .dialogue.history import History
from .downlink import Ports
from .frames import ContextFrame, HandOverFrame, UpdateFrame
from .keeping import keep
from .lines import Lines
from .link_ahead import LinkAhead
from .options import fields as opt
from .options.faults import history_faults, read_history
from .options.groups import DEFAULT_ANSWER_WAIT, NO_ANSWER_WAIT
from .reachability import surrounding_faults
from .session.renewal import DEFAULT_RENEW_AFTER_NS
from .settings import DEFAULT_MOST_RESULT_CHARACTERS, DEFAULT_PRE_ROLL_NS, Settings

__all__ = ["GeminiLive"]


class GeminiLive(Processor):
    """Talk with the Gemini Live API.

    Example:
        gemini_live: {voice: Kore, instructions: You are the front desk of a dental practice.}
    """

    kind = "service"
    ages = False
    turn_presets = {"local": {"activity": "manual"}, "telephone": {"activity": "manual"}}  # noqa: RUF012
    emits = (
        *(ServiceChanged, Transcript, Usage, SpeechChanged, StateChanged, Interrupted),
        *(PersonaChanged, ToolCalled, ToolFinished, TransferAsked),
        *(getattr(events, name) for name in events.__all__ if name != "LiveEvent"),
    )

    audio: In[AudioFrame] = In(rate=16_000, channels=1, doc="the user's voice")
    text: In[TextFrame] = In(required=False, doc="what the user writes")
    speech: In[SpeechStartFrame | SpeechEndFrame] = In(
        required=False,
        doc="when the user speaks, by a detector of yours; otherwise the service's word counts",
    )
    video: In[VideoFrame] = In(required=False, doc="what the user's camera shows; the newest is looked at")
    context: In[ContextFrame | UpdateFrame | HandOverFrame] = In(
        required=False,
        feedback=True,
        only_circles=True,
        doc="what the model is to know, or to do, from now on; or who takes over",
    )
    tool_results: In[ToolResultFrame] = In(
        required=False, feedback=True, doc="what the called functions answered"
    )
    out: Out[AudioFrame] = Out(rate=24_000, channels=1, doc="the agent's voice")
    tool_calls: Out[ToolCallFrame | ToolCancelFrame] = Out(
        doc="functions that the model asks for, or withdraws"
    )
    transcript: Out[TranscriptFrame] = Out(doc="what both sides said; the agent's words as they are heard")
    usage: Out[UsageFrame] = Out(doc="tokens counted by the service")

    def __init__(
        self,
        *,
        model: opt.Model = DEFAULT_MODEL,
        instructions: opt.Instructions = "",
        greeting: opt.Greeting = "",
        history: opt.History = None,
        save_history: opt.SaveHistory = None,
        answers: opt.Answers = "audio",
        voice: opt.Voice = "",
        voice_id: opt.VoiceId = "",
        voice_sample: opt.ReplicatedVoice = None,
        language: opt.Language = "",
        temperature: opt.Temperature = None,
        top_p: opt.TopP = None,
        top_k: opt.TopK = None,
        max_output_tokens: opt.MaxOutputTokens = None,
        presence_penalty: opt.PresencePenalty = None,
        frequency_penalty: opt.FrequencyPenalty = None,
        seed: opt.Seed = None,
        thinking: opt.Thinking = None,
        proactive_audio: opt.ProactiveAudio = None,
        proactive_video: opt.ProactiveVideo = None,
        affective_dialog: opt.AffectiveDialog = None,
        translation: opt.Translation = None,
        avatar: opt.Avatar = None,
        input_transcription: opt.InputTranscription = True,
        output_transcription: opt.OutputTranscription = True,
        audio_transcription: opt.AudioTranscription = None,
        media_resolution: opt.MediaResolution = None,
        video_interval: opt.VideoInterval = SECOND,
        video_size: opt.VideoSize = 768,
        activity: opt.ActivityMode = "auto",
        pre_roll: opt.PreRoll = DEFAULT_PRE_ROLL_NS,
        vad: opt.Vad = None,
        activity_handling: opt.ActivityHandling = None,
        turn_coverage: opt.TurnCoverage = None,
        interim_timestamps: opt.InterimTimestamps = None,
        explicit_vad_signal: opt.ExplicitVadSignal = None,
        google_search: opt.GoogleSearch = False,
        code_execution: opt.CodeExecution = False,
        url_context: opt.UrlContext = False,
        more_tools: opt.MoreTools = (),
        agents: Agents = {},  # noqa: B006  # never changed, and shown as the default
        first_agent: FirstAgent = "",
        safety: opt.SafetySettings = (),
        session_resumption: opt.SessionResumption = True,
        context_compression: opt.ContextCompression = True,
        renew_after: opt.RenewAfter = DEFAULT_RENEW_AFTER_NS,
        finish_after: opt.FinishAfter = 2 * SECOND,
        answer_timeout: opt.AnswerTimeout = 60 * SECOND,
        answer: opt.AnswerWaiting = None,
        max_result_characters: opt.MostResultCharacters = DEFAULT_MOST_RESULT_CHARACTERS,
        labels: opt.Labels = {},  # noqa: B006  # never changed, and shown as the default
        prices: opt.Prices = None,
        endpoint: opt.Endpoint = "auto",
        api_key: opt.ApiKey = None,
        token: opt.Token = None,
        credentials: opt.CredentialSource = None,
        project: opt.Project = "",
        location: opt.Location = "",
        quota_project: opt.QuotaProject = "",
        api_version: opt.ApiVersion = "",
        url: opt.Url = "",
        extra: opt.Extra = None,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name != "self"}
        self._agents, self._first_agent = agents, first_agent
        self._settings = settings_from(self._given)
        self._recording: Any = None
        self._reception: Reception | None = None
        self._lines: Lines

    def _settings_of(self, persona: str) -> Settings:
        """What the options come to for one of ``agents``; for none, as they are."""
        settings = settings_as(self._agents[persona], self._given) if persona else self._settings
        if settings.answer is DEFAULT_ANSWER_WAIT and not self.out.connected:
            settings = replace(settings, answer=NO_ANSWER_WAIT)
        return replace(settings, recording=self._recording)

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        yield from history_faults(options.get("history"))
        if (fault := credentials_fault(options.get("credentials"))) is not None:
            yield fault
            return
        yield from box_faults(options, cls(**options)._given)

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        """The personas who speak in its calls."""
        return {"agents": tuple(options.get("agents", ()))}

    @classmethod
    def names_used(cls, options: Mapping[str, Any]) -> Iterator[NameUsed]:
        """The functions of which a colleague is told nothing."""
        return functions_named(options.get("agents", {}))

    @classmethod
    def needs_silence(cls, options: Mapping[str, Any]) -> str:
        """Such a model finds the end of what was said only in silence that it hears."""
        return silence_needed(options)

    @classmethod
    def turns_told_at(cls, options: Mapping[str, Any]) -> str:
        """Its input ``speech``, unless the options or the model leave turns to the service."""
        return turns_told_at(options)

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        yield from surrounding_faults(cls(**options)._settings.access, environ)

    @classmethod
    def begin_ahead(
        cls, options: Mapping[str, Any], resources: Mapping[type, Any]
    ) -> AbstractAsyncContextManager[LinkAhead | None]:
        """Open a connection on which no session is asked for yet. See ``GoesAhead``."""
        try:
            endpoint = endpoint_of(cls(**options)._settings.access, resources.get)
        except ServiceError:
            # It is told when the call begins.
            return LinkAhead.opening(None)
        return LinkAhead.opening(endpoint)

    async def start(self) -> None:
        """Connect: a refused key or model fails the start of the call."""
        ports = Ports(
            self.out,
            self.tool_calls,
            self.transcript.emit,
            self.usage,
            self.speech.connected,
            self.video.connected,
        )
        self.video.advertised = self._settings.video_interval_ns
        try:
            history = await asyncio.to_thread(read_history, self._settings.history)
        except (OSError, ValueError) as error:
            raise ServiceError(f"the history cannot be read: {error} (option history)") from error
        if self._settings.answer.sound is not None:
            try:
                self._recording = await asyncio.to_thread(load_recording, self._settings.answer.sound)
            except (OSError, ValueError) as error:
                raise ServiceError(
                    f"the fallback line cannot be read: {error} (option answer.sound)"
                ) from error
        catalogs = self.tool_calls.peers_advertise()
        desk = Desk(self._agents, self._first_agent) if self._agents else None
        self._reception = Reception(
            self.name, self.call, self.log, self._settings_of, ports, catalogs, history, desk
        )
        # Boxes that answer calls may want to ask the model something themselves.
        self.tool_results.advertised = self
        reception = self._reception
        self._lines = Lines(
            self.name, self.call, lambda: reception.talking, lambda body, name: self.spawn(body, name=name)
        )
        await self._reception.open()

    async def run(self) -> None:
        """Converse, over as many connections as it takes, until the input has ended and all is answered."""
        assert self._reception is not None
        try:
            await self._reception.run()
        except ServiceError as error:
            message = str(error).removesuffix(f". {error.remedy}")
            raise ProcessorError(self.name, message, remedy=error.remedy) from error

    async def stop(self) -> None:
        """Hang up, and write down what was said where that is wanted."""
        if self._reception is None:
            return
        await self._reception.close()
        await keep(self._reception.history, self._settings.save_history, self.name, self.call)

    # For programs ------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """The conversation as it was heard, also after the call. Empty before it."""
        return self._reception.history if self._reception is not None else History()

    @property
    def persona(self) -> str:
        """Who speaks, of ``agents``; empty where there is only one."""
        return self._reception.persona if self._reception is not None else ""

    async def ask(self, text: str) -> str:
        """What the model answers to ``text``, in a session of its own that the caller does not hear.

        Also when the call is ending. Raises ``ServiceError``.
        """
        if self._reception is None:
            raise ServiceError("there is no connection to the model yet")
        return await self._reception.talking.ask(text)

    def hand_over(self, to: str, *, reason: str = "", summary: str = "") -> str:
        """Have another of ``agents`` take over, or the call passed on to a human. For a running call.

        Returns why it is not done; empty when it is under way.
        """
        return self._reception.ask(to, reason, summary) if self._reception is not None else "no call runs"

    def add_context(self, text: str, *, reply: bool = False) -> None:
        """Give the model text to know; it says nothing to it at once unless ``reply``. For a running call."""
        self.on_context(ContextFrame(text, reply))

    def say(self, text: str) -> None:
        """Have the model say ``text`` now, word for word as far as it does as it is told. For a running call."""
        if self._reception is not None and text.strip():
            self._reception.talking.intake.say(text.strip())

    # What tools ask of it: ``tools.voice.Voice`` ------------------------------------------------

    def say_line(self, text: str) -> Callable[[], None]:
        """Have exactly ``text`` said beside the model, in its voice; what is returned calls it off."""
        return self._lines.say(text)

    def hold_sound(self, sound: Pcm, rate: int) -> Callable[[], None]:
        """Play ``sound`` again and again until what is returned is called, or somebody speaks. For a running call."""
        return self._lines.hold(sound, rate)

    def functions_changed(self) -> None:
        """The boxes at ``tool_calls`` offer other functions than before."""
        if self._reception is not None:
            self._reception.offer(self.tool_calls.peers_advertise())

    def update(
        self, *, instructions: str | None = None, functions: Sequence[FunctionSpec] | None = None
    ) -> None:
        """Change instructions or functions from now on. For a running call."""
        self.on_context(UpdateFrame(instructions, None if functions is None else tuple(functions)))

    # Handlers only take note: the reader of the service never waits for them, nor they for it.

    def on_audio(self, frame: AudioFrame) -> None:
        """Send the user's voice."""
        if self._reception is not None:
            self._reception.talking.intake.audio(frame)

    def on_text(self, frame: TextFrame) -> None:
        """Send what the user wrote."""
        if self._reception is not None:
            self._reception.talking.intake.text(frame)

    def on_speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> None:
        """Mark the user's turn, where the service does not find it by itself."""
        if self._reception is not None:
            self._reception.talking.intake.speech(frame)

    def on_video(self, frame: VideoFrame) -> None:
        """Show what the camera sees."""
        if self._reception is not None:
            self._reception.talking.intake.video(frame)

    def on_context(self, frame: ContextFrame | UpdateFrame | HandOverFrame) -> None:
        """Tell the model what it is to know, or have another take over."""
        if isinstance(frame, HandOverFrame):
            refused = self.hand_over(frame.to, reason=frame.reason, summary=frame.summary)
            if refused:
                self.log.warning("%s: no hand-over to %s: %s", self.name, frame.to, refused)
        elif self._reception is not None:
            self._reception.talking.intake.context(frame)

    def on_tool_results(self, frame: ToolResultFrame) -> None:
        """Send a function's answer."""
        if self._reception is not None:
            self._reception.result(frame)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        """Drop what was not handed over yet."""
        if self._reception is not None and source_of(frame.turn) in ("", self.name):
            self._reception.void(frame.turn)

    def on_marker(self, port: str, frame: Any) -> None:
        """Markers frame the user's media; what goes out has markers of its own."""

    def on_end(self) -> None:
        """The user will say no more."""
        if self._reception is not None:
            self._reception.end()
