"""What a session wants done: messages to send, in order, and work for a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..audio import Pcm, to_bytes
from ..liveapi import (
    Blob,
    Content,
    FunctionCall,
    GoAway,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    ToolCall,
    ToolCallCancellation,
    Transcription,
    UsageMetadata,
    VoiceActivity,
    VoiceActivityDetectionSignal,
    format_duration,
)
from .closings import Closing
from .faults import Fault
from .mind import MindRequest
from .oddities import Oddities
from .speaking import RATE

__all__ = ["Guess", "Reflect", "ServerOutput", "Speak", "Transcribe", "Work"]


@dataclass(frozen=True, slots=True)
class Transcribe:
    """Find the words in an utterance, mono at 16 kHz; the result is a `str`."""

    key: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Speak:
    """Read a sentence aloud; the result is mono PCM at 24 kHz."""

    key: int
    text: str
    voice: str


@dataclass(frozen=True, slots=True)
class Guess:
    """Find the words in the beginning of an utterance; the result is a `str`."""

    key: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Reflect:
    """Ask the mind; the result is its `Thought`, None where it cannot be asked."""

    key: int
    request: MindRequest


Work = Transcribe | Guess | Speak | Reflect
"""Something that takes long. Its result comes back under its key."""


@dataclass(slots=True)
class ServerOutput:
    """Collected by a session, emptied by whoever drives it."""

    messages: list[ServerMessage | Fault] = field(default_factory=list)
    """What to send, and a scenario's faults in their places."""
    work: list[Work] = field(default_factory=list)
    closing: Closing | None = None
    """Close the connection, after the messages."""
    on_sent: Callable[[ServerMessage], None] | None = None
    """Told of each message; what it puts into the output comes right behind."""
    _last_key: int = 0

    def put(self, message: ServerMessage) -> None:
        """Send a message; nothing once the connection closes."""
        if self.closing is None:
            self.messages.append(message)
            if self.on_sent is not None:
                self.on_sent(message)

    def content(self, content: ServerContent) -> None:
        """Send content by itself."""
        self.put(ServerMessage(server_content=content))

    def guess(self, pcm: Pcm) -> int:
        """Ask for the words of an utterance that goes on; returns the key."""
        self._last_key += 1
        self.work.append(Guess(self._last_key, pcm))
        return self._last_key

    def transcribe(self, pcm: Pcm) -> int:
        """Ask for the words of an utterance; returns the key."""
        self._last_key += 1
        self.work.append(Transcribe(self._last_key, pcm))
        return self._last_key

    def speak(self, text: str, voice: str) -> int:
        """Ask for the sound of a sentence; returns the key."""
        self._last_key += 1
        self.work.append(Speak(self._last_key, text, voice))
        return self._last_key

    def reflect(self, request: MindRequest) -> int:
        """Ask the mind; returns the key."""
        self._last_key += 1
        self.work.append(Reflect(self._last_key, request))
        return self._last_key

    def handle(self, handle: str, index: int | None = None) -> None:
        """The session can be resumed by `handle`, or, with ``""``, not now; `index` messages were consumed."""
        update = SessionResumptionUpdate(
            new_handle=handle, resumable=bool(handle), last_consumed_client_message_index=index
        )
        self.put(ServerMessage(session_resumption_update=update))

    def go_away(self, left_ns: int) -> None:
        """The connection ends in `left_ns`."""
        self.put(ServerMessage(go_away=GoAway(format_duration(left_ns))))

    def activity(self, *, start: bool, offset_ns: int) -> None:
        """Speech started or ended, known at `offset_ns` of the session's audio."""
        kind = "ACTIVITY_START" if start else "ACTIVITY_END"
        offset = format_duration(offset_ns // 1_000_000 * 1_000_000)
        self.put(ServerMessage(voice_activity=VoiceActivity(kind, offset)))

    def vad_signal(self, *, start: bool) -> None:
        """The same by the older message."""
        signal = VoiceActivityDetectionSignal("VAD_SIGNAL_TYPE_SOS" if start else "VAD_SIGNAL_TYPE_EOS")
        self.put(ServerMessage(voice_activity_detection_signal=signal))

    def speech(self, pcm: Pcm, words: str, *, together: bool, interrupted: bool = False) -> None:
        """A burst of the model's speech and the words in it, in two messages or one."""
        said = Transcription(text=words) if words else None
        turn = None
        if len(pcm):
            part = Part(inline_data=Blob(to_bytes(pcm), f"audio/pcm;rate={RATE}"))
            turn = Content(parts=[part], role="model")
        if together or turn is None or said is None:
            if turn is not None or said is not None:
                self.content(
                    ServerContent(model_turn=turn, output_transcription=said, interrupted=interrupted)
                )
        else:
            self.content(ServerContent(model_turn=turn))
            self.content(ServerContent(output_transcription=said))

    def text(self, text: str) -> None:
        """A piece of an answer in text."""
        self.content(ServerContent(model_turn=Content.of_text(text, "model")))

    def thought(self, text: str) -> None:
        """A summary of a thought."""
        self.content(ServerContent(model_turn=Content([Part(text=text, thought=True)], "model")))

    def tool_call(self, calls: Sequence[FunctionCall], *, status: str = "") -> None:
        """Functions for the client to run."""
        self.put(ServerMessage(tool_call=ToolCall(list(calls)), interaction_status=status))

    def tool_call_cancellation(self, ids: Sequence[str]) -> None:
        """Calls that are not wanted any more."""
        self.put(ServerMessage(tool_call_cancellation=ToolCallCancellation(list(ids))))

    def turn_complete(self, usage: UsageMetadata, oddities: Oddities, status: str, reason: str = "") -> None:
        """The turn is over, for a `reason` where that is not as usual."""
        content = None
        if oddities.turn_complete:
            content = ServerContent(
                turn_complete=True, interaction_status=status, turn_complete_reason=reason
            )
        told = usage if oddities.usage else None
        if content is not None and told is not None and oddities.separate_usage:
            self.put(ServerMessage(usage_metadata=told))
            told = None
        if content is not None or told is not None:
            self.put(ServerMessage(server_content=content, usage_metadata=told))
