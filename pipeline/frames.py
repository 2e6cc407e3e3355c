"""Frames: the immutable typed values that flow through a graph.

Every frame carries ``time_ns`` (the call's clock: for media, when its first sample was captured or
is to be heard) and ``turn`` (the model turn it belongs to, 0 for none; interrupting a turn makes every
frame of it stale). What a handler makes of a frame inherits both where it leaves them at 0. Users add
frames of their own by subclassing ``Frame``::

    class Keypress(Frame):
        digit: str

Frames are compared by identity: two equal sounds are still two frames.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, dataclass_transform

import msgspec
import numpy as np
from numpy.typing import NDArray

from .units import SECOND

__all__ = [
    "AudioFrame",
    "DtmfFrame",
    "EndFrame",
    "Frame",
    "InterruptFrame",
    "Marker",
    "Media",
    "MessageFrame",
    "SpeechEndFrame",
    "SpeechStartFrame",
    "TextFrame",
    "ToolCallFrame",
    "ToolCancelFrame",
    "ToolResultFrame",
    "TranscriptFrame",
    "Turn",
    "TurnEndFrame",
    "TurnStartFrame",
    "UsageFrame",
    "VideoFrame",
    "cuts",
    "is_cut",
    "source_of",
]

Role = Literal["user", "agent"]


class Turn(int):
    """One utterance of one source: its number, counted from 1, and the node that speaks.

    Turns of one source are ordered. Those of two are neither equal nor ordered: each of ``<``, ``<=``, ``>``, ``>=``
    is false, so that ``0 < held.turn <= cut.turn`` asks for the source as well. Beside a plain ``int`` the number alone
    counts.
    """

    source: str
    line: bool
    """Whether it is no answer, but words that it was given: a greeting, what fills a silence."""

    def __new__(cls, number: int, source: str = "", line: bool = False) -> Turn:
        turn = super().__new__(cls, number)
        turn.source, turn.line = source, line
        return turn

    def __eq__(self, other: object) -> bool:
        return int.__eq__(self, other) is True if self._comparable(other) else False

    def __ne__(self, other: object) -> bool:
        return self is not other and not self == other

    # Equal ones have equal numbers, so the number is hash enough.
    __hash__ = int.__hash__

    def __lt__(self, other: int) -> bool:
        return self._comparable(other) and int.__lt__(self, other)

    def __le__(self, other: int) -> bool:
        return self._comparable(other) and int.__le__(self, other)

    def __gt__(self, other: int) -> bool:
        return self._comparable(other) and int.__gt__(self, other)

    def __ge__(self, other: int) -> bool:
        return self._comparable(other) and int.__ge__(self, other)

    def __repr__(self) -> str:
        return f"Turn({int(self)}, {self.source!r})"

    def __str__(self) -> str:
        return str(int(self))

    def __reduce__(self) -> tuple[type[Turn], tuple[int, str, bool]]:
        return Turn, (int(self), self.source, self.line)

    def _comparable(self, other: object) -> bool:
        return not isinstance(other, Turn) or other.source == self.source


def source_of(turn: int) -> str:
    """The node whose turn it is; empty for a plain number."""
    return turn.source if isinstance(turn, Turn) else ""


# For static tools, so that a subclass need not repeat what it inherits.
@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(msgspec.field,))
class Frame(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One immutable value on a stream. Subclass it to define your own."""

    time_ns: int = 0
    turn: int = 0
    """A ``Turn`` where a node of the graph speaks, a plain number where nobody in particular does, 0 for none."""

    marker: ClassVar[bool] = False
    """Markers frame the media of any stream, in order with it, whatever the port's own type."""
    uninterruptible: ClassVar[bool] = False
    """Whether an interruption leaves frames of this class alone: they are delivered, and worked on to the end."""

    @property
    def duration_ns(self) -> int:
        """How long the frame lasts when played; 0 for anything that is not media."""
        return 0


def is_cut(frame: Frame, turn: int) -> bool:
    """Whether ``frame`` is of the source of ``turn`` and not later; a plain number cuts every source."""
    return not frame.uninterruptible and cuts(turn, frame.turn)


def cuts(turn: int, other: int) -> bool:
    """Whether a cut of ``turn`` makes the turn ``other`` void; 0 is none."""
    if not other or int(other) > int(turn):
        return False
    return not isinstance(turn, Turn) or turn.source == source_of(other)


