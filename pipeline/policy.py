"""How much an edge holds and what it does when full: said of ports, chosen in graphs, kept by edges."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .frames import AudioFrame, Frame, VideoFrame
from .units import MS, SECOND, DurationLike, settle_durations

__all__ = ["Policy", "WhenFull", "default_policy"]

WhenFull = Literal["block", "drop_oldest", "drop_newest", "latest"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How much an edge holds and what it does when full.

    ``max_duration_ns`` bounds frames that have a duration, ``max_frames`` bounds all. ``block`` makes the
    sender wait, ``drop_oldest`` and ``drop_newest`` lose one frame, ``latest`` keeps only the newest.
    Markers are never lost.
    """

    when_full: WhenFull = "block"
    max_duration_ns: int = 60 * SECOND
    max_frames: int = 4096

    if TYPE_CHECKING:

        def __init__(
            self,
            when_full: WhenFull = "block",
            max_duration_ns: DurationLike = ...,
            max_frames: int = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        settle_durations(self)

    def with_changes(
        self,
        when_full: WhenFull | None = None,
        max_duration_ns: int | None = None,
        max_frames: int | None = None,
    ) -> Policy:
        """This policy with what is given put in its place."""
        return replace(
            self,
            when_full=when_full or self.when_full,
            max_duration_ns=self.max_duration_ns if max_duration_ns is None else max_duration_ns,
            max_frames=self.max_frames if max_frames is None else max_frames,
        )


_LIVE_AUDIO = Policy("drop_oldest", 200 * MS)
_MODEL_AUDIO = Policy("block", 60 * SECOND)
_VIDEO = Policy("latest", max_frames=1)
_NEVER_DROPPED = Policy("block", max_frames=1024)


def default_policy(kinds: tuple[type[Frame], ...], *, live: bool) -> Policy:
    """What an edge does by what flows: ``live`` media ages and is dropped, made media waits to be heard."""
    if any(issubclass(kind, VideoFrame) for kind in kinds):
        return _VIDEO
    if any(issubclass(kind, AudioFrame) for kind in kinds):
        return _LIVE_AUDIO if live else _MODEL_AUDIO
    return _NEVER_DROPPED
