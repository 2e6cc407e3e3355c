"""The conversation on one connection, once it is open: what the user says, and the turns that follow. Sans I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from ..audio import Pcm
from ..liveapi import (
    ClientContent,
    Content,
    ContextUpdate,
    FunctionResponse,
    RealtimeInput,
    ToolResponse,
)
from .actions import Action
from .answering import Answering, says_nothing
from .brain import Brain
from .closings import Closing
from .listening import Listening
from .mind import Thought
from .replies import Replies
from .scenario_player import ScenarioPlayer
from .server_output import ServerOutput
from .session_setup import SessionSetup, declared_functions, instruction_text
from .session_store import SessionMemory
from .shared_state import MakeBrain, SharedState
from .strictness import check_roles
from .timers import Timers

__all__ = ["Dialogue"]

_log = logging.getLogger(__name__)

_MOST_TURNS = 64
_MOST_LATER = 256


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
        self.on_instruction: Callable[[str], None] = lambda text: None
        """Told when the system instruction is replaced in the middle of a session."""
        self.memory = memory
        self.replies = Replies(output, memory, brain, settings, timing, shared.ids, player.oddities, timers)
        self.listening = Listening(
            output, memory, settings, timing, player.oddities, timers, on_start=self._speech_starts
        )
        self.listening.turn_over_ns = lambda: self.replies.over_ns
        self._answering = Answering(memory, settings, brain, player)
        self.replies.on_result = lambda call, result: self._answering.to_result(call, result, self._now_ns)
        self.replies.after_result = self._answering.after_result
        self.replies.on_cue = player.go_on
        self._settings = settings
        self._timing = timing
        self._player = player
        self._timers = timers
        self._history_first = settings.history_first
        self._primed = False
        """Whether the history ends with the user, who is answered with the next realtime input."""
        self._instruction = ""
        """The model's own turn that the history ends with, but for a user who says nothing."""
        self._asked = ""
        """What the turn under way answers."""
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

    def finished(self, key: int, result: str | Pcm | Thought | None, now_ns: int) -> None:
        """Take the result of a `Work`."""
        if result is None or isinstance(result, Thought):
            self.replies.thought(key, result)
            return
        if isinstance(result, str):
            if (said := self.listening.transcribed(key, result, now_ns)) is not None:
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
            self._typed(given.text, now_ns)
        elif self._primed and (given.audio_blob is not None or given.activity_end is not None):
            self._primed = False
            self._user_turn("", now_ns)

    def _typed(self, text: str, now_ns: int) -> None:
        """Text of the user's. Blanks say nothing: they only wake a model that has something to answer."""
        primed, self._primed = self._primed, False
        if not text.strip() and not primed and not self.memory.unanswered and not self.memory.owed:
            return
        self.memory.context.add_text("user", text)
        self.listening.show()
        self._user_turn(text, now_ns)

    def content(self, given: ClientContent, now_ns: int) -> None:
        """Take turns for the history. Raises `Closing` for parts that do not belong there."""
        if any(part.function_call or part.function_response for turn in given.turns for part in turn.parts):
            raise Closing.invalid()
        if not self._history_first:
            if not self._settings.content_any_time:
                raise Closing.invalid(
                    f"{self._settings.can.name} takes clientContent as initial history only."
                )
            if self.replies.pending and self._asked:
                # It has not said a word to what it was asked before: that is asked still, together with this.
                self.memory.unanswered.append(self._asked)
            self.replies.interrupt(now_ns)
        instruction: str | None = None
        if self._settings.strict or self._settings.vertex:
            instruction = check_roles(
                given.turns,
                older=self._settings.older or not self._settings.strict,
                vertex=self._settings.vertex,
            )
        if instruction is not None:
            self.on_instruction(instruction)
        for turn in given.turns:
            if turn.role.lower() != "system":
                self._remember(turn)
        if not given.turn_complete:
            return
        answered_at_once = not self._history_first or self._settings.older
        if self._history_first:
            self._history_first = False
            if not self.memory.unanswered:
                return
        if answered_at_once:
            self._user_turn("", now_ns)
        else:
            self._primed = True

    def respond(self, given: ToolResponse, now_ns: int) -> None:
        """Take results of tools."""
        self._now_ns = now_ns
        for response in given.function_responses:
            if response.parts:
                self._see_parts(response)
            # A result waits for the user to finish, however urgent it is.
            if self.replies.respond(response, now_ns) and not self.listening.busy:
                self.replies.interrupt(now_ns)

    def _see_parts(self, response: FunctionResponse) -> None:
        """Pictures in a result are in the context. Raises `Closing` where the model takes none."""
        if self._settings.strict and not self._settings.can.tool_response_parts:
            raise Closing.invalid()
        pictures = [
            each
            for each in response.parts
            if each.inline_data and each.inline_data.mime_type.startswith("image/")
        ]
        if pictures:
            self.memory.context.add("tool", "", IMAGE=len(pictures) * self._settings.image_tokens)

    def update(self, update: ContextUpdate, make_brain: MakeBrain) -> SessionSetup:
        """Take another instruction or other tools; returns the settings from now on."""
        settings = self._settings
        if update.system_instruction is not None:
            settings = replace(settings, instruction=instruction_text(update.system_instruction))
        if update.tools is not None:
            settings = replace(settings, functions=declared_functions(update.tools.tools))
        brain = make_brain(settings.declarations(), settings.instruction)
        brain.restore(self.replies.brain.snapshot())
        self._settings = self.replies.settings = self._answering.settings = settings
        self.replies.brain = self._answering.brain = brain
        return settings

    def perform(self, actions: list[Action]) -> None:
        """Let the model do something unasked, when it is its turn."""
        if len(self.memory.later) < _MOST_LATER:
            self.memory.later += actions

    def interrupt(self, now_ns: int) -> None:
        """Cut the model off."""
        self.replies.interrupt(now_ns)

    def go_on(self, now_ns: int) -> None:
        """Begin the model's turns for which it is time."""
        self._now_ns = now_ns
        while self.memory.inbox:
            if self._settings.interruptible:
                self.replies.interrupt(now_ns)
            if self.replies.open:
                return
            self._fit()
            text, ended_ns = self.memory.inbox.popleft()
            due_ns = max(now_ns, ended_ns + self._timing.scaled(self._timing.think_ns))
            self._asked = text
            actions = self._answer(text, now_ns)
            if not says_nothing(actions):
                self.replies.begin(actions, due_ns)
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
            self._timers.at(now_ns + late_ns, self.replies.interrupt)
        else:
            self.replies.interrupt(now_ns)

    def _remember(self, turn: Content) -> None:
        text, memory = turn.plain_text, self.memory
        if turn.role.lower() == "model":
            # Whatever was said before has had its answer.
            memory.unanswered.clear()
            memory.context.add_text("model", text, prefill=True)
            self.replies.brain.remember(text, "model")
            self._instruction = text
            return
        memory.unanswered = [*memory.unanswered, text][-_MOST_TURNS:]
        memory.context.add_text("user", text, prefill=True)
        self.replies.brain.remember(text)
        if any(letter.isalnum() for letter in text):
            self._instruction = ""

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
        instruction, self._instruction = self._instruction, ""
        if instruction and self._settings.older and not any(letter.isalnum() for letter in text):
            # 2.x models take a user who says "." for leave to act on what stands before it.
            return self._answering.to_instruction(instruction)
        return self._answering.to_user(text, now_ns)