class AudioFrame(Frame, frozen=True, eq=False):
    """Sound: ``samples`` is int16 of shape ``(samples,)`` or ``(samples, channels)``; ``rate`` in hertz."""

    samples: NDArray[np.int16]
    rate: int

    @property
    def channels(self) -> int:
        """1 for a flat array, else the second dimension."""
        return 1 if self.samples.ndim == 1 else int(self.samples.shape[1])

    @property
    def duration_ns(self) -> int:
        """Length in nanoseconds, rounded down."""
        return len(self.samples) * SECOND // self.rate


class VideoFrame(Frame, frozen=True, eq=False):
    """One picture: ``pixels`` is uint8 RGB of shape ``(height, width, 3)``."""

    pixels: NDArray[np.uint8]


class DtmfFrame(Frame, frozen=True, eq=False):
    """A key of a telephone was pressed: ``0`` to ``9``, ``*``, ``#``, ``A`` to ``D``."""

    key: str
    held_ns: int = 0
    """For how long, as far as it is known."""


class TextFrame(Frame, frozen=True, eq=False):
    """Text typed or produced, for a model or a person to read."""

    text: str
    reply: bool = True
    """Whether whoever reads it is to answer now, rather than to keep it in mind."""


class TranscriptFrame(Frame, frozen=True, eq=False):
    """What somebody said. ``text`` is a piece to append to the utterance, unless ``final``: then it is the whole.

    ``interrupted`` marks an agent's utterance that was cut; its text is what was heard.
    """

    role: Role
    text: str
    final: bool = False
    interrupted: bool = False


class ToolCallFrame(Frame, frozen=True, eq=False):
    """The model asks for a function: ``args`` is a JSON object."""

    id: str
    name: str
    args: dict[str, Any]
    idempotency_key: str = ""
    """The same for the same wish of the user, however often and under whatever ids the model asks for it."""
    agent: str = ""
    """The persona whose model asks, where one node speaks for several."""


class ToolCancelFrame(Frame, frozen=True, eq=False):
    """The model no longer wants the results of these calls."""

    ids: tuple[str, ...]


class Media(msgspec.Struct, frozen=True):
    """A picture or a file in memory."""

    data: bytes
    mime_type: str
    """``image/png``, ``application/pdf``."""
    name: str = ""


class ToolResultFrame(Frame, frozen=True, eq=False):
    """The answer to a call: ``result`` is a JSON object; ``failed`` when it describes an error.

    ``media`` are the pictures and files that belong to it.

    ``scheduling`` (``SILENT``, ``WHEN_IDLE``, ``INTERRUPT``) tells a non-blocking model when to speak of it;
    ``will_continue`` says that more results of the same call follow. ``undone``: nothing was done, since the caller has
    not said yes, or it may be done once more: who asks for the same again may have it, and not only this answer.
    """

    id: str
    name: str
    result: dict[str, Any]
    failed: bool = False
    scheduling: str = ""
    will_continue: bool = False
    media: tuple[Media, ...] = ()
    undone: bool = False


class SpeechStartFrame(Frame, frozen=True, eq=False):
    """Somebody began to speak; ``time_ns`` is when, which may lie before now."""


class SpeechEndFrame(Frame, frozen=True, eq=False):
    """Somebody stopped speaking; ``time_ns`` is when the last speech was heard."""


class Marker(Frame, frozen=True, eq=False):
    """A frame that travels with the media of any stream and is never dropped."""

    marker: ClassVar[bool] = True


class TurnStartFrame(Marker, frozen=True, eq=False):
    """The media that follows belongs to turn ``turn``."""


class TurnEndFrame(Marker, frozen=True, eq=False):
    """No more media of turn ``turn`` follows."""


class EndFrame(Marker, frozen=True, eq=False):
    """Nothing follows on this stream."""


class InterruptFrame(Frame, frozen=True, eq=False):
    """Every turn of its source up to ``turn`` is void; with a plain number, of every source.

    It does not queue: it reaches all processors at once.
    """

    def voids(self, frame: Frame) -> bool:
        """Whether ``frame`` belongs to what was cut."""
        return is_cut(frame, self.turn)


class MessageFrame(Frame, frozen=True, eq=False):
    """A message of an application: ``topic`` names it, ``data`` is JSON."""

    topic: str
    data: Any = None


class UsageFrame(Frame, frozen=True, eq=False):
    """Tokens that a service counted, by direction and modality, such as ``{"AUDIO": 120}``.

    ``cost_usd`` is ``None`` where the price is not known.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_by_modality: dict[str, int] = {}
    output_by_modality: dict[str, int] = {}
    thought_tokens: int = 0
    tool_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
