"""The type, the range and the sentence of every option, one name each; the box gives them their defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from ....liveapi.models import VOICES, known_models
from ....pipeline.options import CallFile, Doc, Duration, ModuleRef, Offered, PerCall, Range, Secret
from ....pipeline.units import MS, SECOND
from ..dialogue.history import HistoryEntry
from ..endpoint import EndpointKind
from ..prices import Prices as PriceList
from .groups import AnswerWait, GoogleSearchOptions, Resumption, Safety, Transcription, VoiceSample
from .groups import Avatar as AvatarGroup
from .groups import ContextCompression as CompressionGroup
from .groups import Thinking as ThinkingGroup
from .groups import Translation as TranslationGroup
from .groups import Vad as VadGroup

Activity = Literal["auto", "manual"]
Handling = Literal["interrupts", "no_interruption"]
Coverage = Literal["only_activity", "all_input", "audio_activity_and_all_video"]
Modality = Literal["audio", "text", "video"]

# Who it is.
Model = Annotated[str, Offered(known_models()), Doc("id of the Live model")]
Instructions = Annotated[str, PerCall(), Doc("who the agent is and how it behaves")]
Greeting = Annotated[str, PerCall(), Doc("what the agent says first, before the user speaks")]
History = Annotated[
    Path | Sequence[HistoryEntry] | None,
    Doc("an earlier conversation to go on from: a JSON Lines file, or entries with role and text"),
]
SaveHistory = Annotated[
    Path | None,
    CallFile(),
    Doc(
        "JSON Lines file for the conversation as it was heard; {{call.id}} in its name gives each call its own"
    ),
]

# How it answers.
Answers = Annotated[Modality, Doc("what answers are made of; current models answer in audio only")]
Voice = Annotated[str, Offered(tuple(VOICES)), Doc("name of a prebuilt voice, such as Kore or Puck")]
VoiceId = Annotated[str, Doc("id of a voice that is not prebuilt")]
ReplicatedVoice = Annotated[VoiceSample | None, Doc("a voice by recordings, where the project may")]
Language = Annotated[str, Doc("BCP-47 code of the agent's language, for models that take one")]
Temperature = Annotated[float | None, Range(0, 2), Doc("0 is sober, 2 is wild")]
TopP = Annotated[float | None, Range(0, 1), Doc("sample from the likeliest tokens up to this sum")]
TopK = Annotated[int | None, Range(1), Doc("sample from so many of the likeliest tokens")]
MaxOutputTokens = Annotated[int | None, Range(1), Doc("most tokens of an answer; 25 are a second")]
PresencePenalty = Annotated[float | None, Range(-2, 2), Doc("above 0: dislike what was said before")]
FrequencyPenalty = Annotated[float | None, Range(-2, 2), Doc("above 0: dislike what was said often")]
Seed = Annotated[int | None, Doc("makes answers more alike from call to call")]
Thinking = Annotated[ThinkingGroup | None, Doc("how much the model thinks: level, or budget in tokens")]
ProactiveAudio = Annotated[bool | None, Doc("let the model stay silent when it is not spoken to")]
ProactiveVideo = Annotated[bool | None, Doc("the same for what it sees")]
AffectiveDialog = Annotated[bool | None, Doc("let the model answer in the tone of the user")]
Translation = Annotated[TranslationGroup | None, Doc("translate, for live-translate models: target, echo")]
Avatar = Annotated[AvatarGroup | None, Doc("a speaking face, with answers: video; enterprise")]

# What it hears and sees.
InputTranscription = Annotated[
    bool | Transcription, Doc("tell what the user says as text: languages, vocabulary, mode and more")
]
OutputTranscription = Annotated[bool | Transcription, Doc("tell what the agent says as text")]
AudioTranscription = Annotated[Transcription | None, Doc("for models that only transcribe")]
MediaResolution = Annotated[
    Literal["low", "medium", "high"] | None, Doc("tokens that a picture costs: 64, 256, 256")
]
VideoInterval = Annotated[
    Duration, Range(SECOND, None), Doc("time between two pictures; the service takes one a second")
]
VideoSize = Annotated[int, Range(64, 4096), Doc("longest side of a picture, in pixels")]

# Whose turn it is.
ActivityMode = Annotated[
    Activity, Doc("who finds the user's turns: the service, or a detector at the input speech")
]
PreRoll = Annotated[
    Duration, Range(0, 2 * SECOND), Doc("with activity manual: audio sent from before the onset of speech")
]
Vad = Annotated[VadGroup | None, Doc("the service's detector: sensitivities, prefix_padding, silence")]
ActivityHandling = Annotated[Handling | None, Doc("whether the user's voice cuts the agent off")]
TurnCoverage = Annotated[Coverage | None, Doc("which input belongs to the user's turn")]
InterimTimestamps = Annotated[bool | None, Doc("times in previews of what the user says")]
ExplicitVadSignal = Annotated[bool | None, Doc("let the service report what its detector hears; Vertex")]

# What it can use.
GoogleSearch = Annotated[bool | GoogleSearchOptions, Doc("let the model search the web")]
CodeExecution = Annotated[bool, Doc("let the model run code on the service's side")]
UrlContext = Annotated[bool, Doc("let the model read pages by their address")]
MoreTools = Annotated[Sequence[Mapping[str, Any]], Doc("further tools, written as the API has them")]
SafetySettings = Annotated[Sequence[Safety], Doc("what is blocked: category, threshold, method")]

# The session.
SessionResumption = Annotated[bool | Resumption, Doc("go on where a lost connection ended")]
ContextCompression = Annotated[
    bool | CompressionGroup,
    Doc("drop the oldest turns in time; without it a session ends after 15 min"),
]
RenewAfter = Annotated[
    Duration,
    Range(100 * MS, None),
    Doc("age of a connection from which on it is replaced in a pause; the service ends it after 10 min"),
]
FinishAfter = Annotated[
    Duration, Range(0, None), Doc("silence after the end of the input that ends the call")
]
AnswerWaiting = Annotated[
    AnswerWait | None, Doc("what is done when no answer comes: patience 6s, retries 2, fallback, sound")
]
MostResultCharacters = Annotated[
    int,
    Range(1_000, 10_000_000),
    Doc("longest function result that is sent whole; more is cut, and the model told"),
]
AnswerTimeout = Annotated[Duration, Range(0, None), Doc("longest wait for the last answer")]
Labels = Annotated[Mapping[str, str], Doc("labels for the bill")]
Prices = Annotated[
    PriceList | None, Doc("USD for a million tokens, where the list of prices is not right for you")
]

# Where it is.
Endpoint = Annotated[
    EndpointKind, Doc("where to connect; auto is Google when there is a key, else the local simulator")
]
ApiKey = Annotated[Secret | None, Doc("key of the Gemini API; default: GEMINI_API_KEY")]
Token = Annotated[Secret | None, Doc("ephemeral token (google) or access token (vertex)")]
CredentialSource = Annotated[
    ModuleRef | Callable[..., Any] | None,
    Doc(
        "asked at each connect: adc or a JSON key file (vertex), or module:function that gives a key or token"
    ),
]
Project = Annotated[str, Doc("Google Cloud project, for vertex; default: GOOGLE_CLOUD_PROJECT")]
Location = Annotated[str, Doc("Google Cloud location, for vertex; default: global")]
QuotaProject = Annotated[str, Doc("project that the use is counted for, where that is another; vertex")]
ApiVersion = Annotated[str, Doc("version of the API; default: v1beta, on vertex v1beta1")]
Url = Annotated[str, Doc("another server, such as ws://127.0.0.1:9090")]
Extra = Annotated[
    Mapping[str, Any] | None, Doc("laid over the setup message, for whatever has no option here")
]
