"""What the service says beside the conversation, published as events; none is made that nobody listens to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...pipeline.running.context import CallContext
from . import events
from .dialogue import outcomes as said

__all__ = ["EventPublisher"]


def _note(outcome: said.Note) -> type[events.LiveEvent]:
    return events.LiveThought if outcome.thought else events.LiveText


def _transcribed(outcome: said.Transcribed) -> dict[str, Any]:
    piece = outcome.piece
    return {
        "user": outcome.user,
        "text": piece.text,
        "interim": outcome.interim,
        "finished": piece.finished,
        "language": piece.language_code,
        "speaker": piece.speaker_label,
        "words": piece.words,
        "start_offset": piece.start_offset,
        "end_offset": piece.end_offset,
    }


_Kind = Callable[[Any], type[events.LiveEvent]]
_Fields = Callable[[Any], dict[str, Any]]

_EVENTS: dict[type[said.Outcome], tuple[_Kind, _Fields]] = {
    said.Opened: (lambda o: events.LiveOpened, lambda o: {"session_id": o.session_id}),
    said.Note: (_note, lambda o: {"turn": o.turn, "text": o.text}),
    said.Code: (
        lambda o: events.LiveCode,
        lambda o: {"turn": o.turn, "code": o.code, "language": o.language, "id": o.id},
    ),
    said.CodeOutput: (
        lambda o: events.LiveCodeOutput,
        lambda o: {"turn": o.turn, "outcome": o.outcome, "output": o.output, "id": o.id},
    ),
    said.Media: (
        lambda o: events.LiveMedia,
        lambda o: {"turn": o.turn, "mime_type": o.mime_type, "data": o.data},
    ),
    said.Grounded: (
        lambda o: events.LiveGrounding,
        lambda o: {"turn": o.turn, "metadata": o.metadata},
    ),
    said.PagesRead: (
        lambda o: events.LivePagesRead,
        lambda o: {"turn": o.turn, "metadata": o.metadata},
    ),
    said.Transcribed: (lambda o: events.LiveTranscription, _transcribed),
    said.UserSpeech: (
        lambda o: events.LiveVoiceActivity,
        lambda o: {"speaking": o.speaking, "offset_ns": o.offset_ns},
    ),
    said.Generated: (lambda o: events.LiveGenerated, lambda o: {"turn": o.turn}),
    said.TurnComplete: (
        lambda o: events.LiveTurnEnded,
        lambda o: {"turn": o.turn, "reason": o.reason, "waiting": o.waiting},
    ),
    said.Interaction: (lambda o: events.LiveInteraction, lambda o: {"status": o.status}),
}


class EventPublisher:
    """Publishes outcomes that have an event of their own; others it passes over."""

    def __init__(self, node: str, call: CallContext) -> None:
        self._node = node
        self._call = call

    def __call__(self, outcome: said.Outcome) -> None:
        found = _EVENTS.get(type(outcome))
        if found is None:
            return
        kind, fields = found[0](outcome), found[1]
        if self._call.events.wants(kind):
            now_ns = self._call.clock.now_ns()
            self._call.events.publish(kind(time_ns=now_ns, node=self._node, **fields(outcome)))
