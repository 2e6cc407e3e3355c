"""How unkind the service is: what a personality does to connections and to answers, by a seed. Sans I/O.

``kind`` does nothing. ``typical`` does what is reported of usual days: words run ahead of the sound, greetings are
paraphrased, a closed microphone does not end a turn on 3.8, a call that was talked over comes again, and now and then a
turn is empty, of text only, or rejected. ``hostile`` mixes everything that was ever reported. What becomes of the
n-th connection and the n-th answer is always the same for a seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..liveapi.models import capabilities
from .actions import (
    Action,
    CallTool,
    Cue,
    Ignore,
    Ponder,
    Reject,
    Say,
    SayPart,
    Silent,
    StopSpeaking,
    Think,
    Write,
)
from .behaviour import MILLISECOND, SECOND
from .closings import Closing
from .scenario import Act, GoAway

__all__ = ["PERSONALITIES", "Personality", "PersonalityName"]

PersonalityName = Literal["kind", "typical", "hostile"]
PERSONALITIES: tuple[PersonalityName, ...] = ("kind", "typical", "hostile")

_IN_A_ROW = 3
"""Answers that fail, one after the other, at most."""

_Fate = Literal["", "empty", "text", "rejected", "half", "stuck", "ignored"]
_FATES: dict[PersonalityName, tuple[tuple[_Fate, float], ...]] = {
    "kind": (),
    "typical": (("empty", 0.03), ("text", 0.03), ("rejected", 0.01)),
    "hostile": (
        ("empty", 0.10),
        ("text", 0.07),
        ("rejected", 0.06),
        ("half", 0.06),
        ("stuck", 0.05),
        ("ignored", 0.06),
    ),
}


@dataclass(frozen=True, slots=True)
class Personality:
    """See the module."""

    name: PersonalityName = "kind"
    seed: int = 0

    @property
    def announces_cancellations(self) -> bool | None:
        """Whether calls that an interruption cancels are announced; None: as the model does."""
        return False if self.name == "hostile" else None

    def oddities(self, connection: int, model: str) -> dict[str, object]:
        """What is odd about the connection of this number, which is for a session with `model`."""
        if self.name == "kind":
            return {}
        dice = self._dice("connection", connection)
        waits_for_silence = capabilities(model).name.startswith("gemini-3.8")
        if self.name == "typical":
            return {
                "words_ahead_ns": dice.choice((1, 2, 3)) * SECOND,
                "paraphrases": dice.random() < 0.5,
                "repeat_calls": dice.random() < 0.5,
                "input_words_after_ns": dice.choice((0, 0, 0, 300)) * MILLISECOND,
                "ignores_stream_end": waits_for_silence,
            }
        return {
            "words_ahead_ns": dice.choice((0, 1, 3)) * SECOND,
            "output_words_after_ns": dice.choice((0, 0, 800)) * MILLISECOND,
            "input_words_after_ns": dice.choice((0, 0, 300, 1_500)) * MILLISECOND,
            "sound_after_interrupted_ns": dice.choice((0, 400)) * MILLISECOND,
            "pong_after_ns": dice.choice((0, 0, 8, 12)) * SECOND,
            "repeat_calls": dice.random() < 0.6,
            "ignores_stream_end": waits_for_silence or dice.random() < 0.3,
            "paraphrases": dice.random() < 0.5,
            "forgets_prefill": dice.random() < 0.5,
            "deaf_after_turn_ns": dice.choice((0, 0, 500)) * MILLISECOND,
        }

    def acts(self, connection: int) -> list[tuple[int, Act]]:
        """What happens on that connection, and how long after it began."""
        if self.name != "hostile":
            return []
        dice = self._dice("acts", connection)
        if dice.random() < 0.15:
            # Long before the end, and never followed by it on most of these connections.
            return [(SECOND, GoAway(300 * SECOND))]
        if dice.random() < 0.1:
            return [(dice.randrange(2, 30) * SECOND, GoAway(dice.choice((2, 10, 60)) * SECOND))]
        return []

    def refusal(self, attempt: int) -> Closing | None:
        """How the attempt of this number to resume a session is refused."""
        dice = self._dice("resume", attempt)
        if self.name == "kind" or attempt % (_IN_A_ROW + 1) == 0:
            return None
        if dice.random() >= (0.25 if self.name == "hostile" else 0.05):
            return None
        if self.name == "typical":
            return Closing.internal()
        return dice.choice(
            (Closing.internal(), Closing.unknown_session(), Closing(1007, "Invalid session handle"))
        )

    def answer(self, number: int, actions: list[Action]) -> list[Action]:
        """What becomes of an answer that was to be made of `actions`; they themselves when nothing does."""
        fate = self._fate(number)
        if not fate or not any(isinstance(action, Say | CallTool | Ponder) for action in actions):
            return actions
        if any(isinstance(action, Cue) for action in actions):
            return actions
        text = " ".join(action.text for action in actions if isinstance(action, Say))
        thoughts: list[Action] = [action for action in actions if isinstance(action, Think)]
        match fate:
            case "empty":
                return [*thoughts, Silent()]
            case "rejected":
                return [Reject()]
            case "ignored":
                return [Ignore()]
            case "text" if text:
                return [*thoughts, Write(text)]
            case "half" if text and not _calls(actions):
                return [*thoughts, SayPart(text)]
            case "stuck" if text and not _calls(actions):
                return [*thoughts, StopSpeaking(text)]
        return [*thoughts, Silent()]

    def _fate(self, number: int) -> _Fate:
        if number % (_IN_A_ROW + 1) == 0:
            return ""
        thrown = self._dice("answer", number).random()
        for fate, share in _FATES[self.name]:
            thrown -= share
            if thrown < 0:
                return fate
        return ""

    def _dice(self, what: str, number: int) -> random.Random:
        return random.Random(f"{self.name}:{self.seed}:{what}:{number}")


def _calls(actions: Sequence[Action]) -> bool:
    return any(isinstance(action, CallTool) for action in actions)
