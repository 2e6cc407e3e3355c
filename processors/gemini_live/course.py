"""The course of a conversation: what follows from the model's messages is carried out, and what is due is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from ...pipeline.errors import ServiceError
from ...pipeline.events import SpeechChanged
from ...pipeline.frames import Turn
from ...pipeline.running.context import CallContext
from ...pipeline.units import SECOND
from .alarm import Alarm
from .answers.decisions import AskAgain, Missing, Renew, Stalled
from .answers.fallback import FallbackLine
from .answers.policy import Cause
from .answers.user_heard import UserHeard
from .dialogue import outcomes as said
from .dialogue.history import History, HistoryEntry
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import AgentTranscript
from .downlink import Downlink
from .session.delegate import Change
from .session.outbox import Outbox
from .session.session import Session
from .session_log import SessionLog
from .uplink import Uplink

__all__ = ["Course"]


class Course:
    """Of one call. Everything here returns at once; ``session`` is given as soon as there is one.

    Args:
        changed: set whenever the conversation may be over, or quiet, that was not.
        transparent: whether the server tells which messages it has taken in.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        protocol: LiveProtocol,
        uplink: Uplink,
        downlink: Downlink,
        agent: AgentTranscript,
        outbox: Outbox,
        history: History,
        fallback: FallbackLine,
        session_log: SessionLog,
        changed: asyncio.Event,
        *,
        speech_reported: bool,
        transparent: bool,
    ) -> None:
        self._node = node
        self._call = call
        self._protocol = protocol
        self._uplink = uplink
        self._downlink = downlink
        self._agent = agent
        self._outbox = outbox
        self._history = history
        self._fallback = fallback
        self._session_log = session_log
        self._changed = changed
        self._transparent = transparent
        self._heard = UserHeard(speech_reported)
        self._alarm = Alarm(call.clock, self._tick)
        self._leaving = False
        self._given_words = False
        call.conversation.on_going_on(self.went_on)
        self._unsubscribe = call.events.subscribe(SpeechChanged, self._speech_changed)
        self.own: Callable[[said.CallTool], bool] = lambda _: False
        """Whether a function that the model asks for is the box's own, and was answered."""
        self.session: Session | None = None
        self.quiet_since_ns: int | None = None
        """Since when nobody speaks and nothing is under way."""

    def close(self) -> None:
        """The call is over."""
        self._unsubscribe()
        self._alarm.cancel()

    def leave(self) -> None:
        """Another session takes over: what is being said ends here, and nothing is waited for any more."""
        self.carry_out(self._protocol.lost(self._call.clock.now_ns()))
        self.close()

    @property
    def user_may_speak(self) -> bool:
        """Whether the user may be saying something."""
        return self._call.conversation.user_speaking or not self._heard.can_tell

    def asked(self, cause: Cause) -> None:
        """Something was said or given to the model that wants an answer."""
        self._given_words = cause == "greeting"
        self.carry_out(self._protocol.asked(cause, self._call.clock.now_ns()))

    def went_on(self, turn: Turn) -> None:
        """A turn goes on that the service had cut."""
        if turn.source == self._node:
            self.carry_out(self._protocol.went_on(self._call.clock.now_ns()))

    def next_turn(self) -> Turn:
        """Open a turn of the model's. What it was told to say is a line, and no answer."""
        line, self._given_words = self._given_words, False
        return self._call.conversation.next_turn(self._node, line=line)

    def due(self) -> bool:
        """Whether something is still to be sent, or to be answered."""
        # What was sent may never have arrived; but where the server tells what has, it takes its time.
        unsure = self._outbox.unsure and not self._transparent
        return bool(self._outbox) or unsure or self._protocol.busy

    def renew(self) -> None:
        """Replace the connection at the next quiet moment, so that a new setup takes effect."""
        if self.session is not None:
            self.session.renew()

    def connection_changed(self, change: Change) -> None:
        """A connection was made, lost or replaced."""
        now_ns = self._call.clock.now_ns()
        if change in ("lost", "renewing"):
            self._leaving = True
            self.carry_out(self._protocol.lost(now_ns))
            self._leaving = False
        elif change in ("resumed", "renewed"):
            told = change == "renewed" and self._protocol.watch.known and not self._outbox.asks
            self.carry_out(self._protocol.up(now_ns, told=told))

    def begin_afresh(self) -> None:
        """What follows is a new session: what it has to hear of the user is sent again."""
        protocol, now_ns = self._protocol, self._call.clock.now_ns()
        protocol.afresh()
        known = protocol.watch.known and not self._call.conversation.user_speaking
        again = self._heard.unanswered and not known
        self._outbox.start_afresh(self._heard.since_ns(now_ns) if again else None)

    def speak(self, line: FallbackLine, *, answers: bool = False) -> Turn | None:
        """Say ``line`` as a turn of the agent's, after what it is saying; ``None`` where its sound is not there."""
        if not line.given:
            return None
        turn = self._call.conversation.next_turn(self._node, line=not answers)
        for outcome in line.outcomes(turn):
            self._downlink.take(outcome)
        return turn

    def carry_out(self, outcomes: Iterable[said.Outcome]) -> None:
        """Do what follows, in order. Raises ``ServiceError`` for an error in band."""
        for outcome in outcomes:
            match outcome:
                case said.Answer(response):
                    self._uplink.respond([response])
                case said.GoingAway(left_ns):
                    self._session_log.going_away(left_ns)
                    if self.session is not None:
                        self.session.go_away(left_ns)
                case said.Consumed(index):
                    self._outbox.confirm(index)
                case said.Remark(text):
                    self._session_log.warn(text)
                case AskAgain():
                    self._session_log.asks_again(outcome)
                    self._uplink.ask_again(self._by_ear(outcome))
                case Renew(why):
                    self._session_log.warn(f"no answer ({why.replace('_', ' ')}): a new session begins")
                    if self.session is not None:
                        self.session.begin_anew()
                case Missing():
                    self._session_log.missing(outcome, fallback=self._fallback.given)
                    self._speak_fallback()
                case Stalled():
                    self._session_log.stalled(outcome)
                case said.Failed(text):
                    raise ServiceError(f"the Live service reports {text}")
                case _:
                    self._note(outcome)
                    if not (isinstance(outcome, said.CallTool) and self.own(outcome)):
                        self._downlink.take(outcome)
        self.moved()

    def moved(self) -> None:
        """Something of the conversation has changed: whoever waits for quiet or for the end looks again."""
        self._changed.set()
        busy = self._protocol.talking or self._call.conversation.user_speaking or self._uplink.user_open
        if busy:
            self.quiet_since_ns = None
        elif self.quiet_since_ns is None:
            self.quiet_since_ns = self._call.clock.now_ns()
        self._alarm.set(self._protocol.deadline_ns)
        if self.session is not None:
            self.session.changed()

    # Inside ------------------------------------------------------------------------------------

    def _note(self, outcome: said.Outcome) -> None:
        """What of it matters beside what the caller hears."""
        match outcome:
            case said.StartTurn():
                self._uplink.answering()
                self._heard.answered()
            case said.UserSpeech():
                self._heard.service_tells()
            case said.CallTool(_, name, args):
                now_s = round(self._call.clock.now_ns() / SECOND, 3)
                self._history.add(HistoryEntry("tool", name=name, args=args, time_s=now_s))

    def _speech_changed(self, event: SpeechChanged) -> None:
        """Somebody hears the user begin or end, a detector of ours or the service."""
        if event.speaking:
            self._heard.started(event.time_ns)
            self._protocol.user_started(event.time_ns)
            self.moved()
            return
        self._protocol.user_stopped(event.time_ns)
        # That the service is not there to hear the user does not mean that they have ended.
        if self._heard.stopped(event.time_ns) and not self._leaving:
            self.asked("voice")
        self.moved()

    def _by_ear(self, ask: AskAgain) -> AskAgain:
        """With what the caller will have heard of the answer: its words may have run ahead of its sound."""
        if ask.why in ("lost", "stalled") and self._agent.broken_at:
            return replace(ask, heard=self._agent.broken_at)
        return ask

    def _tick(self) -> None:
        self.carry_out(self._protocol.tick(self._call.clock.now_ns()))

    def _speak_fallback(self) -> None:
        """Say the line that stands for an answer, if there is one."""
        self.speak(self._fallback, answers=True)
