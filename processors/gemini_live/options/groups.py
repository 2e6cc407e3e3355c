"""Groups of options: what takes more than one value to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ....pipeline.options import Doc, Duration, Range
from ....pipeline.units import MS, SECOND

__all__ = [
    "DEFAULT_ANSWER_WAIT",
    "NO_ANSWER_WAIT",
    "AnswerWait",
    "Avatar",
    "ContextCompression",
    "GoogleSearchOptions",
    "Resumption",
    "Safety",
    "Thinking",
    "Transcription",
    "Translation",
    "Vad",
    "VoiceSample",
]

Sensitivity = Literal["high", "low"]


@dataclass(frozen=True, slots=True)
class AnswerWait:
    """How an answer is waited for, and what is done when none comes."""

    patience: Annotated[
        Duration | None,
        Range(500 * MS, None),
        Doc("longest wait for the first sound of an answer; null waits for ever"),
    ] = 6 * SECOND
    retries: Annotated[
        int, Range(0, 10), Doc("how often the model is asked again, before a new session is tried")
    ] = 2
    fallback: Annotated[str, Doc("what the agent says when no answer can be had, in its own voice")] = ""
    sound: Annotated[Path | None, Doc("WAV file of the fallback line, where a recording is to be played")] = (
        None
    )


DEFAULT_ANSWER_WAIT = AnswerWait()
NO_ANSWER_WAIT = AnswerWait(patience=None)
"""For a model that only listens: nobody takes its voice."""


@dataclass(frozen=True, slots=True)
class Vad:
    """The service's own voice activity detection; what is left out is the service's default."""

    start_sensitivity: Annotated[Sensitivity | None, Doc("how readily it hears speech begin")] = None
    end_sensitivity: Annotated[Sensitivity | None, Doc("how readily it hears speech end")] = None
    prefix_padding: Annotated[Duration | None, Range(0), Doc("speech needed before its beginning counts")] = (
        None
    )
    silence: Annotated[Duration | None, Range(0), Doc("silence that ends speech; 500 to 800 ms is usual")] = (
        None
    )


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much the model thinks before it speaks; which of these it takes depends on the model."""

    level: Annotated[Literal["minimal", "low", "medium", "high", "xhigh"] | None, Doc("for 3.x models")] = (
        None
    )
    budget: Annotated[int | None, Range(-1), Doc("tokens, for 2.5 models: 0 is off, -1 automatic")] = None
    include_thoughts: Annotated[
        bool | None, Doc("tell summaries of its thoughts, as events; they are never spoken")
    ] = None


@dataclass(frozen=True, slots=True)
class ContextCompression:
    """When the oldest turns are dropped and how much stays, in tokens."""

    trigger_tokens: Annotated[int | None, Range(1), Doc("default: 80 % of the model's window")] = None
    target_tokens: Annotated[int | None, Range(1), Doc("default: half of the trigger")] = None


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a session outlives its connections."""

    transparent: Annotated[bool, Doc("let the server say which messages it has taken in; Vertex only")] = (
        False
    )
    handle: Annotated[str, Doc("take up an earlier session, by the handle that it was given")] = ""


@dataclass(frozen=True, slots=True)
class Transcription:
    """How speech is told as text; what is left out is the service's default."""

    languages: Annotated[
        Sequence[str], Doc("BCP-47 codes of the languages to expect; empty recognises any")
    ] = ()
    vocabulary: Annotated[Sequence[str], Doc("names and terms to expect, up to about 100")] = ()
    mode: Annotated[Literal["verbatim", "smart"] | None, Doc("every word as it was said, or tidied up")] = (
        None
    )
    word_timestamps: Annotated[bool | None, Doc("tell when each word was said")] = None
    diarization: Annotated[bool | None, Doc("tell speakers apart")] = None
    source_text: Annotated[str, Doc("the text that is going to be read, where it is known")] = ""


@dataclass(frozen=True, slots=True)
class Translation:
    """For live-translate models."""

    target: Annotated[str, Doc("BCP-47 code of the language to translate into")]
    echo: Annotated[bool | None, Doc("repeat what is said in the target language already")] = None


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """A voice by recordings; its owner's consent is part of it."""

    sample: Annotated[Path, Doc("WAV file of the voice")]
    consent: Annotated[Path | None, Doc("WAV file of the owner's spoken consent")] = None
    signature: Annotated[str, Doc("signature of an earlier consent")] = ""


@dataclass(frozen=True, slots=True)
class Avatar:
    """A speaking face (enterprise)."""

    name: Annotated[str, Doc("name of a prebuilt avatar")] = ""
    image: Annotated[Path | None, Doc("picture (JPEG or PNG) to make one of")] = None
    audio_bitrate: Annotated[int | None, Range(1), Doc("bits per second")] = None
    video_bitrate: Annotated[int | None, Range(1), Doc("bits per second")] = None


@dataclass(frozen=True, slots=True)
class GoogleSearchOptions:
    """What to search; on the Gemini API only ``images``, ``since`` and ``until``."""

    web: Annotated[bool, Doc("search the web; counts when images is given")] = True
    images: Annotated[bool, Doc("search images as well")] = False
    since: Annotated[str, Doc("RFC 3339 time: nothing older")] = ""
    until: Annotated[str, Doc("RFC 3339 time: nothing newer")] = ""
    exclude_domains: Annotated[Sequence[str], Doc("sites to leave out; Vertex")] = ()
    blocking_confidence: Annotated[str, Doc("what to block, as the API names it; Vertex")] = ""


@dataclass(frozen=True, slots=True)
class Safety:
    """One threshold, in the API's own names without their prefixes."""

    category: Annotated[
        Literal[
            "harassment",
            "hate_speech",
            "sexually_explicit",
            "dangerous_content",
            "civic_integrity",
            "jailbreak",
        ],
        Doc("kind of harm"),
    ]
    threshold: Annotated[
        Literal["low_and_above", "medium_and_above", "only_high", "none", "off"],
        Doc("from which probability on it is blocked"),
    ]
    method: Annotated[Literal["severity", "probability"] | None, Doc("what to judge by; Vertex")] = None
