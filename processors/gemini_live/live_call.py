"""A Live session in one call: joins session, protocol and dispatcher, and knows when the conversation is over."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...pipeline.context import CallContext
from ...pipeline.errors import ServiceError
from ...pipeline.events import ServiceChanged
from ...pipeline.frames import AudioFrame, TextFrame, ToolResultFrame, TranscriptFrame
from ...pipeline.ports import Out
from ...pipeline.units import MS, SECOND, format_duration
from ..tool_catalog import ToolCatalog
from .capture.idle import IdleTimer
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .dispatch import Dispatcher, Outputs
from .endpoint import Access, Endpoint, LiveConnector, resolve
from .options.setup import encode_setup, tools_of
from .session.outbox import Outbox
from .session.session import Change, Session, Wire
from .wire import (
    ClientContent,
    ClientMessage,
    Content,
    FunctionResponse,
    RealtimeInput,
    ServerMessage,
    Setup,
    ToolResponse,
    WireError,
    encode_client,
)
from .wire.models import capabilities

__all__ = ["LiveCall", "Ports", "Settings"]

_STREAM_IDLE_NS = 1 * SECOND
"""A microphone silent for longer is closed for the service, which else waits for the end of a sentence."""
_POLL_NS = 50 * MS
_CHANGES: dict[Change, str] = {
    "connected": "connected to %s",
    "lost": "%s; connects again",
    "resumed": "went on at %s",
    "renewed": "began anew at %s: the model has forgotten what was said",
    "closed": "hung up%s",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, as far as a running call needs them."""

    setup: Setup
    extra: Mapping[str, Any]
    access: Access
    greeting: str
    finish_after_ns: int
    answer_timeout_ns: int


