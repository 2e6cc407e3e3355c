"""The conversation on one connection, once it is open: what the user says, and the turns that follow. Sans I/O."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace

from ..audio import Pcm
from ..liveapi import ClientContent, Content, ContextUpdate, RealtimeInput, ToolResponse
from .actions import Action, Say, Silent, Think
from .brain import Brain
from .closings import Closing
from .listening import Listening
from .replies import Replies
from .scenario_player import ScenarioPlayer
from .server_output import ServerOutput
from .session_setup import SessionSetup, declared_functions, instruction_text
from .session_store import PendingCall, SessionMemory
from .shared_state import MakeBrain, SharedState
from .timers import Timers

__all__ = ["Dialogue"]

_log = logging.getLogger(__name__)

_MOST_TURNS = 64
_MOST_LATER = 256
_EXACTLY = re.compile(r'\s*Greet the caller now\.\s*Say exactly:\s*"(?P<words>.*)"\s*', re.DOTALL)


class Dialogue:
    """See the module."""

    def __init__(
        self,
        output: ServerOutput,
        memory: SessionMemory,
        settings: SessionSetup,
        brain: Brain,
        shared: SharedState,
        player: ScenarioPlayer,
        timers: Timers,
    ) -> None:
        timing = shared.behaviour.timing
        self.memory = memory
        self.listening = Listening(output, memory, settings, timing, on_start=self._speech_starts)
        self.replies = Replies(output, memory, brain, settings, timing, shared.ids, player.oddities)
        self.replies.on_result = self._result
        self._settings = settings
        self._timing = timing
        self._player = player
        self._timers = timers
        self._history_first = settings.history_first
        self._first_audio_ns = self.listening.heard_ns
        self._now_ns = 0

    @property
    def due_ns(self) -> int | None:
        """When to call `step`."""
        return self.replies.due_ns

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way: nobody speaks, and nobody waits."""
        waits = self.memory.inbox or self.memory.later or self.memory.unanswered
        return not (self.listening.busy or self.replies.open or waits)

    def step(self, now_ns: int) -> None:
        """Do what is due in the model's turn."""
        self.replies.step(now_ns)

    def finished(self, key: int, result: str | Pcm) -> None:
        """Take the result of a `Work`."""
        if isinstance(result, str):
            if (said := self.listening.transcribed(key, result)) is not None:
                self._user_turn(*said)
        elif not self.replies.spoken(key, result):
            _log.debug("a sentence was finished after its turn")

    def realtime(self, given: RealtimeInput, now_ns: int) -> None:
        """Take live input. Raises `Closing` for what makes no sense."""
        self._now_ns = now_ns
        self.listening.realtime(given, now_ns)
        if given.audio_blob is not None:
            self._player.heard(self.listening.heard_ns - self._first_audio_ns, now_ns)
        if given.text is not None:
            self.memory.context.add_text("user", given.text)
            self.listening.show()
            self._user_turn(given.text, now_ns)

    def content(self, given: ClientContent, now_ns: int) -> None:
        """Take turns for the history. Raises `Closing` for parts that do not belong there."""
        if any(part.function_call or part.function_response for turn in given.turns for part in turn.parts):
            raise Closing.invalid()
        if not self._history_first:
            if not self._settings.content_any_time:
                raise Closing.invalid(
                    f"{self._settings.can.name} takes clientContent as initial history only."
                )
            self.replies.interrupt()
        for turn in given.turns:
            self._remember(turn)
        if not given.turn_complete:
            return
        if self._history_first:
            self._history_first = False
            self.memory.unanswered.clear()
        else:
            self._user_turn("", now_ns)

    def respond(self, given: ToolResponse, now_ns: int) -> None:
        """Take results of tools."""
        self._now_ns = now_ns
        for response in given.function_responses:
            # A result waits for the user to finish, however urgent it is.
            if self.replies.respond(response, now_ns) and not self.listening.busy:
                self.replies.interrupt()

    def update(self, update: ContextUpdate, make_brain: MakeBrain) -> SessionSetup:
        """Take another instruction or other tools; returns the settings from now on."""
        settings = self._settings
        if update.system_instruction is not None:
            settings = replace(settings, instruction=instruction_text(update.system_instruction))
        if update.tools is not None:
            settings = replace(settings, functions=declared_functions(update.tools.tools))
        brain = make_brain(settings.declarations(), settings.instruction)
        brain.restore(self.replies.brain.snapshot())
        self._settings = self.replies.settings = settings
        self.replies.brain = brain
        return settings

    def perform(self, actions: list[Action]) -> None:
        """Let the model do something unasked, when it is its turn."""
        if len(self.memory.later) < _MOST_LATER:
            self.memory.later += actions

    def interrupt(self) -> None:
        """Cut the model off."""
        self.replies.interrupt()

    def go_on(self, now_ns: int) -> None:
        """Begin the model's turns for which it is time."""
        self._now_ns = now_ns
        while self.memory.inbox:
            if self._settings.interruptible:
                self.replies.interrupt()
            if self.replies.open:
                return
            self._fit()
            text, ended_ns = self.memory.inbox.popleft()
            due_ns = max(now_ns, ended_ns + self._timing.scaled(self._timing.think_ns))
            self.replies.begin(self._answer(text, now_ns), due_ns)
        if not self.listening.busy:
            self.replies.begin_later(now_ns)

    def snapshot(self) -> SessionMemory:
        """The conversation as it is; for when it is quiet."""
        self.listening.share()
        return self.memory.copy(self.replies.brain.snapshot())

    def leave(self) -> None:
        """The connection is over."""
        self.replies.drop()
        self.listening.leave()
        self.memory.brain = self.replies.brain.snapshot()

    def _speech_starts(self, now_ns: int) -> None:
        if not self._settings.interruptible:
            return
        late_ns = self._player.oddities.interrupted_after_ns
        if late_ns:
            self._timers.at(now_ns + late_ns, lambda _: self.replies.interrupt())
        else:
            self.replies.interrupt()

    def _remember(self, turn: Content) -> None:
        text, memory = turn.plain_text, self.memory
        if turn.role.lower() == "model":
            # Whatever was said before has had its answer.
            memory.unanswered.clear()
            memory.context.add_text("model", text)
        else:
            memory.unanswered = [*memory.unanswered, text][-_MOST_TURNS:]
            memory.context.add_text("user", text)

    def _user_turn(self, text: str, ended_ns: int) -> None:
        """The user wants an answer to `text` and to whatever is unanswered."""
        whole = " ".join(part for part in (*self.memory.unanswered, text) if part.strip())
        self.memory.unanswered.clear()
        if len(self.memory.inbox) >= _MOST_TURNS:
            raise Closing.quota()
        self.memory.inbox.append((whole, ended_ns))

    def _fit(self) -> None:
        """Make room in the context. Raises `Closing` when there is none."""
        context, compression = self.memory.context, self._settings.compression
        window = self._settings.can.input_tokens
        if compression is not None:
            context.compress(compression.trigger, compression.target)
        elif window is not None and context.total > window:
            raise Closing.invalid()

    def _answer(self, text: str, now_ns: int) -> list[Action]:
        self.memory.turns += 1
        scripted = self._player.turn(self.memory.turns, now_ns)
        if scripted is not None:
            return scripted
        exactly = _EXACTLY.fullmatch(text)
        actions: list[Action] = [Say(exactly["words"])] if exactly else self.replies.brain.hear(text)
        if self._settings.thoughts and not all(isinstance(action, Silent) for action in actions):
            thought = (
                "**Answering the user**\n\nThe user said something, and I have decided how to answer it.\n"
            )
            return [Think(thought), *actions]
        return actions

    def _result(self, call: PendingCall, result: Mapping[str, object]) -> list[Action] | None:
        scripted = self._player.result(call.name, self._now_ns)
        # Of a call that a scenario made no brain knows.
        return [] if scripted is None and not call.key else scripted
