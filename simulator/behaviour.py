"""What is the same for all sessions of a simulator: its pace, its manners, its identifiers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

__all__ = ["MILLISECOND", "SECOND", "Behaviour", "Ids", "Timing"]

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in nanoseconds: what was measured on the real service, times `scale`."""

    scale: float = 1.0
    """Factor on all of them and on the time that speech takes to play; 0 is as fast as possible."""
    setup_ns: int = 250 * MILLISECOND
    """From ``setup`` to ``setupComplete``."""
    resume_ns: int = 500 * MILLISECOND
    """The same for a resumed session."""
    handle_ns: int = 100 * MILLISECOND
    """From ``setupComplete`` to the resumption handle."""
    resumed_handle_ns: int = 1 * MILLISECOND
    update_ns: int = 1 * SECOND
    """Between two updates that say which messages were consumed (transparent resumption)."""
    interim_ns: int = 500 * MILLISECOND
    """Speech between two guesses at its words."""
    think_ns: int = 100 * MILLISECOND
    """From the end of a user's turn to the first sound of the answer, or later if the work takes longer."""
    tool_think_ns: int = 600 * MILLISECOND
    """From a tool's response to the first sound."""
    after_last_chunk_ns: int = 30 * MILLISECOND
    """From the last sound that was sent to ``generationComplete``."""
    burst: float = 4.0
    """How much faster than real time sound is sent."""

    def scaled(self, duration_ns: float) -> int:
        """`duration_ns` at this pace."""
        return round(duration_ns * self.scale)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a simulator treats its clients. What is None goes by the model (`wire.models`).

    Attributes:
        strict: refuse unknown fields, values and models, and what a model cannot do, as the service does. By default so
            for the models that are known, and not for others.
        models: further models that a strict simulator knows.
        send_cancellation: announce with ``toolCallCancellation`` that an interruption cancelled blocking calls. Older
            models do; newer ones take a late response as context without a word.
        send_voice_activity: report where speech starts and ends; older models do not.
        interim_transcripts: send guesses at what the user is saying; else only to those who ask for their times.
        text_frames: send text frames; the real service sends binary ones.
        connection_ns: how long a connection may last; None is without end.
        go_away_ns: how long before that end ``goAway`` warns.
        session_ns: how long a session without context compression may last, over all its connections; None is
            without end.
        video_session_ns: the same from the first image on.
        handle_ns: how long after its last connection a session can be resumed.
        release_ns: how long after its loss a connection still counts as open.
        setup_within_ns: how long to wait for ``setup``.
    """

    timing: Timing = field(default_factory=Timing)
    strict: bool | None = None
    models: frozenset[str] = frozenset()
    send_cancellation: bool | None = None
    send_voice_activity: bool | None = None
    interim_transcripts: bool = False
    text_frames: bool = False
    connection_ns: int | None = 600 * SECOND
    go_away_ns: int = 50 * SECOND
    session_ns: int | None = 900 * SECOND
    video_session_ns: int | None = 120 * SECOND
    handle_ns: int = 7_200 * SECOND
    release_ns: int = 0
    setup_within_ns: int = 60 * SECOND


class Ids:
    """Identifiers that look random and are not: the n-th of a simulator is always the same."""

    def __init__(self, seed: int = 0) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_URL, f"livegraph:simulator:{seed}")
        self._count = 0

    def token(self) -> str:
        """An ephemeral token."""
        return f"auth_tokens/{self._next().hex}"

    def handle(self) -> str:
        """A resumption handle: 36 characters."""
        return str(self._next())

    def call(self, *, blocking: bool, older: bool = False) -> str:
        """The id of a tool call, in the form that the service gives to calls of this kind, on 2.x models another."""
        number = self._next().int
        if older:
            return f"function-call-{number % 10**20:020}"
        return f"fc_{number % 10**20:020}" if blocking else f"call_{100_000 + number % 900_000}"

    def _next(self) -> uuid.UUID:
        self._count += 1
        return uuid.uuid5(self._space, str(self._count))
