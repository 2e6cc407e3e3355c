"""The enumeration values known today. The fields that hold them are `str`, and accept any other."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "ActivityHandling",
    "Behavior",
    "EndSensitivity",
    "HarmBlockMethod",
    "HarmBlockThreshold",
    "HarmCategory",
    "InteractionStatus",
    "Language",
    "MediaResolution",
    "Modality",
    "Outcome",
    "Scheduling",
    "SchemaType",
    "ServiceTier",
    "SpeechState",
    "StartSensitivity",
    "ThinkingLevel",
    "TrafficType",
    "TranscriptionMode",
    "TurnCompleteReason",
    "TurnCoverage",
    "UrlRetrievalStatus",
    "VadSignalType",
    "VoiceActivityType",
]


class Modality(StrEnum):
    """What is heard, said or counted."""

    UNSPECIFIED = "MODALITY_UNSPECIFIED"
    TEXT = "TEXT"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"
    DOCUMENT = "DOCUMENT"


class MediaResolution(StrEnum):
    """Tokens per image: 64, 256, or 256 reframed."""

    UNSPECIFIED = "MEDIA_RESOLUTION_UNSPECIFIED"
    LOW = "MEDIA_RESOLUTION_LOW"
    MEDIUM = "MEDIA_RESOLUTION_MEDIUM"
    HIGH = "MEDIA_RESOLUTION_HIGH"


class ThinkingLevel(StrEnum):
    """How much a 3.x model thinks."""

    UNSPECIFIED = "THINKING_LEVEL_UNSPECIFIED"
    MINIMAL = "MINIMAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    XHIGH = "XHIGH"


class StartSensitivity(StrEnum):
    """How readily the server hears speech start."""

    UNSPECIFIED = "START_SENSITIVITY_UNSPECIFIED"
    HIGH = "START_SENSITIVITY_HIGH"
    LOW = "START_SENSITIVITY_LOW"


class EndSensitivity(StrEnum):
    """How readily the server hears speech end."""

    UNSPECIFIED = "END_SENSITIVITY_UNSPECIFIED"
    HIGH = "END_SENSITIVITY_HIGH"
    LOW = "END_SENSITIVITY_LOW"


class ActivityHandling(StrEnum):
    """Whether speech cuts the model off."""

    UNSPECIFIED = "ACTIVITY_HANDLING_UNSPECIFIED"
    INTERRUPTS = "START_OF_ACTIVITY_INTERRUPTS"
    NO_INTERRUPTION = "NO_INTERRUPTION"


class TurnCoverage(StrEnum):
    """Which realtime input enters the turn."""

    UNSPECIFIED = "TURN_COVERAGE_UNSPECIFIED"
    ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"
    ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
    AUDIO_ACTIVITY_AND_ALL_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"


class TranscriptionMode(StrEnum):
    """Word for word, or tidied."""

    UNSPECIFIED = "MODE_UNSPECIFIED"
    VERBATIM = "VERBATIM"
    SMART = "SMART"


class Behavior(StrEnum):
    """Whether the model waits for a function."""

    UNSPECIFIED = "UNSPECIFIED"
    BLOCKING = "BLOCKING"
    NON_BLOCKING = "NON_BLOCKING"


class Scheduling(StrEnum):
    """When a non-blocking result is spoken."""

    UNSPECIFIED = "SCHEDULING_UNSPECIFIED"
    SILENT = "SILENT"
    WHEN_IDLE = "WHEN_IDLE"
    INTERRUPT = "INTERRUPT"


class SchemaType(StrEnum):
    """Types of a `Schema`."""

    UNSPECIFIED = "TYPE_UNSPECIFIED"
    STRING = "STRING"
    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    ARRAY = "ARRAY"
    OBJECT = "OBJECT"
    NULL = "NULL"


class HarmCategory(StrEnum):
    """What a safety setting is about."""

    UNSPECIFIED = "HARM_CATEGORY_UNSPECIFIED"
    HARASSMENT = "HARM_CATEGORY_HARASSMENT"
    HATE_SPEECH = "HARM_CATEGORY_HATE_SPEECH"
    SEXUALLY_EXPLICIT = "HARM_CATEGORY_SEXUALLY_EXPLICIT"
    DANGEROUS_CONTENT = "HARM_CATEGORY_DANGEROUS_CONTENT"
    CIVIC_INTEGRITY = "HARM_CATEGORY_CIVIC_INTEGRITY"
    JAILBREAK = "HARM_CATEGORY_JAILBREAK"
    IMAGE_HARASSMENT = "HARM_CATEGORY_IMAGE_HARASSMENT"
    IMAGE_HATE = "HARM_CATEGORY_IMAGE_HATE"
    IMAGE_SEXUALLY_EXPLICIT = "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT"
    IMAGE_DANGEROUS_CONTENT = "HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT"


class HarmBlockThreshold(StrEnum):
    """From what likelihood on to block."""

    UNSPECIFIED = "HARM_BLOCK_THRESHOLD_UNSPECIFIED"
    LOW_AND_ABOVE = "BLOCK_LOW_AND_ABOVE"
    MEDIUM_AND_ABOVE = "BLOCK_MEDIUM_AND_ABOVE"
    ONLY_HIGH = "BLOCK_ONLY_HIGH"
    NONE = "BLOCK_NONE"
    OFF = "OFF"


class HarmBlockMethod(StrEnum):
    """Block by severity or by probability (Vertex)."""

    UNSPECIFIED = "HARM_BLOCK_METHOD_UNSPECIFIED"
    SEVERITY = "SEVERITY"
    PROBABILITY = "PROBABILITY"


class Language(StrEnum):
    """Languages of executable code."""

    UNSPECIFIED = "LANGUAGE_UNSPECIFIED"
    PYTHON = "PYTHON"


class Outcome(StrEnum):
    """How code execution ended."""

    UNSPECIFIED = "OUTCOME_UNSPECIFIED"
    OK = "OUTCOME_OK"
    FAILED = "OUTCOME_FAILED"
    DEADLINE_EXCEEDED = "OUTCOME_DEADLINE_EXCEEDED"


class UrlRetrievalStatus(StrEnum):
    """How fetching a page ended."""

    UNSPECIFIED = "URL_RETRIEVAL_STATUS_UNSPECIFIED"
    SUCCESS = "URL_RETRIEVAL_STATUS_SUCCESS"
    ERROR = "URL_RETRIEVAL_STATUS_ERROR"
    PAYWALL = "URL_RETRIEVAL_STATUS_PAYWALL"
    UNSAFE = "URL_RETRIEVAL_STATUS_UNSAFE"


class InteractionStatus(StrEnum):
    """Whether an extended-thinking model has more to say."""

    UNSPECIFIED = "INTERACTION_STATUS_UNSPECIFIED"
    IN_PROGRESS = "IN_PROGRESS"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    IDLE = "IDLE"


class SpeechState(StrEnum):
    """Whether the server hears speech (Vertex)."""

    UNSPECIFIED = "SPEECH_STATE_UNSPECIFIED"
    NON_SPEECH = "NON_SPEECH"
    SPEECH = "SPEECH"


class VoiceActivityType(StrEnum):
    """Edges of the user's speech."""

    UNSPECIFIED = "TYPE_UNSPECIFIED"
    START = "ACTIVITY_START"
    END = "ACTIVITY_END"


