"""One connection's Live session, sans I/O: client messages and the time go in, server messages and work come out.

Whoever drives it calls `receive`, `finished` and `advance` with the time in nanoseconds of any clock that all
sessions of a shared share, carries out what `outbox` then holds, and comes back at `due_ns`. The same input at the
same times gives the same output.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from ..audio import Pcm
from ..liveapi import (
    ClientContent,
    ClientMessage,
    Content,
    ContextUpdate,
    RealtimeInput,
    ServerMessage,
    Setup,
    SetupComplete,
)
from .act_runner import ActRunner
from .closings import Closing
from .dialogue import Dialogue
from .handles import Handles
from .message_kinds import received_kinds, sent_kinds
from .mind import Thought
from .server_output import ServerOutput
from .session_setup import SessionSetup, read_setup
from .session_store import SessionMemory
from .shared_state import Entry, MakeBrain, SharedState
from .timers import Timers
from .usage import text_tokens

__all__ = ["LiveSession"]

_log = logging.getLogger(__name__)

_MOST_EARLY = 5_000


class LiveSession:
    """See the module. One object per connection; `leave` must be called when that ends.

    Args:
        shared: shared with the other sessions.
        make_brain: called when the session opens.
        now_ns: the time of the connection.
        entry: how the client came in.
    """

    def __init__(
        self, shared: SharedState, make_brain: MakeBrain, *, now_ns: int, entry: Entry | None = None
    ) -> None:
        self.output = ServerOutput()
        self._shared = shared
        self._behaviour = shared.behaviour
        self._make_brain = make_brain
        self._entry = entry or Entry()
        self._player = self._entry.player or shared.scenario.enter(now_ns)
        self._timers = Timers()
        self._early: deque[ClientMessage] | None = deque()
        self._settings: SessionSetup | None = None
        self._refused = False
        self._dialogue: Dialogue | None = None
        self._acts_runner = ActRunner(self.output, self._player, self._timers, shared)
        self.output.on_sent = self._sent
        self._now_ns = now_ns
        self._timers.at(now_ns + self._behaviour.setup_within_ns, self._setup_missed)
        if (lasts_ns := self._behaviour.connection_ns) is not None:
            warning_ns = min(self._behaviour.go_away_ns, lasts_ns)
            self._timers.at(now_ns + lasts_ns - warning_ns, lambda _: self.output.go_away(warning_ns))
            self._timers.at(now_ns + lasts_ns, self._connection_over)
        self._guarded(now_ns, lambda: None)

    @property
    def strict(self) -> bool | None:
        """Whether messages are held to the letter; None: that goes by the model, which is not known yet."""
        return self._behaviour.strict if self._settings is None else self._settings.strict

    @property
    def due_ns(self) -> int | None:
        """When to call `advance`; None: only a message or finished work brings news."""
        if self.output.closing is not None:
            return None
        times = [self._timers.due_ns, self._player.due_ns]
        times.append(self._dialogue.due_ns if self._dialogue is not None else None)
        return min((time for time in times if time is not None), default=None)

    def receive(self, message: ClientMessage, now_ns: int) -> None:
        """Take a message from the client."""
        self._guarded(now_ns, lambda: self._receive(message, now_ns))

    def refuse(self, closing: Closing) -> None:
        """End the session, because the client sent what is no message."""
        self.output.closing = self.output.closing or closing

    def finished(self, key: int, result: str | Pcm | Thought | None, now_ns: int) -> None:
        """Take the result of a `Work`."""
        if (dialogue := self._dialogue) is not None:
            self._guarded(now_ns, lambda: dialogue.finished(key, result, now_ns))

    def advance(self, now_ns: int) -> None:
        """Do all that is due up to `now_ns`, each at its own time."""
        while (due_ns := self.due_ns) is not None and due_ns <= now_ns:
            if self._timers.due_ns == due_ns:
                self._guarded(due_ns, partial(self._timers.pop(), due_ns))
            elif self._dialogue is not None and self._dialogue.due_ns == due_ns:
                self._guarded(due_ns, partial(self._dialogue.step, due_ns))
            else:
                self._guarded(due_ns, lambda: None)

    def leave(self, now_ns: int, *, lost: bool = False) -> None:
        """The connection is over: keep what can be resumed.

        Args:
            lost: no close was received, so the server may take a while to see it.
        """
        if self._dialogue is None:
            return
        self._dialogue.leave()
        memory = self._dialogue.memory
        memory.attached = False
        memory.left_ns = now_ns
        memory.held_until_ns = now_ns + self._behaviour.release_ns if lost else 0
        self._settings = self._dialogue = None
        self.output.closing = self.output.closing or Closing(1000, "")

    def _guarded(self, now_ns: int, act: Callable[[], None]) -> None:
        self._now_ns = now_ns
        if self.output.closing is not None:
            return
        try:
            act()
            self._acts_runner.play(now_ns)
            if self._dialogue is not None and self._early is None and self.output.closing is None:
                self._dialogue.go_on(now_ns)
                self._handles.go_on(now_ns)
        except Closing as closing:
            self.refuse(closing)

    def _sent(self, message: ServerMessage) -> None:
        # What a scene itself sends sets off no other, or the same again.
        for kind in () if self._acts_runner.playing else sent_kinds(message):
            self._player.happened("sent", kind, self._now_ns)
        if message.server_content is not None and message.server_content.turn_complete:
            self._handles.turn_over()
        self._acts_runner.play(self._now_ns)

    # Opening

    def _receive(self, message: ClientMessage, now_ns: int) -> None:
        if self._refused:
            return
        for kind in received_kinds(message):
            self._player.happened("received", kind, now_ns)
        # At once: what a message sets off comes before the answer to it.
        self._acts_runner.play(now_ns)
        if self.output.closing is not None:
            return
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
        timing, admission = self._behaviour.timing, self._entry.admission
        setup = admission.begin(setup, now_ns)
        settings = read_setup(setup, self._behaviour, self._entry.api)
        wait_ns = timing.scaled(timing.resume_ns if settings.handle else timing.setup_ns)
        if self._player.oddities.setup_after_ns is not None:
            wait_ns = self._player.oddities.setup_after_ns
        try:
            memory = self._memory_of(settings, now_ns)
        except Closing as closing:
            # The service needs as long for this as for a session that it resumes.
            self._refused = True
            self._timers.drop(self._setup_missed)
            self._timers.at(now_ns + wait_ns, partial(_raise, closing))
            return
        self._player.opens(settings.model)
        brain = self._make_brain(settings.declarations(), settings.instruction)
        if memory.brain is not None:
            brain.restore(memory.brain)
        if settings.handle and self._player.oddities.forgets_prefill:
            memory.context.forget_prefill()
            brain.forget_before()
        memory.attached = True
        self._dialogue = Dialogue(
            self.output, memory, settings, brain, self._shared, self._player, self._timers
        )
        self._dialogue.on_instruction = self._instructed
        self._acts_runner.dialogue = self._dialogue
        self._handles = Handles(self.output, self._shared, settings, self._dialogue, self._timers)
        self._settings = settings
        self._timers.drop(self._setup_missed)
        self._timers.at(now_ns + wait_ns, self._opened)
        if settings.compression is None and self._behaviour.session_ns is not None:
            self._timers.at(memory.began_ns + self._behaviour.session_ns, self._session_over)
        if memory.filmed_ns is not None:
            self._film(memory.filmed_ns)
        if admission.token is not None:
            self._timers.at(admission.token.expires_ns, admission.token.check)

    def _memory_of(self, settings: SessionSetup, now_ns: int) -> SessionMemory:
        if settings.handle:
            refusals = self._player.state.refused_resumes
            if refusals:
                raise refusals.pop(0)
            state = self._player.state
            state.resumes += 1
            if (refusal := state.personality.refusal(state.resumes)) is not None:
                raise refusal
            return self._shared.store.resume(
                settings.handle, settings.model, now_ns, self._behaviour.handle_ns
            )
        memory = SessionMemory(settings.model, now_ns)
        tools = "".join(function.name + function.description for function in settings.functions)
        memory.context.instruction = text_tokens(settings.instruction + tools)
        return memory

    def _opened(self, now_ns: int) -> None:
        assert self._settings is not None and self._dialogue is not None
        timing = self._behaviour.timing
        session_id = self._shared.ids.handle() if self._entry.api.vertex else ""
        early, self._early = self._early or deque(), None
        self.output.put(ServerMessage(setup_complete=SetupComplete(session_id=session_id)))
        wait_ns = timing.resumed_handle_ns if self._settings.handle else timing.handle_ns
        if self._settings.resumable:
            self._timers.at(now_ns + timing.scaled(wait_ns), self._handles.begin)
        self._dialogue.listening.go_on(now_ns)
        for message in early:
            self._dispatch(message, now_ns)

    # What the client sends

    def _dispatch(self, message: ClientMessage, now_ns: int) -> None:
        assert self._dialogue is not None
        self._handles.consumed += 1
        realtime: RealtimeInput | None = message.realtime_input
        content: ClientContent | None = message.client_content
        update: ContextUpdate | None = message.context_update
        if realtime is not None:
            if realtime.video_blob is not None and self._dialogue.memory.filmed_ns is None:
                self._dialogue.memory.filmed_ns = now_ns
                self._film(now_ns)
            self._dialogue.realtime(realtime, now_ns)
        if content is not None:
            self._dialogue.content(content, now_ns)
        if message.tool_response is not None:
            self._dialogue.respond(message.tool_response, now_ns)
        if update is not None:
            self._settings = self._dialogue.update(update, self._make_brain)

    def _instructed(self, text: str) -> None:
        """A turn of the role ``system`` replaces the instruction, on Vertex AI."""
        assert self._dialogue is not None
        update = ContextUpdate(system_instruction=Content.of_text(text))
        self._settings = self._dialogue.update(update, self._make_brain)

    # Ends

    def _film(self, since_ns: int) -> None:
        """A session with images may last less long."""
        assert self._settings is not None
        if self._settings.compression is None and self._behaviour.video_session_ns is not None:
            self._timers.at(since_ns + self._behaviour.video_session_ns, self._session_over)

    def _session_over(self, now_ns: int) -> None:
        if self._dialogue is not None:
            self._dialogue.memory.over = True
            self._shared.store.forget(self._dialogue.memory)
        raise Closing.aborted()

    def _setup_missed(self, now_ns: int) -> None:
        raise Closing.deadline()

    def _connection_over(self, now_ns: int) -> None:
        raise Closing.deadline()


def _raise(closing: Closing, now_ns: int) -> None:
    raise closing