@dataclass(frozen=True, slots=True)
class Ports:
    """The outputs of the box, and whether a detector of ours reports speech to it."""

    sound: Out[Any]
    tool_calls: Out[Any]
    transcript: Callable[[TranscriptFrame], None]
    usage: Out[Any]
    speech_reported: bool


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
    ) -> None:
        self._node = node
        self._call = call
        self._log = log
        self._settings = settings
        self._outbox = Outbox()
        self._user = UserTranscript(call, ports.transcript)
        self._protocol = LiveProtocol(call.turns.next_turn, _functions(catalogs, ports.tool_calls.connected))
        self._tools = tools_of(catalogs)
        self._dispatcher = Dispatcher(
            node,
            call,
            Outputs(
                sound=ports.sound,
                tool_calls=ports.tool_calls,
                usage=ports.usage,
                answer=self._answer,
                remark=lambda text: log.warning("%s: %s", node, text),
                going_away=self._going_away,
            ),
            AgentTranscript(call, ports.transcript),
            self._user,
            hears=not ports.speech_reported,
        )
        self._idle = IdleTimer(call.clock, _STREAM_IDLE_NS, self._close_stream)
        self._input_ended = asyncio.Event()
        self._ended_ns = 0
        self._greeted = False
        self._unreadable = 0
        self._dropping = False
        self._endpoint: Endpoint | None = None
        self._session: Session | None = None

    # Life --------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and set up. Raises ``ServiceError``."""
        endpoint = resolve(
            self._settings.access, self._call.resource(LiveConnector), os.environ, _websocket_connector
        )
        if self._settings.access.endpoint == "auto" and self._call.resource(LiveConnector) is None:
            why = "there is an API key" if endpoint.kind == "google" else "there is no API key"
            self._log.info("%s: endpoint auto: %s, so it is %s", self._node, why, endpoint.connector.label)
        model = endpoint.model(self._settings.setup.model)
        settings = self._settings

        def setup(handle: str) -> str:
            return encode_setup(settings.setup, settings.extra, model=model, tools=self._tools, handle=handle)

        setup("")  # what cannot be written fails here, before anything is connected
        wire = Wire(endpoint.connect, setup, endpoint.connector.label, endpoint.credential, endpoint.redact)
        # Seeded by the call, so that the same call waits the same every time.
        jitter = random.Random(self._call.id)
        self._endpoint = endpoint
        self._session = Session(wire, self._outbox, self, self._call.clock, jitter)
        try:
            await self._session.open()
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
            self._greet(self._settings.greeting)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._session.run(), name=f"{self._call.id}.{self._node}.session"),
                    group.create_task(self._dispatcher.play(), name=f"{self._call.id}.{self._node}.play"),
                ]
                await self._input_ended.wait()
                await self._until_answered()
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise _first(group) from None

    async def close(self) -> None:
        """Hang up. Safe to call at any time."""
        self._idle.cancel()
        if self._session is not None:
            await self._session.close()

    # What comes in -----------------------------------------------------------------------------

    def audio(self, frame: AudioFrame) -> None:
        """The user's voice."""
        self._outbox.put_audio(frame.samples, frame.rate)
        self._idle.touch()
        if self._outbox.dropped_ns and not self._dropping:
            self._dropping = True
            self._log.warning("%s: too much audio waits to be sent: the oldest is dropped", self._node)

    def text(self, frame: TextFrame) -> None:
        """What the user wrote."""
        text = frame.text.strip()
        if not text:
            return
        self._user.wrote(text)
        self._send(ClientMessage(realtime_input=RealtimeInput(text=text)))
        self._protocol.sent_text()
        self._call.turns.user_wrote()

    def result(self, frame: ToolResultFrame) -> None:
        """A function's answer; sent once, and only if somebody still waits for it."""
        body = frame.result
        if frame.failed and "error" not in body:
            body = {"error": body}
        scheduling = frame.scheduling if capabilities(self._settings.setup.model).tool_scheduling else ""
        response = self._protocol.result(frame.id, frame.name, body, scheduling)
        if response is None:
            self._log.info(
                "%s: nobody waits for the result %s of %s: dropped", self._node, frame.id, frame.name
            )
            return
        self._answer(response)

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard."""
        self._protocol.void(turn)
        self._dispatcher.void(turn)

    def end(self) -> None:
        """No more input follows."""
        self._ended_ns = self._call.clock.now_ns()
        if self._idle.armed:
            self._idle.cancel()
            self._close_stream()
        self._input_ended.set()

    # What the session reports ------------------------------------------------------------------

    def handle(self) -> str:
        return self._protocol.handle

    def received(self, message: ServerMessage) -> None:
        self._dispatcher.carry_out(self._protocol.receive(message))

    def unreadable(self, error: WireError) -> None:
        self._unreadable += 1
        if self._unreadable == 1:
            self._log.warning("%s: the server sent what cannot be read: %s", self._node, error)

    def changed(self, change: Change, detail: str) -> None:
        level = logging.WARNING if change in ("lost", "renewed") else logging.INFO
        self._log.log(level, "%s: " + _CHANGES[change], self._node, detail)
        if change == "lost":
            self._dispatcher.carry_out(self._protocol.lost())
        elif change == "renewed":
            self._dispatcher.carry_out(self._protocol.renewed())
        self._publish(change, detail)

    # Inside ------------------------------------------------------------------------------------

    def _greet(self, greeting: str) -> None:
        order = f'Greet the caller now. Say exactly: "{greeting}"'
        if capabilities(self._settings.setup.model).client_content == "any_time":
            content = ClientContent(turns=[Content.of_text(order, "user")], turn_complete=True)
            self._send(ClientMessage(client_content=content))
        else:
            self._send(ClientMessage(realtime_input=RealtimeInput(text=order)))
        self._protocol.sent_text()

    def _answer(self, response: FunctionResponse) -> None:
        self._send(ClientMessage(tool_response=ToolResponse([response])))

    def _send(self, message: ClientMessage) -> None:
        if not self._outbox.put(encode_client(message).decode()):
            self._log.warning("%s: too many messages wait to be sent: one is dropped", self._node)

    def _close_stream(self) -> None:
        self._send(ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True)))

    def _going_away(self, left: str) -> None:
        self._log.info("%s: the server will end this connection in %s", self._node, left or "a while")
        self._publish("going_away", left)

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
            if self._outbox or self._protocol.busy or dispatcher.pending:
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


def _functions(catalogs: Sequence[ToolCatalog], connected: bool) -> frozenset[str] | None:
    """The names that can be called; ``None`` where boxes take calls without saying which."""
    if connected and not catalogs:
        return None
    return frozenset(spec.name for catalog in catalogs for spec in catalog.functions)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to tell: the service's own before what followed from it."""
    errors: list[BaseException] = []
    for error in group.exceptions:
        errors.append(_first(error) if isinstance(error, BaseExceptionGroup) else error)
    return next((error for error in errors if isinstance(error, ServiceError)), errors[0])


def _websocket_connector(url: str, label: str) -> LiveConnector:
    from .connect import WebSocketConnector

    return WebSocketConnector(url, label)
