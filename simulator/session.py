"""One connection's Live session, sans I/O: client messages and the time go in, server messages and work come out.

Whoever drives it calls `receive`, `finished` and `advance` with the time in nanoseconds of any clock that all
sessions of a house share, carries out what `outbox` then holds, and comes back at `due_ns`. The same input at the
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
    ContextUpdate,
    RealtimeInput,
    ServerMessage,
    Setup,
    SetupComplete,
)
from .closings import Closing
from .dialogue import Dialogue
from .house import Entry, House, MakeBrain
from .kinds import received_kinds, sent_kinds
from .outbox import Outbox
from .performance import Performance
from .renewal import Renewal
from .settings import Settings, read_setup
from .store import Conversation
from .timers import Timers
from .usage import text_tokens

__all__ = ["LiveSession"]

_log = logging.getLogger(__name__)

_MOST_EARLY = 5_000


class LiveSession:
    """See the module. One object per connection; `leave` must be called when that ends.

    Args:
        house: shared with the other sessions.
        make_brain: called when the session opens.
        now_ns: the time of the connection.
        entry: how the client came in.
    """

    def __init__(
        self, house: House, make_brain: MakeBrain, *, now_ns: int, entry: Entry | None = None
    ) -> None:
        self.outbox = Outbox()
        self._house = house
        self._behaviour = house.behaviour
        self._make_brain = make_brain
        self._entry = entry or Entry()
        self._director = self._entry.director or house.stage.enter(now_ns)
        self._timers = Timers()
        self._early: deque[ClientMessage] | None = deque()
        self._settings: Settings | None = None
        self._refused = False
        self._dialogue: Dialogue | None = None
        self._performance = Performance(self.outbox, self._director, self._timers, house)
        self.outbox.on_sent = self._sent
        self._now_ns = now_ns
        self._timers.at(now_ns + self._behaviour.setup_within_ns, self._setup_missed)
        if (lasts_ns := self._behaviour.connection_ns) is not None:
            warning_ns = min(self._behaviour.go_away_ns, lasts_ns)
            self._timers.at(now_ns + lasts_ns - warning_ns, lambda _: self.outbox.go_away(warning_ns))
            self._timers.at(now_ns + lasts_ns, self._connection_over)
        self._guarded(now_ns, lambda: None)

    @property
    def due_ns(self) -> int | None:
        """When to call `advance`; None: only a message or finished work brings news."""
        if self.outbox.closing is not None:
            return None
        times = [self._timers.due_ns, self._director.due_ns]
        times.append(self._dialogue.due_ns if self._dialogue is not None else None)
        return min((time for time in times if time is not None), default=None)

    def receive(self, message: ClientMessage, now_ns: int) -> None:
        """Take a message from the client."""
        self._guarded(now_ns, lambda: self._receive(message, now_ns))

    def refuse(self, closing: Closing) -> None:
        """End the session, because the client sent what is no message."""
        self.outbox.closing = self.outbox.closing or closing

    def finished(self, key: int, result: str | Pcm, now_ns: int) -> None:
        """Take the result of a `Work`."""
        if (dialogue := self._dialogue) is not None:
            self._guarded(now_ns, lambda: dialogue.finished(key, result))

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
        conversation = self._dialogue.conversation
        conversation.attached = False
        conversation.left_ns = now_ns
        conversation.held_until_ns = now_ns + self._behaviour.release_ns if lost else 0
        self._settings = self._dialogue = None
        self.outbox.closing = self.outbox.closing or Closing(1000, "")

    def _guarded(self, now_ns: int, act: Callable[[], None]) -> None:
        self._now_ns = now_ns
        if self.outbox.closing is not None:
            return
        try:
            act()
            self._performance.play(now_ns)
            if self._dialogue is not None and self._early is None and self.outbox.closing is None:
                self._dialogue.go_on(now_ns)
                self._renewal.go_on(now_ns)
        except Closing as closing:
            self.refuse(closing)

    def _sent(self, message: ServerMessage) -> None:
        # What a scene itself sends sets off no other, or the same again.
        for kind in () if self._performance.playing else sent_kinds(message):
            self._director.happened("sent", kind, self._now_ns)
        if message.server_content is not None and message.server_content.turn_complete:
            self._renewal.turn_over()
        self._performance.play(self._now_ns)

    # Opening

    def _receive(self, message: ClientMessage, now_ns: int) -> None:
        if self._refused:
            return
        for kind in received_kinds(message):
            self._director.happened("received", kind, now_ns)
        # At once: what a message sets off comes before the answer to it.
        self._performance.play(now_ns)
        if self.outbox.closing is not None:
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
        settings = read_setup(setup, self._behaviour, self._entry.door)
        wait_ns = timing.scaled(timing.resume_ns if settings.handle else timing.setup_ns)
        if self._director.twist.setup_after_ns is not None:
            wait_ns = self._director.twist.setup_after_ns
        try:
            conversation = self._conversation(settings, now_ns)
        except Closing as closing:
            # The service needs as long for this as for a session that it resumes.
            self._refused = True
            self._timers.drop(self._setup_missed)
            self._timers.at(now_ns + wait_ns, partial(_raise, closing))
            return
        brain = self._make_brain(settings.declarations(), settings.instruction)
        if conversation.brain is not None:
            brain.restore(conversation.brain)
        conversation.attached = True
        self._dialogue = Dialogue(
            self.outbox, conversation, settings, brain, self._house, self._director, self._timers
        )
        self._performance.dialogue = self._dialogue
        self._renewal = Renewal(self.outbox, self._house, settings, self._dialogue, self._timers)
        self._settings = settings
        self._timers.drop(self._setup_missed)
        self._timers.at(now_ns + wait_ns, self._opened)
        if settings.compression is None and self._behaviour.session_ns is not None:
            self._timers.at(conversation.began_ns + self._behaviour.session_ns, self._session_over)
        if conversation.filmed_ns is not None:
            self._film(conversation.filmed_ns)
        if admission.token is not None:
            self._timers.at(admission.token.expires_ns, admission.token.check)

    def _conversation(self, settings: Settings, now_ns: int) -> Conversation:
        if settings.handle:
            refusals = self._director.stage.refused_resumes
            if refusals:
                raise refusals.pop(0)
            return self._house.store.resume(
                settings.handle, settings.model, now_ns, self._behaviour.handle_ns
            )
        conversation = Conversation(settings.model, now_ns)
        tools = "".join(function.name + function.description for function in settings.functions)
        conversation.context.instruction = text_tokens(settings.instruction + tools)
        return conversation

    def _opened(self, now_ns: int) -> None:
        assert self._settings is not None and self._dialogue is not None
        timing = self._behaviour.timing
        session_id = self._house.ids.handle() if self._entry.door.vertex else ""
        early, self._early = self._early or deque(), None
        self.outbox.put(ServerMessage(setup_complete=SetupComplete(session_id=session_id)))
        wait_ns = timing.resumed_handle_ns if self._settings.handle else timing.handle_ns
        if self._settings.resumable:
            self._timers.at(now_ns + timing.scaled(wait_ns), self._renewal.begin)
        self._dialogue.listening.go_on(now_ns)
        for message in early:
            self._dispatch(message, now_ns)

    # What the client sends

    def _dispatch(self, message: ClientMessage, now_ns: int) -> None:
        assert self._dialogue is not None
        self._renewal.consumed += 1
        realtime: RealtimeInput | None = message.realtime_input
        content: ClientContent | None = message.client_content
        update: ContextUpdate | None = message.context_update
        if realtime is not None:
            if realtime.video_blob is not None and self._dialogue.conversation.filmed_ns is None:
                self._dialogue.conversation.filmed_ns = now_ns
                self._film(now_ns)
            self._dialogue.realtime(realtime, now_ns)
        if content is not None:
            self._dialogue.content(content, now_ns)
        if message.tool_response is not None:
            self._dialogue.respond(message.tool_response, now_ns)
        if update is not None:
            self._settings = self._dialogue.update(update, self._make_brain)

    # Ends

    def _film(self, since_ns: int) -> None:
        """A session with images may last less long."""
        assert self._settings is not None
        if self._settings.compression is None and self._behaviour.video_session_ns is not None:
            self._timers.at(since_ns + self._behaviour.video_session_ns, self._session_over)

    def _session_over(self, now_ns: int) -> None:
        if self._dialogue is not None:
            self._dialogue.conversation.over = True
            self._house.store.forget(self._dialogue.conversation)
        raise Closing.aborted()

    def _setup_missed(self, now_ns: int) -> None:
        raise Closing.deadline()

    def _connection_over(self, now_ns: int) -> None:
        raise Closing.deadline()


def _raise(closing: Closing, now_ns: int) -> None:
    raise closing
