"""One connection's Live session, sans I/O: client messages and the time go in, server messages and work come out.

Whoever drives it calls `receive`, `finished` and `advance` with the time in nanoseconds of any clock, carries out
what `outbox` then holds, and comes back at `due_ns`. The same input at the same times gives the same output.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from ..audio import Pcm
from ..processors.gemini_live.wire import (
    ClientContent,
    ClientMessage,
    Content,
    ContextUpdate,
    JsonObject,
    RealtimeInput,
    Setup,
)
from .behaviour import Behaviour, Ids
from .brain import Action, Brain, Say
from .closings import Closing
from .listening import Listening
from .outbox import Outbox
from .replies import Replies
from .settings import Settings, declared_functions, instruction_text, read_setup
from .store import Conversation, SessionStore
from .usage import text_tokens

__all__ = ["House", "LiveSession", "MakeBrain"]

_log = logging.getLogger(__name__)

MakeBrain = Callable[[Iterable[JsonObject], str], Brain]
"""Makes a brain for declared functions and a system instruction."""

_MOST_EARLY = 5_000
_MOST_TURNS = 64
_EXACTLY = re.compile(r'\s*Greet the caller now\.\s*Say exactly:\s*"(?P<words>.*)"\s*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class House:
    """What the sessions of a simulator share."""

    store: SessionStore = field(default_factory=SessionStore)
    ids: Ids = field(default_factory=Ids)
    behaviour: Behaviour = field(default_factory=Behaviour)


class LiveSession:
    """See the module. One object per connection; `leave` must be called when that ends.

    Args:
        house: shared with the other sessions.
        make_brain: called when the session opens.
        now_ns: the time of the connection.
        vertex: the client came on Vertex AI's path.
    """

    def __init__(self, house: House, make_brain: MakeBrain, *, now_ns: int, vertex: bool = False) -> None:
        self.outbox = Outbox()
        self._house = house
        self._behaviour = house.behaviour
        self._make_brain = make_brain
        self._vertex = vertex
        self._timers: list[tuple[int, Callable[[int], None]]] = []
        self._early: deque[ClientMessage] | None = deque()
        self._unanswered: list[str] = []
        self._inbox: deque[tuple[str, int]] = deque()
        self._settings: Settings | None = None
        self._timer(now_ns + self._behaviour.setup_within_ns, self._setup_missed)
        if (lasts_ns := self._behaviour.connection_ns) is not None:
            warning_ns = min(self._behaviour.go_away_ns, lasts_ns)
            self._timer(now_ns + lasts_ns - warning_ns, lambda _: self.outbox.go_away(warning_ns))
            self._timer(now_ns + lasts_ns, self._end)

    @property
    def due_ns(self) -> int | None:
        """When to call `advance`; None: only a message or finished work brings news."""
        if self.outbox.closing is not None:
            return None
        times = [self._timers[0][0]] if self._timers else []
        if self._settings is not None and (reply_ns := self._replies.due_ns) is not None:
            times.append(reply_ns)
        return min(times, default=None)

    def receive(self, message: ClientMessage, now_ns: int) -> None:
        """Take a message from the client."""
        self._guarded(now_ns, lambda: self._receive(message, now_ns))

    def refuse(self, closing: Closing) -> None:
        """End the session, because the client sent what is no message."""
        self.outbox.closing = self.outbox.closing or closing

    def finished(self, key: int, result: str | Pcm, now_ns: int) -> None:
        """Take the result of a `Work`."""

        def take() -> None:
            if isinstance(result, str):
                if (said := self._listening.transcribed(key, result)) is not None:
                    self._user_turn(*said)
            elif not self._replies.spoken(key, result):
                _log.debug("a sentence was finished after its turn")

        self._guarded(now_ns, take)

    def advance(self, now_ns: int) -> None:
        """Do all that is due up to `now_ns`, each at its own time."""
        while (due_ns := self.due_ns) is not None and due_ns <= now_ns:
            if self._timers and self._timers[0][0] <= due_ns:
                _, act = self._timers.pop(0)
                self._guarded(due_ns, partial(act, due_ns))
            else:
                self._guarded(due_ns, partial(self._replies.step, due_ns))

    def leave(self) -> None:
        """The connection is over: keep what can be resumed."""
        if self._settings is None:
            return
        self._replies.drop()
        self._listening.leave()
        self._conversation.brain = self._replies.brain.snapshot()
        self._conversation.attached = False
        self._settings = None
        self.outbox.closing = self.outbox.closing or Closing(1000, "")

    def _guarded(self, now_ns: int, act: Callable[[], None]) -> None:
        if self.outbox.closing is not None:
            return
        try:
            act()
            if self._settings is not None:
                self._go_on(now_ns)
        except Closing as closing:
            self.refuse(closing)

    # Opening

    def _receive(self, message: ClientMessage, now_ns: int) -> None:
        if self._settings is None:
            if message.setup is None or len(message.kinds) > 1:
                raise Closing.not_first()
            self._open(message.setup, now_ns)
        elif message.setup is not None:
            raise Closing.not_first()
        elif self._early is not None:
            if len(self._early) >= _MOST_EARLY:
                raise Closing.quota()
            self._early.append(message)
        else:
            self._dispatch(message, now_ns)

    def _open(self, setup: Setup, now_ns: int) -> None:
        settings = read_setup(setup, strict=self._behaviour.strict, vertex=self._vertex)
        timing = self._behaviour.timing
        brain = self._make_brain(settings.declarations(), settings.instruction)
        if settings.handle:
            self._conversation = self._house.store.resume(settings.handle, settings.model)
            if self._conversation.brain is not None:
                brain.restore(self._conversation.brain)
        else:
            self._conversation = Conversation(settings.model)
            tools = "".join(function.name + function.description for function in settings.functions)
            self._conversation.tokens.heard("TEXT", text_tokens(settings.instruction + tools))
        self._conversation.attached = True
        self._listening = Listening(
            self.outbox,
            self._conversation,
            settings,
            reports=self._behaviour.send_voice_activity,
            on_start=self._speech_starts,
        )
        self._replies = Replies(
            self.outbox, self._conversation, brain, settings, self._behaviour, self._house.ids
        )
        self._history_first = settings.history_first
        self._settings = settings
        self._timers = [timer for timer in self._timers if timer[1] != self._setup_missed]
        wait_ns = timing.resume_ns if settings.handle else timing.setup_ns
        self._timer(now_ns + timing.scaled(wait_ns), self._opened)

    def _opened(self, now_ns: int) -> None:
        timing = self._behaviour.timing
        resumed = self._settings is not None and self._settings.handle
        self.outbox.setup_complete(self._house.ids.handle() if self._vertex else "")
        wait_ns = timing.resumed_handle_ns if resumed else timing.handle_ns
        self._timer(now_ns + timing.scaled(wait_ns), self._give_handle)
        early, self._early = self._early or deque(), None
        for message in early:
            self._dispatch(message, now_ns)

    def _give_handle(self, now_ns: int) -> None:
        handle = self._house.ids.handle()
        self._house.store.keep(handle, self._conversation)
        self.outbox.handle(handle)

    def _setup_missed(self, now_ns: int) -> None:
        raise Closing.deadline()

    def _end(self, now_ns: int) -> None:
        raise Closing.deadline()

    def _timer(self, at_ns: int, act: Callable[[int], None]) -> None:
        self._timers.append((at_ns, act))
        self._timers.sort(key=lambda timer: timer[0])

    # What the client sends

    def _dispatch(self, message: ClientMessage, now_ns: int) -> None:
        if message.realtime_input is not None:
            self._realtime(message.realtime_input, now_ns)
        if message.client_content is not None:
            self._content(message.client_content, now_ns)
        if message.tool_response is not None:
            for response in message.tool_response.function_responses:
                # A result waits for the user to finish, however urgent it is.
                if self._replies.respond(response, now_ns) and not self._listening.busy:
                    self._replies.interrupt()
        if message.context_update is not None:
            self._update(message.context_update)

    def _realtime(self, given: RealtimeInput, now_ns: int) -> None:
        assert self._settings is not None
        self._listening.realtime(given, now_ns)
        if given.video_blob is not None:
            self._conversation.tokens.heard("IMAGE", self._settings.image_tokens)
        if given.text is not None:
            self._conversation.add_input("user", given.text)
            self._user_turn(given.text, now_ns)

    def _speech_starts(self) -> None:
        assert self._settings is not None
        if self._settings.interruptible:
            self._replies.interrupt()

    def _content(self, given: ClientContent, now_ns: int) -> None:
        if any(part.function_call or part.function_response for turn in given.turns for part in turn.parts):
            raise Closing.invalid()
        if not self._history_first:
            self._replies.interrupt()
        for turn in given.turns:
            self._remember(turn)
        if not given.turn_complete:
            return
        if self._history_first:
            self._history_first = False
            self._unanswered.clear()
        else:
            self._user_turn("", now_ns)

    def _remember(self, turn: Content) -> None:
        text = turn.plain_text
        if turn.role.lower() == "model":
            # Whatever was said before has had its answer.
            self._unanswered.clear()
            self._conversation.add_input("model", text)
        else:
            self._unanswered = [*self._unanswered, text][-_MOST_TURNS:]
            self._conversation.add_input("user", text)

    def _update(self, update: ContextUpdate) -> None:
        assert self._settings is not None
        settings = self._settings
        if update.system_instruction is not None:
            settings = replace(settings, instruction=instruction_text(update.system_instruction))
        if update.tools is not None:
            settings = replace(settings, functions=declared_functions(update.tools.tools))
        brain = self._make_brain(settings.declarations(), settings.instruction)
        brain.restore(self._replies.brain.snapshot())
        self._settings = self._replies.settings = settings
        self._replies.brain = brain

    # Turns

    def _user_turn(self, text: str, ended_ns: int) -> None:
        """The user wants an answer to `text` and to whatever is unanswered."""
        whole = " ".join(part for part in (*self._unanswered, text) if part.strip())
        self._unanswered.clear()
        if len(self._inbox) >= _MOST_TURNS:
            raise Closing.quota()
        self._inbox.append((whole, ended_ns))

    def _go_on(self, now_ns: int) -> None:
        """Begin the model's turns for which it is time."""
        assert self._settings is not None
        while self._inbox:
            if self._settings.interruptible:
                self._replies.interrupt()
            if self._replies.open:
                return
            text, ended_ns = self._inbox.popleft()
            timing = self._behaviour.timing
            self._replies.begin(self._answer(text), max(now_ns, ended_ns + timing.scaled(timing.think_ns)))
        if not self._listening.busy:
            self._replies.begin_later(now_ns)

    def _answer(self, text: str) -> list[Action]:
        exactly = _EXACTLY.fullmatch(text)
        return [Say(exactly["words"])] if exactly else self._replies.brain.hear(text)
