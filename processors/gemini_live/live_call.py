"""A Live session in one call: owns session, protocol, uplink and downlink, and tells each what it has to know."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Iterable, Sequence
from typing import Any

from ...liveapi import ServerMessage, WireError
from ...liveapi.models import capabilities
from ...pipeline.errors import ServiceError
from ...pipeline.events import SpeechChanged
from ...pipeline.frames import AudioFrame, TextFrame, ToolResultFrame, VideoFrame
from ...pipeline.running.context import CallContext
from ...pipeline.units import SECOND
from ..tools.catalog import ToolCatalog
from .capture.video import PictureFeed
from .dialogue import outcomes as said
from .dialogue.history import History, HistoryEntry
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .downlink import Downlink, Ports
from .end_of_call import until_answered
from .endpoint import LiveConnector, resolve
from .frames import ContextFrame, UpdateFrame
from .handshake import Handshake
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
        self._can = capabilities(settings.setup.model)
        self.history = history
        self._changed = asyncio.Event()
        """Set whenever the conversation may be over, or quiet, that was not."""
        self._outbox = Outbox(self._changed)
        call.backlogs.append(self._outbox)
        self._user = UserTranscript(call, ports.transcript, history)
        self._agent = AgentTranscript(call, ports.transcript, history, self._changed)
        known = None if ports.tool_calls.connected and not catalogs else [*catalogs]
        self._handshake = Handshake(settings, self._can, known, self._session_log.warn)
        self._protocol = LiveProtocol(lambda: call.turns.next_turn(node), writes=settings.writes)
        self._uplink = Uplink(
            call, self._outbox, self._protocol, self._can, settings.pre_roll_ns, self._session_log.warn
        )
        meter = Meter(settings.setup.model, settings.prices)
        warn = self._session_log.warn
        self._downlink = Downlink(node, call, ports, self._agent, self._user, meter, self._changed, warn)
        self._pictures = PictureFeed(call.clock, settings.video_interval_ns, settings.video_size)
        self._input_ended = asyncio.Event()
        self._ended_ns = 0
        self.quiet_since_ns: int | None = None
        """Since when nobody speaks and nothing is under way."""
        self._unsubscribe = call.events.subscribe(SpeechChanged, self._speech_changed)
        self._greeted = False
        self._session: Session | None = None

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
        endpoint = resolve(settings.access, given, os.environ, _websocket_connector)
        if settings.access.endpoint == "auto" and given is None:
            why = "there is an API key" if endpoint.kind == "google" else "there is no API key"
            self._session_log.info(f"endpoint auto: {why}, so it is {endpoint.connector.label}")
        if settings.uninterruptible:
            self._call.turns.keep_the_floor()
        # What cannot be written, or will be refused, fails here, before anything is connected.
        self._handshake.address(endpoint)
        self._protocol.calls.rules = self._handshake.rules
        wire = Wire(
            endpoint.connect,
            self._setup,
            lambda: self._handshake.seed,
            endpoint.connector.label,
            endpoint.credential,
            endpoint.redact,
            option_at,
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
        works = {"session": self._session.run(), "play": self._downlink.play()}
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
            raise _first(group) from None

    async def close(self) -> None:
        """Hang up. Safe to call at any time."""
        self._unsubscribe()
        self._uplink.close()
        if self._outbox in self._call.backlogs:
            self._call.backlogs.remove(self._outbox)
        if self._session is not None:
            await self._session.close()

    # What comes in -----------------------------------------------------------------------------

    def audio(self, frame: AudioFrame) -> None:
        """The user's voice."""
        self._uplink.audio(frame)

    def text(self, frame: TextFrame) -> None:
        """What the user wrote."""
        text = frame.text.strip()
        if text:
            self._user.wrote(text)
            self._uplink.text(text)
            self._call.turns.user_wrote(self._node)
            self._moved()

    def speech(self, frame: Any) -> None:
        """What a detector of ours hears."""
        self._uplink.speech(frame)
        self._moved()

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

    def result(self, frame: ToolResultFrame) -> None:
        """A function's answer; sent once, and only if somebody still waits for it."""
        body = frame.result
        if frame.failed and "error" not in body:
            body = {"error": body}
        args = self._protocol.calls.arguments(frame.id)
        given = self._protocol.result(frame.id, body, frame.scheduling, continues=frame.will_continue)
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
        self._protocol.void(turn)
        self._downlink.void(turn)
        self._uplink.interrupted()
        self._moved()

    def end(self) -> None:
        """No more input follows."""
        self._ended_ns = self._call.clock.now_ns()
        self._uplink.end()
        self._input_ended.set()
        self._moved()

    # What the session asks and reports ---------------------------------------------------------

    def handle(self) -> str:
        return self._protocol.handle if self._settings.resumes else ""

    def able(self) -> tuple[bool, bool]:
        return bool(self.handle()) and self._protocol.resumable, self._settings.resumes

    def received(self, message: ServerMessage) -> None:
        self._carry_out(self._protocol.receive(message))

    def unreadable(self, error: WireError) -> None:
        self._session_log.unreadable(error)

    def afresh(self) -> None:
        self._protocol.afresh()

    def changed(self, change: Change, detail: str) -> None:
        self._session_log.changed(change, detail)
        if change in ("lost", "renewing"):
            self._carry_out(self._protocol.lost())

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
                case said.Failed(text):
                    raise ServiceError(f"the Live service reports {text}")
                case _:
                    if isinstance(outcome, said.StartTurn):
                        self._uplink.answering()
                    elif isinstance(outcome, said.CallTool):
                        entry = HistoryEntry(
                            "tool", name=outcome.name, args=outcome.args, time_s=self._now_s()
                        )
                        self.history.add(entry)
                    self._downlink.take(outcome)
        self._moved()

    def _speech_changed(self, event: SpeechChanged) -> None:
        self._moved()

    def _moved(self) -> None:
        """Something of the conversation has changed: whoever waits for quiet or for the end looks again."""
        self._changed.set()
        busy = self._protocol.talking or self._call.turns.user_speaking or self._uplink.user_open
        if busy:
            self.quiet_since_ns = None
        elif self.quiet_since_ns is None:
            self.quiet_since_ns = self._call.clock.now_ns()
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


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to tell: the service's own before what followed from it."""
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors.append(_first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in errors if isinstance(error, ServiceError)), errors[0])


def _websocket_connector(url: str, label: str) -> LiveConnector:
    from .connect import WebSocketConnector

    return WebSocketConnector(url, label)
