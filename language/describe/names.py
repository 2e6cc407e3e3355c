"""Short words for what flows and how: ``audio``, ``tool call``, ``24 kHz mono``, ``drop_oldest 200ms``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...pipeline.formats import AudioFormat
from ...pipeline.frames import AudioFrame, Frame, VideoFrame
from ...pipeline.policy import Policy
from ...pipeline.units import format_duration

__all__ = ["format_words", "frame_word", "frame_words", "policy_words"]


def frame_word(kind: type[Frame]) -> str:
    """``tool call`` for ``ToolCallFrame``, ``anything`` for ``Frame`` itself."""
    if kind is Frame:
        return "anything"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind.__name__.removesuffix("Frame")).lower()


def frame_words(kinds: Iterable[type[Frame]]) -> str:
    """The words of several classes; what they begin with alike is said once: ``speech start/end``."""
    words = list(dict.fromkeys(frame_word(kind) for kind in kinds))
    first, _, _ = words[0].rpartition(" ") if words else ("", "", "")
    if len(words) > 1 and first and all(word.rpartition(" ")[0] == first for word in words):
        return f"{first} {'/'.join(word.rpartition(' ')[2] for word in words)}"
    return ", ".join(words)


def format_words(audio: AudioFormat) -> str:
    """``24 kHz mono``."""
    layout = {1: "mono", 2: "stereo"}.get(audio.channels, f"{audio.channels} channels")
    return f"{audio.rate / 1000:g} kHz {layout}"


def policy_words(policy: Policy, kinds: Iterable[type[Frame]]) -> str:
    """What the queue of an edge does when full, and its bound: time for audio, else frames."""
    if policy.when_full == "latest":
        return "latest"
    timed = any(issubclass(kind, AudioFrame | VideoFrame) for kind in kinds)
    bound = format_duration(policy.max_duration_ns) if timed else f"{policy.max_frames} frames"
    return f"{policy.when_full} {bound}"
