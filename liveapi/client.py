"""Messages from the client: the envelope and what may follow `setup`."""

from __future__ import annotations

from typing import Literal

from .base import Empty, WireStruct
from .content import Blob, Content, FunctionResponse
from .setup import Setup
from .tools import Tool

__all__ = [
    "ClientContent",
    "ClientKind",
    "ClientMessage",
    "ContextTools",
    "ContextUpdate",
    "RealtimeInput",
    "ToolResponse",
]

ClientKind = Literal["setup", "client_content", "realtime_input", "tool_response", "context_update"]


class ClientContent(WireStruct, frozen=True):
    """Turns for the history, in order; with `turn_complete` the model answers."""

    turns: list[Content] = []
    turn_complete: bool = False


class RealtimeInput(WireStruct, frozen=True, kw_only=True):
    """One piece of live input: set exactly one field. `media_chunks` is deprecated."""

    audio: Blob | None = None
    video: Blob | None = None
    text: str | None = None
    audio_stream_end: bool = False
    activity_start: Empty | None = None
    activity_end: Empty | None = None
    media_chunks: list[Blob] = []

    @property
    def audio_blob(self) -> Blob | None:
        """The audio, whether sent as `audio` or as a media chunk of an audio type."""
        return self.audio or self._chunk("audio/")

    @property
    def video_blob(self) -> Blob | None:
        """The image, whether sent as `video` or as a media chunk of an image type."""
        return self.video or self._chunk("image/")

    def _chunk(self, prefix: str) -> Blob | None:
        return next((blob for blob in self.media_chunks if blob.mime_type.lower().startswith(prefix)), None)


class ToolResponse(WireStruct, frozen=True):
    """Results of tool calls, matched by id."""

    function_responses: list[FunctionResponse] = []


class ContextTools(WireStruct, frozen=True, omit_defaults=False):
    """The tools from now on. An empty list removes all, and is therefore written."""

    tools: list[Tool] = []


class ContextUpdate(WireStruct, frozen=True):
    """New instructions or tools in mid-session; what is absent stays as it was."""

    system_instruction: Content | None = None
    tools: ContextTools | None = None


class ClientMessage(WireStruct, frozen=True, kw_only=True):
    """One client message: exactly one field is set."""

    setup: Setup | None = None
    client_content: ClientContent | None = None
    realtime_input: RealtimeInput | None = None
    tool_response: ToolResponse | None = None
    context_update: ContextUpdate | None = None

    @property
    def kinds(self) -> list[ClientKind]:
        """The names of the fields that are set: one, in a proper message."""
        names: tuple[ClientKind, ...] = (
            "setup",
            "client_content",
            "realtime_input",
            "tool_response",
            "context_update",
        )
        return [name for name in names if getattr(self, name) is not None]
