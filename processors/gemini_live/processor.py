"""Gemini Live: talks with the Gemini Live API.

Ports: ``audio`` in (16 kHz mono), ``text``, ``speech`` and ``tool_results`` in; ``out`` (24 kHz mono),
``tool_calls``, ``transcript`` and ``usage`` out. The session outlives its connections: when one breaks, what the
user says is kept and sent on the next. Without a key it talks to the local simulator (``livegraph simulate``).

Example:
    gemini_live: {voice: Kore, instructions: You are the front desk of a dental practice.}
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from ...pipeline import (
    SECOND,
    AudioFrame,
    Doc,
    Duration,
    In,
    InterruptFrame,
    OptionFault,
    Out,
    Processor,
    ProcessorError,
    Range,
    Secret,
    ServiceError,
    SpeechEndFrame,
    SpeechStartFrame,
    TextFrame,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
    UsageFrame,
)
from ...pipeline.events import Interrupted, ServiceChanged, SpeechChanged, StateChanged, Transcript, Usage
from ...pipeline.options import PerCall
from .endpoint import Access, EndpointKind
from .live_call import LiveCall, Ports, Settings
from .options.setup import (
    ActivityHandling,
    ContextCompression,
    Thinking,
    TurnCoverage,
    Vad,
    compression,
    option_faults,
    realtime_input,
    session_resumption_config,
    speech_config,
    thinking_config,
    transcription,
)
from .reach import surrounding_faults
from .wire import Content, GenerationConfig, GoogleSearch, ProactivityConfig, Setup, Tool
from .wire.models import DEFAULT_MODEL

__all__ = ["GeminiLive"]


class GeminiLive(Processor):
    """Talk with the Gemini Live API.

    Example:
        gemini_live: {voice: Kore, instructions: You are the front desk of a dental practice.}
    """

    kind = "service"
    emits = (ServiceChanged, Transcript, Usage, SpeechChanged, StateChanged, Interrupted)

    audio: In[AudioFrame] = In(rate=16_000, channels=1, doc="the user's voice")
    text: In[TextFrame] = In(required=False, doc="what the user writes")
    speech: In[SpeechStartFrame | SpeechEndFrame] = In(
        required=False,
        doc="when the user speaks, by a detector of yours; otherwise the service's word counts",
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
        model: Annotated[str, Doc("id of the Live model")] = DEFAULT_MODEL,
        instructions: Annotated[str, PerCall(), Doc("who the agent is and how it behaves")] = "",
        greeting: Annotated[str, PerCall(), Doc("what the agent says first, before the user speaks")] = "",
        voice: Annotated[str, Doc("name of a prebuilt voice, such as Kore or Puck")] = "",
        language: Annotated[str, Doc("BCP-47 code of the agent's language, for models that take one")] = "",
        temperature: Annotated[float | None, Range(0, 2), Doc("0 is sober, 2 is wild")] = None,
        top_p: Annotated[
            float | None, Range(0, 1), Doc("sample from the likeliest tokens up to this sum")
        ] = None,
        top_k: Annotated[int | None, Range(1), Doc("sample from so many of the likeliest tokens")] = None,
        max_output_tokens: Annotated[
            int | None, Range(1), Doc("most tokens of an answer; 25 are a second")
        ] = None,
        seed: Annotated[int | None, Doc("makes answers more alike from call to call")] = None,
        media_resolution: Annotated[
            Literal["low", "medium", "high"] | None, Doc("tokens that a picture costs: 64, 256, 256")
        ] = None,
        thinking: Annotated[
            Thinking | None, Doc("how much the model thinks: level, or budget in tokens")
        ] = None,
        proactive_audio: Annotated[
            bool | None, Doc("let the model stay silent when it is not spoken to")
        ] = None,
        affective_dialog: Annotated[bool | None, Doc("let the model answer in the tone of the user")] = None,
        input_transcription: Annotated[bool, Doc("tell what the user says as text")] = True,
        transcription_languages: Annotated[
            Sequence[str], Doc("BCP-47 codes of the languages that the user may speak; empty recognises any")
        ] = (),
        output_transcription: Annotated[bool, Doc("tell what the agent says as text")] = True,
        vad: Annotated[
            Vad | None, Doc("the service's detector: sensitivities, prefix_padding, silence")
        ] = None,
        activity_handling: Annotated[
            ActivityHandling | None, Doc("whether the user's voice cuts the agent off")
        ] = None,
        turn_coverage: Annotated[TurnCoverage | None, Doc("which input belongs to the user's turn")] = None,
        session_resumption: Annotated[bool, Doc("go on where a lost connection ended")] = True,
        context_compression: Annotated[
            bool | ContextCompression,
            Doc("drop the oldest turns in time; without it a session ends after 15 min"),
        ] = True,
        google_search: Annotated[bool, Doc("let the model search the web")] = False,
        endpoint: Annotated[
            EndpointKind,
            Doc("where to connect; auto is Google when there is a key, else the local simulator"),
        ] = "auto",
        api_key: Annotated[Secret | None, Doc("key of the Gemini API; default: GEMINI_API_KEY")] = None,
        token: Annotated[Secret | None, Doc("ephemeral token (google) or access token (vertex)")] = None,
        project: Annotated[str, Doc("Google Cloud project, for vertex; default: GOOGLE_CLOUD_PROJECT")] = "",
        location: Annotated[str, Doc("Google Cloud location, for vertex; default: global")] = "",
        api_version: Annotated[str, Doc("version of the API; default: v1beta, on vertex v1beta1")] = "",
        url: Annotated[str, Doc("another server, such as ws://127.0.0.1:9090")] = "",
        finish_after: Annotated[Duration, Doc("silence after the end of the input that ends the call")] = 2
        * SECOND,
        answer_timeout: Annotated[Duration, Doc("longest wait for the last answer")] = 60 * SECOND,
        extra: Annotated[
            dict[str, Any] | None, Doc("laid over the setup message, for whatever has no option here")
        ] = None,
    ) -> None:
        setup = Setup(
            model=model,
            generation_config=GenerationConfig(
                response_modalities=["AUDIO"],
                speech_config=speech_config(voice, language),
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                max_output_tokens=max_output_tokens,
                seed=seed,
                media_resolution=f"MEDIA_RESOLUTION_{media_resolution.upper()}" if media_resolution else "",
                thinking_config=thinking_config(thinking),
                enable_affective_dialog=affective_dialog,
            ),
            system_instruction=Content.of_text(instructions) if instructions else None,
            tools=[Tool(google_search=GoogleSearch())] if google_search else [],
            realtime_input_config=realtime_input(vad, activity_handling, turn_coverage),
            session_resumption=session_resumption_config(session_resumption),
            context_window_compression=compression(context_compression),
            input_audio_transcription=transcription(input_transcription, transcription_languages),
            output_audio_transcription=transcription(output_transcription),
            proactivity=None if proactive_audio is None else ProactivityConfig(proactive_audio),
        )
        access = Access(endpoint, url, api_version, api_key, token, project, location)
        self._settings = Settings(setup, extra or {}, access, greeting, finish_after, answer_timeout)
        self._live: LiveCall | None = None

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        settings = cls(**options)._settings
        vertex = settings.access.endpoint == "vertex"
        yield from option_faults(settings.setup, settings.extra, options, vertex=vertex)

    @classmethod
    def check_surroundings(
        cls, options: Mapping[str, Any], environ: Mapping[str, str]
    ) -> Iterator[OptionFault]:
        """There is a credential for the endpoint, and somebody answers."""
        return surrounding_faults(cls(**options)._settings.access, environ)

    async def start(self) -> None:
        """Connect: a refused key or model fails the start of the call."""
        ports = Ports(self.out, self.tool_calls, self.transcript.emit, self.usage, self.speech.connected)
        catalogs = self.tool_calls.peers_advertise()
        self._live = LiveCall(self.name, self.call, self.log, self._settings, ports, catalogs)
        await self._live.open()

    async def run(self) -> None:
        """Converse, over as many connections as it takes, until the input has ended and all is answered."""
        assert self._live is not None
        try:
            await self._live.run()
        except ServiceError as error:
            message = str(error).removesuffix(f". {error.remedy}")
            raise ProcessorError(self.name, message, remedy=error.remedy) from error

    async def stop(self) -> None:
        """Hang up."""
        if self._live is not None:
            await self._live.close()

    # Handlers only take note: the reader of the service never waits for them, nor they for it.

    def on_audio(self, frame: AudioFrame) -> None:
        """Send the user's voice."""
        if self._live is not None:
            self._live.audio(frame)

    def on_text(self, frame: TextFrame) -> None:
        """Send what the user wrote."""
        if self._live is not None:
            self._live.text(frame)

    def on_speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> None:
        """The detector has told the conversation already; being connected is what counts here."""

    def on_tool_results(self, frame: ToolResultFrame) -> None:
        """Send a function's answer."""
        if self._live is not None:
            self._live.result(frame)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        """Drop what was not handed over yet."""
        if self._live is not None:
            self._live.void(frame.turn)

    def on_marker(self, port: str, frame: Any) -> None:
        """Markers frame the user's media; what goes out has markers of its own."""

    def on_end(self) -> None:
        """The user will say no more."""
        if self._live is not None:
            self._live.end()
