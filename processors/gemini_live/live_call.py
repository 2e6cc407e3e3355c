"""A Live session in one call: joins session, protocol, dispatcher and what goes up, and knows when it is all over."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...pipeline.context import CallContext
from ...pipeline.errors import ServiceError
from ...pipeline.events import ServiceChanged
from ...pipeline.frames import AudioFrame, TextFrame, ToolResultFrame, TranscriptFrame, VideoFrame
from ...pipeline.ports import Out
from ...pipeline.units import MS, SECOND, format_duration
from ..tool_catalog import ToolCatalog
from .capture.video import PictureFeed
from .dialogue.history import History, HistoryEntry
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .dispatch import Dispatcher, Outputs
from .endpoint import LiveConnector, resolve
from .frames import ContextFrame, UpdateFrame
from .introduction import Introduction
from .prices import Meter
from .session.connecting import Wire
from .session.outbox import Outbox
from .session.owner import Change
from .session.session import Session
from .settings import Settings
from .upstream import Upstream
from .wire import ServerMessage, WireError
from .wire.models import capabilities

__all__ = ["LiveCall", "Ports"]

_POLL_NS = 50 * MS
_CHANGES: dict[Change, str] = {
    "connected": "connected to %s",
    "lost": "%s; connects again",
    "renewing": "replaces its connection%s",
    "resumed": "went on at %s",
    "renewed": "began a new session at %s, which was told what was said before",
    "closed": "hung up%s",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """The outputs of the box, and what is connected to its inputs."""

    sound: Out[Any]
    tool_calls: Out[Any]
    transcript: Callable[[TranscriptFrame], None]
    usage: Out[Any]
    speech_reported: bool
    video: bool


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
        self._node = node
        self._call = call
        self._log = log
        self._settings = settings
        self._ports = ports
        self._can = capabilities(settings.setup.model)
        self.history = history
        self._outbox = Outbox()
        self._user = UserTranscript(call, ports.transcript, history)
        self._agent = AgentTranscript(call, ports.transcript, history)
        known = None if ports.tool_calls.connected and not catalogs else [*catalogs]
        self._introduction = Introduction(settings, self._can, known, self._warn)
        self._protocol = LiveProtocol(call.turns.next_turn, writes=settings.writes)
        self._upstream = Upstream(
            call, self._outbox, self._protocol, self._can, settings.pre_roll_ns, self._warn
        )
        self._dispatcher = Dispatcher(
            node,
            call,
            Outputs(
                sound=ports.sound,
                tool_calls=ports.tool_calls,
                usage=ports.usage,
                answer=lambda response: self._upstream.respond([response]),
                remark=self._warn,
                going_away=self._going_away,
                consumed=self._outbox.confirm,
                answering=self._upstream.answering,
                called=self._called,
            ),
            self._agent,
            self._user,
            Meter(settings.setup.model, settings.prices),
            hears=not ports.speech_reported,
        )
        self._pictures = PictureFeed(call.clock, settings.video_interval_ns, settings.video_size)
        self._input_ended = asyncio.Event()
        self._ended_ns = 0
        self._quiet_since_ns: int | None = None
        self._greeted = False
        self._unreadable = 0
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
            self._log.info("%s: endpoint auto: %s, so it is %s", self._node, why, endpoint.connector.label)
        # What cannot be written, or will be refused, fails here, before anything is connected.
        self._introduction.address(endpoint)
        self._protocol.calls.rules = self._introduction.rules
        wire = Wire(
            endpoint.connect,
            self._setup,
            lambda: self._introduction.seed,
            endpoint.connector.label,
            endpoint.credential,
            endpoint.redact,
        )
        resumption = settings.setup.session_resumption
        self._session = Session(
            wire,
            self._outbox,
            self,
            self._call.clock,
            # Seeded by the call, so that the same call waits the same every time.
            random.Random(self._call.id),
            receipts=not (resumption is not None and resumption.transparent),
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
            self._upstream.greet(self._settings.greeting)
        works = {"session": self._session.run(), "play": self._dispatcher.play()}
        if self._ports.video:
            works["pictures"] = self._pictures.run(self._upstream.picture)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(work, name=f"{self._call.id}.{self._node}.{name}")
                    for name, work in works.items()
                ]
                await self._input_ended.wait()
                await self._until_answered()
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None

    async def close(self) -> None:
        """Hang up. Safe to call at any time."""
        self._upstream.close()
        if self._session is not None:
            await self._session.close()

    # What comes in -----------------------------------------------------------------------------

    def audio(self, frame: AudioFrame) -> None:
        """The user's voice."""
        self._upstream.audio(frame)

    def text(self, frame: TextFrame) -> None:
        """What the user wrote."""
        text = frame.text.strip()
        if text:
            self._user.wrote(text)
            self._upstream.text(text)
            self._call.turns.user_wrote()

    def speech(self, frame: Any) -> None:
        """What a detector of ours hears."""
        self._upstream.speech(frame)

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
        if not self._upstream.context(text, reply=frame.reply):
            self._warn(
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
            self._log.info(
                "%s: nobody waits for the result %s of %s: dropped", self._node, frame.id, frame.name
            )
            return
        if frame.will_continue:
            entry = HistoryEntry("tool", name=frame.name, args=args, result=body, time_s=self._now_s())
            self.history.add(entry)
        else:
            self.history.answered(frame.name, args, body)
        self._upstream.respond(given)

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard."""
        self._protocol.void(turn)
        self._dispatcher.void(turn)
        self._upstream.interrupted()

    def end(self) -> None:
        """No more input follows."""
        self._ended_ns = self._call.clock.now_ns()
        self._upstream.end()
        self._input_ended.set()

    # What the session asks and reports ---------------------------------------------------------

    def handle(self) -> str:
        return self._protocol.handle if self._resumes else ""

    def able(self) -> tuple[bool, bool]:
        return bool(self.handle()) and self._protocol.resumable, self._resumes

    def quiet_since_ns(self) -> int | None:
        busy = self._protocol.busy or self._call.turns.user_speaking or self._upstream.user_open
        if busy:
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = self._call.clock.now_ns()
        return self._quiet_since_ns

    def received(self, message: ServerMessage) -> None:
        self._dispatcher.carry_out(self._protocol.receive(message))

    def unreadable(self, error: WireError) -> None:
        self._unreadable += 1
        if self._unreadable == 1:
            self._log.warning("%s: the server sent what cannot be read: %s", self._node, error)

    def afresh(self) -> None:
        self._protocol.afresh()

    def changed(self, change: Change, detail: str) -> None:
        level = logging.WARNING if change in ("lost", "renewed") else logging.INFO
        self._log.log(level, "%s: " + _CHANGES[change], self._node, detail)
        if change in ("lost", "renewing"):
            self._dispatcher.carry_out(self._protocol.lost())
        if change != "renewing":
            self._publish(change, detail)

    # Inside ------------------------------------------------------------------------------------

    @property
    def _resumes(self) -> bool:
        return self._settings.setup.session_resumption is not None

    @property
    def _unsure(self) -> bool:
        """Whether the last that was sent may never have arrived; a server that tells by itself takes its time."""
        resumption = self._settings.setup.session_resumption
        return self._outbox.unsure and not (resumption is not None and resumption.transparent)

    def _setup(self, handle: str) -> str:
        under_way = [*self._agent.under_way, *self._user.under_way]
        told = [] if handle else [*self.history.entries, *under_way]
        return self._introduction.setup(handle, told, self._outbox.waiting_texts())

    def _update(self, frame: UpdateFrame) -> None:
        instructions, tools = self._introduction.update(frame)
        self._protocol.calls.rules = self._introduction.rules
        if not self._upstream.update(instructions, tools) and self._session is not None:
            # A new connection brings a new setup.
            self._session.renew()

    def _called(self, name: str, args: dict[str, Any]) -> None:
        self.history.add(HistoryEntry("tool", name=name, args=args, time_s=self._now_s()))

    def _now_s(self) -> float:
        return round(self._call.clock.now_ns() / SECOND, 3)

    def _warn(self, text: str) -> None:
        self._log.warning("%s: %s", self._node, text)

    def _going_away(self, left_ns: int | None) -> None:
        left = "" if left_ns is None else format_duration(left_ns)
        self._log.info("%s: the server will end this connection in %s", self._node, left or "a while")
        self._publish("going_away", left)
        if self._session is not None:
            self._session.go_away(left_ns)

    def _publish(self, state: Any, detail: str) -> None:
        if self._call.events.wants(ServiceChanged):
            now_ns = self._call.clock.now_ns()
            self._call.events.publish(
                ServiceChanged(time_ns=now_ns, node=self._node, state=state, detail=detail)
            )

    async def _until_answered(self) -> None:
        """Return when the model has nothing more to say: quiet for a while, or for too long with something due."""
        settings, clock, dispatcher = self._settings, self._call.clock, self._dispatcher
        while True:
            now_ns = clock.now_ns()
            quiet_ns = now_ns - max(dispatcher.progress_ns, self._ended_ns)
            if self._outbox or self._unsure or self._protocol.busy or dispatcher.pending:
                # Sound that was handed over is still being played: nothing need happen for as long as it lasts.
                if quiet_ns >= settings.answer_timeout_ns + (
                    dispatcher.sound_ns if dispatcher.pending else 0
                ):
                    waited = format_duration(settings.answer_timeout_ns)
                    self._log.warning("%s: no last answer within %s", self._node, waited)
                    return
            elif quiet_ns >= settings.finish_after_ns:
                return
            await clock.sleep_until_ns(now_ns + _POLL_NS)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to tell: the service's own before what followed from it."""
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors.append(_first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in errors if isinstance(error, ServiceError)), errors[0])


def _websocket_connector(url: str, label: str) -> LiveConnector:
    from .connect import WebSocketConnector

    return WebSocketConnector(url, label)