class VadSignalType(StrEnum):
    """Edges of the user's speech, older form."""

    UNSPECIFIED = "VAD_SIGNAL_TYPE_UNSPECIFIED"
    START = "VAD_SIGNAL_TYPE_SOS"
    END = "VAD_SIGNAL_TYPE_EOS"


class ServiceTier(StrEnum):
    """How a turn was served (Gemini API)."""

    UNSPECIFIED = "unspecified"
    FLEX = "flex"
    STANDARD = "standard"
    PRIORITY = "priority"


class TrafficType(StrEnum):
    """How a turn was served (Vertex)."""

    UNSPECIFIED = "TRAFFIC_TYPE_UNSPECIFIED"
    ON_DEMAND = "ON_DEMAND"
    ON_DEMAND_PRIORITY = "ON_DEMAND_PRIORITY"
    ON_DEMAND_FLEX = "ON_DEMAND_FLEX"
    ON_DEMAND_OFFPEAK = "ON_DEMAND_OFFPEAK"
    PROVISIONED_THROUGHPUT = "PROVISIONED_THROUGHPUT"


class TurnCompleteReason(StrEnum):
    """Why a turn ended other than normally; normal turns carry none."""

    UNSPECIFIED = "TURN_COMPLETE_REASON_UNSPECIFIED"
    MALFORMED_FUNCTION_CALL = "MALFORMED_FUNCTION_CALL"
    RESPONSE_REJECTED = "RESPONSE_REJECTED"
    NEED_MORE_INPUT = "NEED_MORE_INPUT"
    PROHIBITED_INPUT_CONTENT = "PROHIBITED_INPUT_CONTENT"
    IMAGE_PROHIBITED_INPUT_CONTENT = "IMAGE_PROHIBITED_INPUT_CONTENT"
    INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED = "INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED"
    INPUT_IMAGE_CELEBRITY = "INPUT_IMAGE_CELEBRITY"
    INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED = "INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED"
    INPUT_TEXT_NCII_PROHIBITED = "INPUT_TEXT_NCII_PROHIBITED"
    INPUT_OTHER = "INPUT_OTHER"
    INPUT_IP_PROHIBITED = "INPUT_IP_PROHIBITED"
    BLOCKLIST = "BLOCKLIST"
    UNSAFE_PROMPT_FOR_IMAGE_GENERATION = "UNSAFE_PROMPT_FOR_IMAGE_GENERATION"
    GENERATED_IMAGE_SAFETY = "GENERATED_IMAGE_SAFETY"
    GENERATED_CONTENT_SAFETY = "GENERATED_CONTENT_SAFETY"
    GENERATED_AUDIO_SAFETY = "GENERATED_AUDIO_SAFETY"
    GENERATED_VIDEO_SAFETY = "GENERATED_VIDEO_SAFETY"
    GENERATED_CONTENT_PROHIBITED = "GENERATED_CONTENT_PROHIBITED"
    GENERATED_CONTENT_BLOCKLIST = "GENERATED_CONTENT_BLOCKLIST"
    GENERATED_IMAGE_PROHIBITED = "GENERATED_IMAGE_PROHIBITED"
    GENERATED_IMAGE_CELEBRITY = "GENERATED_IMAGE_CELEBRITY"
    GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER = (
        "GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER"
    )
    GENERATED_IMAGE_IDENTIFIABLE_PEOPLE = "GENERATED_IMAGE_IDENTIFIABLE_PEOPLE"
    GENERATED_IMAGE_MINORS = "GENERATED_IMAGE_MINORS"
    OUTPUT_IMAGE_IP_PROHIBITED = "OUTPUT_IMAGE_IP_PROHIBITED"
    GENERATED_OTHER = "GENERATED_OTHER"
    MAX_REGENERATION_REACHED = "MAX_REGENERATION_REACHED"
