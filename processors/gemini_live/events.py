"""What the Live service says beyond sound, words, calls and tokens, as events of the call.

::

    call.events.subscribe(LiveThought, lambda event: print("it thinks:", event.text))

Nobody needs them for a conversation; whoever shows sources, debugs prompts or measures latency does. ``node`` is the
box that speaks with the service, ``turn`` the model turn that was newest then.
"""

from __future__ import annotations

from ...liveapi import GroundingMetadata, UrlContextMetadata, WordInfo
from ...pipeline.events import Event

__all__ = [
    "AnswerMissing",
    "AnswerStalled",
    "LiveCode",
    "LiveCodeOutput",
    "LiveEvent",
    "LiveGenerated",
    "LiveGrounding",
    "LiveInteraction",
    "LiveMedia",
    "LiveOpened",
    "LivePagesRead",
    "LiveText",
    "LiveThought",
    "LiveTranscription",
    "LiveTurnEnded",
    "LiveVoiceActivity",
]


class LiveEvent(Event, frozen=True, kw_only=True):
    """Base of all below."""

    node: str


class AnswerMissing(LiveEvent, frozen=True, kw_only=True):
    """No answer has come, and nothing more is tried; the caller waited for ``waited_ns``.

    ``why``: ``silent`` (nothing came), ``empty`` (turns with nothing in them), ``rejected`` (``reason`` is the
    service's), ``text_only`` (written, not spoken), ``stalled``, ``unfinished`` or ``lost`` (it broke off). The model
    was asked ``attempts`` times more. ``fallback``: the agent's fallback line is spoken instead.
    """

    why: str
    waited_ns: int
    attempts: int
    reason: str = ""
    fallback: bool = False


class AnswerStalled(LiveEvent, frozen=True, kw_only=True):
    """The sound of ``turn`` stopped in its middle for ``length_ns``; ``resumed``: it then went on by itself."""

    turn: int
    length_ns: int
    resumed: bool


class LiveOpened(LiveEvent, frozen=True, kw_only=True):
    """A connection is set up; ``session_id`` is Vertex's, empty elsewhere."""

    session_id: str


class LiveThought(LiveEvent, frozen=True, kw_only=True):
    """A thought of the model: never spoken, never part of the answer."""

    turn: int
    text: str


class LiveText(LiveEvent, frozen=True, kw_only=True):
    """Text that an audio model wrote beside its speech."""

    turn: int
    text: str


class LiveCode(LiveEvent, frozen=True, kw_only=True):
    """Code that the model wrote and the service runs."""

    turn: int
    code: str
    language: str
    id: str = ""


class LiveCodeOutput(LiveEvent, frozen=True, kw_only=True):
    """What that code printed; ``outcome`` is the API's, such as ``OUTCOME_OK``."""

    turn: int
    outcome: str
    output: str
    id: str = ""


class LiveMedia(LiveEvent, frozen=True, kw_only=True):
    """Media other than sound: a picture, a piece of an avatar's video."""

    turn: int
    mime_type: str
    data: bytes


class LiveGrounding(LiveEvent, frozen=True, kw_only=True):
    """Where an answer comes from. Google's terms ask to show ``metadata.search_entry_point.rendered_content``."""

    turn: int
    metadata: GroundingMetadata

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Title and address of the pages."""
        return [(chunk.web.title, chunk.web.uri) for chunk in self.metadata.grounding_chunks if chunk.web]


class LivePagesRead(LiveEvent, frozen=True, kw_only=True):
    """Which pages the model has read, and how that went."""

    turn: int
    metadata: UrlContextMetadata


class LiveTranscription(LiveEvent, frozen=True, kw_only=True):
    """A piece of speech as the service told it, before it is heard or joined.

    ``interim`` ones replace each other. Offsets are duration texts of the API.
    """

    user: bool
    text: str
    interim: bool
    finished: bool
    language: str
    speaker: str
    words: list[WordInfo]
    start_offset: str
    end_offset: str


class LiveVoiceActivity(LiveEvent, frozen=True, kw_only=True):
    """The service heard the user's voice begin or end, ``offset_ns`` into all audio of the session."""

    speaking: bool
    offset_ns: int | None


class LiveGenerated(LiveEvent, frozen=True, kw_only=True):
    """The model has produced all of ``turn``; its sound may go on for long."""

    turn: int


class LiveTurnEnded(LiveEvent, frozen=True, kw_only=True):
    """The service says that the model's turn is over.

    ``reason`` is the API's and empty when nothing is wrong; ``waiting`` tells that the model says nothing because it
    expects the user to go on.
    """

    turn: int
    reason: str
    waiting: bool


class LiveInteraction(LiveEvent, frozen=True, kw_only=True):
    """How far an interaction of several turns has come: ``IN_PROGRESS`` or ``IDLE`` (extended thinking)."""

    status: str
