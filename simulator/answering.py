"""What the model says to what it heard: by a scenario, else by its mind, and then by its mood. Sans I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .actions import Action, CallTool, Ignore, Say, Silent, Think
from .brain import Brain
from .brain_requests import in_other_words
from .scenario_player import ScenarioPlayer
from .session_setup import SessionSetup
from .session_store import PendingCall, SessionMemory

__all__ = ["Answering", "says_nothing"]

_THOUGHT = "**Answering the user**\n\nThe user said something, and I have decided how to answer it.\n"


class Answering:
    """Decides for one connection what a turn is made of.

    Attributes:
        settings, brain: may be exchanged at any time.
    """

    def __init__(
        self, memory: SessionMemory, settings: SessionSetup, brain: Brain, player: ScenarioPlayer
    ) -> None:
        self.settings = settings
        self.brain = brain
        self._memory = memory
        self._player = player

    def to_user(self, text: str, now_ns: int) -> list[Action]:
        """The answer to what the user said, or wants answered without a word."""
        memory = self._memory
        memory.turns += 1
        scripted = self._player.turn(memory.turns, now_ns)
        if scripted is not None:
            return scripted
        calls, memory.to_repeat = memory.to_repeat, []
        actions = self._understood(text)
        if self._player.oddities.paraphrases and self.brain.word_for_word:
            actions = [Say(in_other_words(each.text)) if isinstance(each, Say) else each for each in actions]
        if self.settings.thoughts and not all(isinstance(action, Silent) for action in actions):
            actions = [Think(_THOUGHT), *actions]
        again = [call for call in calls if not any(_same(call, each) for each in actions)]
        return self._in_its_mood([*again, *actions])

    def to_result(self, call: PendingCall, result: Mapping[str, object], now_ns: int) -> list[Action] | None:
        """What a scenario says to a tool's result; None leaves it to the mind."""
        scripted = self._player.result(call.name, now_ns)
        # Of a call that a scenario made no mind knows.
        return [] if scripted is None and not call.key else scripted

    def after_result(self, actions: list[Action]) -> list[Action]:
        """What becomes of the mind's words on a result."""
        return self._in_its_mood(actions) if actions else actions

    def to_instruction(self, text: str) -> list[Action]:
        """What follows from an instruction that stands in the history as the model's own turn."""
        self._memory.turns += 1
        return self._in_its_mood(self.brain.instructed(text))

    def _understood(self, text: str) -> list[Action]:
        """What the mind says. Where it makes nothing of the words, what it owes is said instead."""
        actions = self.brain.hear(text)
        owed, self._memory.owed = self._memory.owed, []
        if owed and self.brain.puzzled:
            return owed
        return actions

    def _in_its_mood(self, actions: list[Action]) -> list[Action]:
        """As its personality has it: perhaps nothing of it, or half. What was not said it still owes."""
        state = self._player.state
        state.answers += 1
        made = state.personality.answer(state.answers, actions)
        if made is not actions:
            self._memory.owed = [each for each in actions if not isinstance(each, Think)]
        return made


def says_nothing(actions: Sequence[Action]) -> bool:
    """Whether not even a turn begins."""
    return bool(actions) and all(isinstance(action, Ignore) for action in actions)


def _same(call: CallTool, action: Action) -> bool:
    return isinstance(action, CallTool) and (call.name, dict(call.args)) == (action.name, dict(action.args))
