"""A Live session in one call: owns session, protocol, uplink and downlink, and tells each what it has to know."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ...liveapi import ServerMessage, WireError
from ...liveapi.models import capabilities
from ...pipeline.errors import ServiceError
from ...pipeline.events import SpeechChanged
from ...pipeline.frames import AudioFrame, TextFrame, ToolResultFrame, VideoFrame
from ...pipeline.running.context import CallContext
from ...pipeline.units import SECOND
from ..tools.catalog import ToolCatalog
from .alarm import Alarm
from .answers.decisions import AskAgain, Missing, Renew, Stalled
from .answers.fallback import FallbackLine
from .answers.policy import Cause
from .answers.user_heard import UserHeard
from .answers.watch import AnswerWatch
from .call_parts import answer_policy, first_error, websocket_connector
from .capture.video import PictureFeed
from .credentials import Credentials
from .dialogue import outcomes as said
from .dialogue.history import History, HistoryEntry
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .downlink import Downlink, Ports
from .end_of_call import until_answered
from .endpoint import LiveConnector, resolve
from .frames import ContextFrame, UpdateFrame
from .handshake import Handshake
from .link_tap import LinkTap, tapped
from .options.field_options import option_at
from .prices import Meter
from .session.connecting import Wire
from .session.delegate import Change
from .session.outbox import Outbox
from .session.session import Session
from .session_log import SessionLog
from .settings import Settings
from .tool_media import as_parts, as_pictures
from .uplink import Uplink

__all__ = ["LiveCall"]


class LiveCall:
    """What the box does in one call. ``open``, ``run``, ``close``; the rest returns at once."""

    def __init__(
        self,
        node: str,
        call: CallContext,
        log: logging.LoggerAdapter[logging.Logger],
        settings: Settings,
        ports: Ports,
        catalogs: Sequence[ToolCatalog],
        history: History,
    ) -> None:
        self._name = f"{call.id}.{node}"
        self._node = node
        self._call = call
        self._session_log = SessionLog(node, call, log)
        self._settings = settings
        self._ports = ports
        self._can = capabilities(settings.setup.model, vertex=settings.access.endpoint == "vertex")
        self.history = history
        self._changed = asyncio.Event()
        """Set whenever the conversation may be over, or quiet, that was not."""
        self._outbox = Outbox(self._changed)
        call.backlogs.append(self._outbox)
        self._alarm = Alarm(call.clock, self._tick)
        self._user = UserTranscript(call, ports.transcript, history, whole=self._can.whole_transcriptions)
        self._agent = AgentTranscript(call, ports.transcript, history, self._changed)
        known = None if ports.tool_calls.connected and not catalogs else [*catalogs]
        self._handshake = Handshake(settings, self._can, known, self._session_log.warn)
        self._protocol = LiveProtocol(
            lambda: call.turns.next_turn(node),
            watch=AnswerWatch(answer_policy(settings, self._can), writes=settings.writes),
            writes=settings.writes,
            ends_turns=self._can.ends_turns,
            salt=call.id,
        )
        self._uplink = Uplink(
            call,
            self._outbox,
            self._can,
            settings.pre_roll_ns,
            settings.trailing_ns if self._can.needs_trailing_sound else 0,
            self._session_log.warn,
        )
        meter = Meter(settings.setup.model, settings.prices)
        warn = self._session_log.warn
        self._downlink = Downlink(node, call, ports, self._agent, self._user, meter, self._changed, warn)
        self._pictures = PictureFeed(call.clock, settings.video_interval_ns, settings.video_size)
        self._input_ended = asyncio.Event()
        self._ended_ns = 0
        self.quiet_since_ns: int | None = None
        """Since when nobody speaks and nothing is under way."""
        self._heard = UserHeard(self._ports.speech_reported)
        self._fallback = FallbackLine(settings.answer.fallback, settings.recording)
        self._unsubscribe = call.events.subscribe(SpeechChanged, self._speech_changed)
        self._greeted = self._leaving = False
        self._session: Session | None = None
        self._wire: Wire | None = None

    # Life --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and set up. Raises ``ServiceError``."""
        settings = self._settings
        if settings.manual and not self._ports.speech_reported:
            raise ServiceError(
                "nothing tells when the user speaks (option activity)",
                remedy="connect the output speech of a vad_gate to the input speech, or use activity: auto",
            )
        given = self._call.resource(LiveConnector)
        access = settings.access
        brought = self._call.resource(Credentials)
        if brought is not None and access.credentials is None:
            access = replace(access, credentials=brought)
        endpoint = resolve(access, given, os.environ, websocket_connector)
        endpoint = tapped(endpoint, self._call.resource(LinkTap))
        if settings.access.endpoint == "auto" and given is None:
            why = "there is an API key" if endpoint.kind == "google" else "there is no API key"
            self._session_log.info(f"endpoint auto: {why}, so it is {endpoint.connector.label}")
        if settings.uninterruptible:
            self._call.turns.keep_the_floor()
        # What cannot be written, or will be refused, fails here, before anything is connected.
        self._handshake.address(endpoint)
        self._protocol.calls.rules = self._handshake.rules
        wire = self._wire = Wire(
            endpoint.connect,
            self._setup,
            lambda: self._handshake.seed,
            endpoint.connector.label,
            endpoint.credential,
            endpoint.redact,
            option_at,
            endpoint.renew_credential,
        )
        self._session = Session(
            wire,
            self._outbox,
            self,
            self._call.clock,
            # Seeded by the call, so that the same call waits the same every time.
            random.Random(self._call.id),
            receipts=not settings.transparent,
            renew_after_ns=settings.renew_after_ns,
        )
        try:
            await self._session.open(settings.handle)
        except ServiceError as error:
            if endpoint.kind == "local" and error.code == 1006 and not error.remedy:
                remedy = "start one with `livegraph simulate`, or set GEMINI_API_KEY to talk to Google"
                raise ServiceError(str(error), code=1006, retryable=True, remedy=remedy) from None
            raise

    async def run(self) -> None:
        """Converse until the input has ended and all is answered. Raises ``ServiceError``."""
        assert self._session is not None
        if self._settings.greeting and not self._greeted:
            self._greeted = True
            self._uplink.greet(self._settings.greeting)
            self._asked("greeting")
        works = {"session": self._session.run(), "play": self._downlink.play()}
        if self._fallback.text and self._fallback.sound is None:
            wire = self._wire
            assert wire is not None
            works["fallback"] = self._fallback.fetch(
                wire,
                self._handshake.line_setup(),
                self._call.clock,
                by_text=self._can.client_content != "any_time",
            )
        if self._ports.video:
            works["pictures"] = self._pictures.run(self._uplink.picture)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work, name=f"{self._name}.{name}") for name, work in works.items()]
                await self._input_ended.wait()
                await until_answered(
                    self._call.clock,
                    self._changed,
                    self._settings,
                    self._ended_ns,
                    self._due,
                    self._downlink,
                    self._session_log,
                )
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise first_error(group) from None

    async def close(self) -> None:
        """Hang up. Safe to call at any time."""
        self._unsubscribe()
        self._alarm.cancel()
        self._user.end()
        self._uplink.close()
        if self._outbox in self._call.backlogs:
            self._call.backlogs.remove(self._outbox)
        if self._session is not None:
            await self._session.close()

    # What comes in -----------------------------------------------------------------------------

    def audio(self, frame: AudioFrame) -> None:
        """The user's voice."""
        if self._uplink.audio(frame):
            self._asked("turn")

    def text(self, frame: TextFrame) -> None:
        """What the user wrote."""
        text = frame.text.strip()
        if text:
            self._user.wrote(text)
            self._uplink.text(text)
            self._call.turns.user_wrote(self._node)
            self._asked("text")

    def speech(self, frame: Any) -> None:
        """What a detector of ours hears."""
        if self._uplink.speech(frame):
            self._asked("turn")

    def video(self, frame: VideoFrame) -> None:
        """What the user's camera shows."""
        self._pictures.offer(frame)

    def context(self, frame: ContextFrame | UpdateFrame) -> None:
        """What the model is to know from now on."""
        if isinstance(frame, UpdateFrame):
            self._update(frame)
            return
        text = frame.text.strip()
        if not text:
            return
        self.history.add(HistoryEntry("context", text, time_s=self._now_s()))
        if not self._uplink.context(text, reply=frame.reply):
            self._session_log.warn(
                f"{self._can.name} takes no text without answering it: it will know of it after a reconnect"
            )
        elif frame.reply:
            self._asked("context")

    def result(self, frame: ToolResultFrame) -> None:
        """A function's answer; sent once, and only if somebody still waits for it."""
        body = frame.result
        if frame.failed and "error" not in body:
            body = {"error": body}
        now_ns = self._call.clock.now_ns()
        args = self._protocol.calls.arguments(frame.id)
        given = self._protocol.result(
            frame.id, body, frame.scheduling, continues=frame.will_continue, now_ns=now_ns
        )
        if given is None:
            self._session_log.info(f"nobody waits for the result {frame.id} of {frame.name}: dropped")
            return
        if frame.will_continue:
            entry = HistoryEntry("tool", name=frame.name, args=args, result=body, time_s=self._now_s())
            self.history.add(entry)
        else:
            self.history.answered(frame.name, args, body)
        for picture in as_pictures(frame.media, self._can):
            self._uplink.show(picture.data, picture.mime_type)
        if isinstance(given, list):
            given = as_parts(given, frame.media, self._can)
        self._uplink.respond(given)
        self._moved()

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard."""
        self._protocol.void(turn, self._call.clock.now_ns())
        self._downlink.void(turn)
        if self._uplink.interrupted():
            self._asked("turn")
        self._moved()

    def end(self) -> None:
        """No more input follows."""
        self._ended_ns = self._call.clock.now_ns()
        if self._uplink.end():
            self._asked("turn")
        self._input_ended.set()
        self._moved()

    # What the session asks and reports ---------------------------------------------------------

    def handle(self) -> str:
        return self._protocol.handle if self._settings.resumes else ""

    def able(self) -> tuple[bool, bool]:
        return bool(self.handle()) and self._protocol.resumable, self._settings.resumes

    def received(self, message: ServerMessage) -> None:
        self._carry_out(self._protocol.receive(message, self._call.clock.now_ns()))

    def unreadable(self, error: WireError) -> None:
        self._session_log.unreadable(error)

    def afresh(self) -> None:
        protocol, now_ns = self._protocol, self._call.clock.now_ns()
        protocol.afresh()
        known = protocol.watch.known and not self._call.turns.user_speaking
        again = self._heard.unanswered and not known
        self._outbox.start_afresh(self._heard.since_ns(now_ns) if again else None)

    def changed(self, change: Change, detail: str) -> None:
        self._session_log.changed(change, detail)
        now_ns = self._call.clock.now_ns()
        if change in ("lost", "renewing"):
            self._leaving = True
            self._carry_out(self._protocol.lost(now_ns))
            self._leaving = False
        elif change in ("resumed", "renewed"):
            told = change == "renewed" and self._protocol.watch.known and not self._outbox.asks
            self._carry_out(self._protocol.up(now_ns, told=told))

    # Inside ------------------------------------------------------------------------------------

    def _carry_out(self, outcomes: Iterable[said.Outcome]) -> None:
        """Do what follows, in order. Raises ``ServiceError`` for an error in band."""
        for outcome in outcomes:
            match outcome:
                case said.Answer(response):
                    self._uplink.respond([response])
                case said.GoingAway(left_ns):
                    self._session_log.going_away(left_ns)
                    if self._session is not None:
                        self._session.go_away(left_ns)
                case said.Consumed(index):
                    self._outbox.confirm(index)
                case said.Remark(text):
                    self._session_log.warn(text)
                case AskAgain():
                    self._session_log.asks_again(outcome)
                    self._uplink.ask_again(outcome)
                case Renew(why):
                    self._session_log.warn(f"no answer ({why.replace('_', ' ')}): a new session begins")
                    if self._session is not None:
                        self._session.begin_anew()
                case Missing():
                    self._session_log.missing(outcome, fallback=self._fallback.given)
                    self._speak_fallback()
                case Stalled():
                    self._session_log.stalled(outcome)
                case said.Failed(text):
                    raise ServiceError(f"the Live service reports {text}")
                case _:
                    if isinstance(outcome, said.StartTurn):
                        self._uplink.answering()
                        self._heard.answered()
                    elif isinstance(outcome, said.UserSpeech):
                        self._heard.service_tells()
                    elif isinstance(outcome, said.CallTool):
                        entry = HistoryEntry(
                            "tool", name=outcome.name, args=outcome.args, time_s=self._now_s()
                        )
                        self.history.add(entry)
                    self._downlink.take(outcome)
        self._moved()

    def _speech_changed(self, event: SpeechChanged) -> None:
        """Somebody hears the user begin or end, a detector of ours or the service."""
        if event.speaking:
            self._heard.started(event.time_ns)
            self._protocol.user_started(event.time_ns)
            self._moved()
            return
        self._protocol.user_stopped(event.time_ns)
        # That the service is not there to hear the user does not mean that they have ended.
        if self._heard.stopped(event.time_ns) and not self._leaving:
            self._asked("voice")
        self._moved()

    def _asked(self, cause: Cause) -> None:
        """Something was said or given to the model that wants an answer."""
        self._carry_out(self._protocol.asked(cause, self._call.clock.now_ns()))

    def _tick(self) -> None:
        self._carry_out(self._protocol.tick(self._call.clock.now_ns()))

    def _speak_fallback(self) -> None:
        """Say the line that stands for an answer, if there is one."""
        line = self._fallback
        if not line.given:
            return
        turn = self._call.turns.next_turn(self._node)
        for outcome in line.outcomes(turn):
            self._downlink.take(outcome)

    def _moved(self) -> None:
        """Something of the conversation has changed: whoever waits for quiet or for the end looks again."""
        self._changed.set()
        busy = self._protocol.talking or self._call.turns.user_speaking or self._uplink.user_open
        if busy:
            self.quiet_since_ns = None
        elif self.quiet_since_ns is None:
            self.quiet_since_ns = self._call.clock.now_ns()
        self._alarm.set(self._protocol.deadline_ns)
        if self._session is not None:
            self._session.changed()

    def _due(self) -> bool:
        # What was sent may never have arrived; but where the server tells what has, it takes its time.
        unsure = self._outbox.unsure and not self._settings.transparent
        return bool(self._outbox) or unsure or self._protocol.busy

    def _setup(self, handle: str) -> str:
        under_way = [*self._agent.under_way, *self._user.under_way]
        told = [] if handle else [*self.history.entries, *under_way]
        return self._handshake.setup(handle, told, self._outbox.waiting_texts())

    def _update(self, frame: UpdateFrame) -> None:
        instructions, tools = self._handshake.update(frame)
        self._protocol.calls.rules = self._handshake.rules
        if not self._uplink.update(instructions, tools) and self._session is not None:
            # A new connection brings a new setup.
            self._session.renew()

    def _now_s(self) -> float:
        return round(self._call.clock.now_ns() / SECOND, 3)
