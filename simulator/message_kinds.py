"""What messages are about, by the names that a scenario uses for them: those of the wire, and of what is in them."""

from __future__ import annotations

from ..liveapi import ClientMessage, ServerMessage

__all__ = ["RECEIVED", "SENT", "received_kinds", "sent_kinds"]

RECEIVED = (
    "setup",
    "clientContent",
    "toolResponse",
    "contextUpdate",
    "audio",
    "video",
    "text",
    "audioStreamEnd",
    "activityStart",
    "activityEnd",
)
"""Kinds of messages from the client."""

SENT = (
    "setupComplete",
    "sessionResumptionUpdate",
    "goAway",
    "voiceActivity",
    "toolCall",
    "toolCallCancellation",
    "audio",
    "text",
    "thought",
    "inputTranscription",
    "interimInputTranscription",
    "outputTranscription",
    "groundingMetadata",
    "interrupted",
    "generationComplete",
    "turnComplete",
)
"""Kinds of messages from the server."""


def received_kinds(message: ClientMessage) -> list[str]:
    """The kinds of a client's message."""
    realtime = message.realtime_input
    found: dict[str, object] = {
        "setup": message.setup,
        "clientContent": message.client_content,
        "toolResponse": message.tool_response,
        "contextUpdate": message.context_update,
    }
    if realtime is not None:
        found |= {
            "audio": realtime.audio_blob,
            "video": realtime.video_blob,
            "text": realtime.text,
            "audioStreamEnd": realtime.audio_stream_end or None,
            "activityStart": realtime.activity_start,
            "activityEnd": realtime.activity_end,
        }
    return [kind for kind, value in found.items() if value is not None]


def sent_kinds(message: ServerMessage) -> list[str]:
    """The kinds of a server's message."""
    content = message.server_content
    found: dict[str, object] = {
        "setupComplete": message.setup_complete,
        "sessionResumptionUpdate": message.session_resumption_update,
        "goAway": message.go_away,
        "voiceActivity": message.voice_activity,
        "toolCall": message.tool_call,
        "toolCallCancellation": message.tool_call_cancellation,
    }
    if content is not None:
        parts = content.model_turn.parts if content.model_turn else []
        found |= {
            "audio": any(part.inline_data for part in parts) or None,
            "text": any(part.text and not part.thought for part in parts) or None,
            "thought": any(part.thought for part in parts) or None,
            "inputTranscription": content.input_transcription,
            "interimInputTranscription": content.interim_input_transcription,
            "outputTranscription": content.output_transcription,
            "groundingMetadata": content.grounding_metadata,
            "interrupted": content.interrupted or None,
            "generationComplete": content.generation_complete or None,
            "turnComplete": content.turn_complete or None,
        }
    return [kind for kind, value in found.items() if value is not None]
