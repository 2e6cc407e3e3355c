"""The options, as far as a running call needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...liveapi import Setup
from ...pipeline.units import MS, SECOND
from .endpoint import Access
from .options.groups import DEFAULT_ANSWER_WAIT, AnswerWait
from .prices import Prices
from .session.renewal import DEFAULT_RENEW_AFTER_NS

__all__ = ["Settings"]


DEFAULT_MOST_RESULT_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """See the options of the box; what is not among them is derived."""

    setup: Setup
    extra: Mapping[str, Any] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    greeting: str = ""
    history: Any = None
    save_history: Path | None = None
    handle: str = ""
    """Of an earlier session."""
    pre_roll_ns: int | None = None
    """``None``: the service finds the user's turns."""
    video_interval_ns: int = SECOND
    video_size: int = 768
    renew_after_ns: int = DEFAULT_RENEW_AFTER_NS
    finish_after_ns: int = 2 * SECOND
    answer_timeout_ns: int = 60 * SECOND
    prices: Prices | None = None
    answer: AnswerWait = DEFAULT_ANSWER_WAIT
    recording: Any = None
    """The fallback line as 24 kHz samples, where there is a file of it."""
    most_result_characters: int = DEFAULT_MOST_RESULT_CHARACTERS

    @property
    def trailing_ns(self) -> int:
        """Silence that ends an utterance for a model that has to hear it: more than its detector waits for."""
        config = self.setup.realtime_input_config
        detection = config.automatic_activity_detection if config is not None else None
        waits_ms = (detection.silence_duration_ms or 0) if detection is not None else 0
        return max(1_500, waits_ms + 700) * MS

    @property
    def manual(self) -> bool:
        """Whether we mark the user's turns."""
        return self.pre_roll_ns is not None

    @property
    def uninterruptible(self) -> bool:
        """Whether the user's voice does not cut the agent off."""
        config = self.setup.realtime_input_config
        return config is not None and config.activity_handling == "NO_INTERRUPTION"

    @property
    def resumes(self) -> bool:
        """Whether a lost session is taken up again."""
        return self.setup.session_resumption is not None

    @property
    def transparent(self) -> bool:
        """Whether the server tells which messages it has taken in."""
        return self.setup.session_resumption is not None and bool(self.setup.session_resumption.transparent)

    @property
    def writes(self) -> bool:
        """Whether the model answers in text."""
        config = self.setup.generation_config
        return config is not None and config.response_modalities == ["TEXT"]


DEFAULT_PRE_ROLL_NS = 300 * MS
