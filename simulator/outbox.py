"""What a session wants done: messages to send, in order, and work for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..audio import Pcm, to_bytes
from ..processors.gemini_live.wire import (
    Blob,
    Content,
    FunctionCall,
    GoAway,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    ToolCall,
    ToolCallCancellation,
    Transcription,
    UsageMetadata,
    VoiceActivity,
    format_duration,
)
from .closings import Closing
from .speaking import RATE

__all__ = ["Outbox", "Speak", "Transcribe", "Work"]


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


Work = Transcribe | Speak
"""Something that takes long. Its result comes back under its key."""


@dataclass(slots=True)
class Outbox:
    """Collected by a session, emptied by whoever drives it."""

    messages: list[ServerMessage] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    closing: Closing | None = None
    """Close the connection, after the messages."""
    _last_key: int = 0

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

    def setup_complete(self, session_id: str = "") -> None:
        """The session is open."""
        self.messages.append(ServerMessage(setup_complete=SetupComplete(session_id=session_id)))

    def handle(self, handle: str) -> None:
        """The session can be resumed by `handle`."""
        update = SessionResumptionUpdate(new_handle=handle, resumable=True)
        self.messages.append(ServerMessage(session_resumption_update=update))

    def go_away(self, left_ns: int) -> None:
        """The connection ends in `left_ns`."""
        self.messages.append(ServerMessage(go_away=GoAway(format_duration(left_ns))))

    def activity(self, *, start: bool, offset_ns: int) -> None:
        """Speech started or ended, known at `offset_ns` of the session's audio."""
        kind = "ACTIVITY_START" if start else "ACTIVITY_END"
        offset = format_duration(offset_ns // 1_000_000 * 1_000_000)
        self.messages.append(ServerMessage(voice_activity=VoiceActivity(kind, offset)))

    def input_transcription(self, text: str) -> None:
        """What the user said."""
        self._content(ServerContent(input_transcription=Transcription(text=text)))

    def audio(self, pcm: Pcm) -> None:
        """A burst of the model's speech."""
        part = Part(inline_data=Blob(to_bytes(pcm), f"audio/pcm;rate={RATE}"))
        self._content(ServerContent(model_turn=Content(parts=[part], role="model")))

    def output_transcription(self, text: str) -> None:
        """The words of that speech."""
        self._content(ServerContent(output_transcription=Transcription(text=text)))

    def tool_call(self, calls: Sequence[FunctionCall]) -> None:
        """Functions for the client to run."""
        self.messages.append(ServerMessage(tool_call=ToolCall(list(calls))))

    def tool_call_cancellation(self, ids: Sequence[str]) -> None:
        """Calls that are not wanted any more."""
        self.messages.append(ServerMessage(tool_call_cancellation=ToolCallCancellation(list(ids))))

    def interrupted(self) -> None:
        """The model was cut off."""
        self._content(ServerContent(interrupted=True))

    def generation_complete(self) -> None:
        """The model has made all of its turn."""
        self._content(ServerContent(generation_complete=True))

    def turn_complete(self, usage: UsageMetadata) -> None:
        """The turn is over."""
        content = ServerContent(turn_complete=True)
        self.messages.append(ServerMessage(server_content=content, usage_metadata=usage))

    def _content(self, content: ServerContent) -> None:
        self.messages.append(ServerMessage(server_content=content))
