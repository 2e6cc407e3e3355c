"""A Live session in one call: puts its parts together, opens, runs and closes it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from ...liveapi import ServerMessage, WireError
from ...liveapi.link import Link
from ...liveapi.models import capabilities
from ...pipeline.errors import ServiceError
from ...pipeline.frames import Turn
from ...pipeline.running.ahead import Ahead
from ...pipeline.running.context import CallContext
from ..tools.catalog import FunctionSpec, ToolCatalog
from .answers.asking import ask_model
from .answers.fallback import FallbackLine
from .answers.watch import AnswerWatch
from .call_parts import Role, answer_policy, claims_of, endpoint_of, first_error
from .capture.video import PictureFeed
from .course import Course
from .dialogue import outcomes as said
from .dialogue.history import History
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .downlink import Downlink, Ports
from .end_of_call import until_answered
from .endpoint import Endpoint, LiveConnector
from .frames import UpdateFrame
from .handshake import Handshake
from .intake import Intake
from .line_fetcher import LineFetcher
from .link_ahead import LinkAhead
from .options.field_options import option_at
from .own_functions import OwnFunctions
from .prices import Meter
from .session.connecting import Wire
from .session.delegate import Change
from .session.outbox import Outbox
from .session.session import Session
from .session_log import SessionLog
from .settings import Settings
from .uplink import Uplink

__all__ = ["LiveCall"]


class LiveCall:
    """What the box does in one call: ``open``, ``run``, ``close``; what is said to the model goes to ``intake``."""

    def __init__(
        self,
        node: str,
        call: CallContext,
        log: logging.LoggerAdapter[logging.Logger],
        settings: Settings,
        ports: Ports,
        catalogs: Sequence[ToolCatalog],
        history: History,
        *,
        role: Role | None = None,
        after: LiveCall | None = None,
    ) -> None:
        self._name, self._node = f"{call.id}.{node}", node
        self._role = role or Role()
        self._after = after
        """Who spoke before: what of that has been heard is known to this session."""
        self._call = call
        self._session_log = SessionLog(node, call, log)
        self._settings = settings
        self._ports = ports
        self._can = capabilities(settings.setup.model, vertex=settings.access.vertex)
        self.history = history
        self._changed = asyncio.Event()
        """Set whenever the conversation may be over, or quiet, that was not."""
        self._finishes = asyncio.Event()
        """Set when this session will be given nothing more: the user's input has ended, or another took over."""
        self._outbox = Outbox(self._changed)
        call.backlogs.append(self._outbox)
        warn = self._session_log.warn
        self._user: UserTranscript = UserTranscript(
            call,
            ports.transcript,
            history,
            whole=self._can.whole_transcriptions,
        )
        self._agent: AgentTranscript = AgentTranscript(
            call,
            ports.transcript,
            history,
            self._changed,
        )
        self._own = OwnFunctions(call)
        self._tool_lines = [FallbackLine(text) for catalog in catalogs for text in catalog.lines]
        known = None if ports.tool_calls.connected and not catalogs else [*catalogs, *self._own.catalogs]
        self._handshake = Handshake(settings, self._can, known, warn)
        self._lines = LineFetcher(call.clock, self._can, self._handshake)
        self._protocol = LiveProtocol(
            lambda: self._course.next_turn(),
            watch=AnswerWatch(answer_policy(settings, self._can), writes=settings.writes),
            writes=settings.writes,
            ends_turns=self._can.ends_turns,
            salt=call.id,
            claims=claims_of(call, node),
        )
        trailing_ns = settings.trailing_ns if self._can.needs_trailing_sound else 0
        self._uplink = Uplink(call, self._outbox, self._can, settings.pre_roll_ns, trailing_ns, warn)
        spent = 0.0 if after is None else after._meter.total_usd
        self._meter: Meter = Meter(settings.setup.model, settings.prices, so_far_usd=spent)
        self._downlink = Downlink(
            node, call, ports, self._agent, self._user, self._meter, self._changed, warn
        )
        self._downlink.agent = self._role.persona
        self._fallback = FallbackLine(settings.answer.fallback, settings.recording)
        self._course = Course(
            node,
            call,
            self._protocol,
            self._uplink,
            self._downlink,
            self._agent,
            self._outbox,
            history,
            self._fallback,
            self._session_log,
            self._changed,
            speech_reported=ports.speech_reported,
            transparent=settings.transparent,
        )
        self._pictures = PictureFeed(call.clock, settings.video_interval_ns, settings.video_size)
        self.intake = Intake(
            node,
            call,
            self._can,
            self._course,
            self._protocol,
            self._uplink,
            self._downlink,
            self._user,
            history,
            self._handshake,
            self._pictures,
            self._session_log,
            self._finishes,
        )
        self._course.own = self._is_own
        self._greeted = False
        self._left = False
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
        endpoint = self._endpoint()
        if settings.uninterruptible:
            self._call.conversation.keep_the_floor()
        # What cannot be written, or will be refused, fails here, before anything is connected.
        self._handshake.address(endpoint)
        self._protocol.calls.rules = self._handshake.rules
        wire = self._lines.wire = Wire(
            self._connect(endpoint),
            self._setup,
            lambda: self._handshake.seed,
            endpoint.connector.label,
            endpoint.credential,
            endpoint.redact,
            option_at,
            endpoint.renew_credential,
        )
        self._session = self._course.session = Session(
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
        greeting = self._call.opening.around(self._settings.greeting)
        if greeting and not self._greeted:
            self._greeted = True
            self._uplink.greet(greeting)
            self._course.asked("greeting")
        # Whoever speaks already is answered, and knows from the history who has taken over.
        if self._role.opening and not self._call.conversation.user_speaking:
            self._uplink.context(self._role.opening, reply=True)
            self._course.asked("context")
        works = {"session": self._session.run(), "play": self._downlink.play()}
        if lines := [*self._role.lines, *self._tool_lines]:
            works["lines"] = self._lines.fetch_all(lines)
        if self._fallback.text and self._fallback.sound is None:
            works["fallback"] = self._lines.fetch(self._fallback)
        if self._ports.video:
            works["pictures"] = self._pictures.run(self._uplink.picture)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work, name=f"{self._name}.{name}") for name, work in works.items()]
                await self._over(tasks[0])
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise first_error(group) from None

    async def _over(self, session: asyncio.Task[None]) -> None:
        """Return when all is answered, or, where another took over, when all is handed over that was said."""
        # `_changed` is set for each message that is sent: whoever only waits for the end is not to wake for it.
        await self._finishes.wait()
        if self._left:
            session.cancel()
            await self._until(lambda: self._downlink.handed_over)
            return
        await until_answered(
            self._call.clock,
            self._changed,
            self._settings,
            self.intake.ended_ns,
            self._course.due,
            self._downlink,
            self._session_log,
        )

    async def _until(self, so: Callable[[], bool]) -> None:
        while not so():
            self._changed.clear()
            await self._changed.wait()

    async def ask(self, text: str) -> str:
        """What the model answers to ``text`` in a session of its own, which nobody hears. Raises ``ServiceError``."""
        wire = self._lines.wire
        if wire is None:
            raise ServiceError("there is no connection to the model yet")
        by_text = self._can.client_content != "any_time"
        return await ask_model(wire, self._handshake.line_setup(transcribed=True), text, by_text=by_text)

    async def close(self) -> None:
        """Hang up. Safe to call at any time."""
        self._course.close()
        self._user.end()
        self._uplink.close()
        if self._outbox in self._call.backlogs:
            self._call.backlogs.remove(self._outbox)
        if self._session is not None:
            await self._session.close()

    # Where several speak in turn -----------------------------------------------------------------

    @property
    def silent(self) -> bool:
        """Whether all that was said has been heard."""
        return not self._downlink.pending

    async def heard_out(self) -> None:
        """Return when all that was said has been heard, or cut."""
        await self._until(lambda: self.silent)

    async def answered(self) -> None:
        """Return when nothing is due and all that was said has been heard."""
        await self._until(lambda: self.silent and not self._course.due())

    async def prepare(self, line: FallbackLine) -> None:
        """Have the sound of ``line`` fetched, in the voice of this session."""
        await self._lines.fetch(line)

    def play(self, outcome: said.Outcome) -> None:
        """Carry out what is not the model's, such as sound that is played while it waits."""
        self._downlink.take(outcome)

    def offer(self, catalogs: Sequence[ToolCatalog]) -> None:
        """The functions are others from now on, the call's own beside them."""
        self.intake.context(UpdateFrame(None, self._with_own(catalogs)))

    def speak(self, line: FallbackLine) -> Turn | None:
        """Say ``line``, after what is being said, as the turn that is returned; ``None``: its sound is not there."""
        return self._course.speak(line)

    def ends_with_next(self, turn: Turn, sounds: Callable[[], bool]) -> None:
        """``turn`` fills a silence: while ``sounds`` says so, it is cut as soon as the agent has something to say."""
        self._downlink.ends_with_next(turn, sounds)

    def can_become(self, settings: Settings) -> bool:
        """Whether this very session can go on with other instructions and functions of ``settings``."""
        bare = [
            msgspec.structs.replace(one.setup, system_instruction=None) for one in (self._settings, settings)
        ]
        return self._can.context_update and bare[0] == bare[1] and self._settings.extra == settings.extra

    def become(self, persona: str, instructions: str, catalogs: Sequence[ToolCatalog]) -> None:
        """Go on as ``persona``, in the same session; the call's own functions stay beside those of ``catalogs``."""
        self._downlink.agent = persona
        self.intake.context(UpdateFrame(instructions, self._with_own(catalogs)))

    def _with_own(self, catalogs: Sequence[ToolCatalog]) -> tuple[FunctionSpec, ...]:
        return tuple(spec for catalog in (*catalogs, *self._own.catalogs) for spec in catalog.functions)

    def inherit(self, before: LiveCall) -> None:
        """What ``before`` has asked functions for is told here when they answer."""
        rules = self._protocol.calls.rules
        self._protocol.calls = before._protocol.calls
        self._protocol.calls.orphan()
        self._protocol.calls.rules = rules

    def forget(self, call_id: str) -> None:
        """Nobody is told what the function of this call came to: asked for again it is a new wish."""
        done = {"output": "done"}
        args, name = self._protocol.calls.arguments(call_id), self._protocol.calls.name(call_id)
        self._protocol.result(call_id, done, undone=True, now_ns=self._call.clock.now_ns())
        self.history.answered(name, args, done)

    def leave(self) -> None:
        """Another has taken over: end the session, and hand over what was said; then ``run`` returns."""
        self._course.leave()
        self._left = True
        self._finishes.set()

    def _is_own(self, asked: said.CallTool) -> bool:
        """Whether a function is the call's own; then it is answered."""
        if self._role.takes is not None and self._role.takes(asked):
            return True
        if asked.name not in self._own:
            return False
        self.intake.result(self._own.answer(asked.id, asked.name, asked.args))
        return True

    # What the session asks and reports ---------------------------------------------------------

    def handle(self) -> str:
        return self._protocol.handle if self._settings.resumes else ""

    def able(self) -> tuple[bool, bool]:
        return bool(self.handle()) and self._protocol.resumable, self._settings.resumes

    @property
    def quiet_since_ns(self) -> int | None:
        return self._course.quiet_since_ns

    @property
    def user_may_speak(self) -> bool:
        return self._course.user_may_speak

    def received(self, message: ServerMessage) -> None:
        self._course.carry_out(self._protocol.receive(message, self._call.clock.now_ns()))

    def unreadable(self, error: WireError) -> None:
        self._session_log.unreadable(error)
        self._protocol.unreadable()

    def afresh(self) -> None:
        self._course.begin_afresh()

    def changed(self, change: Change, detail: str) -> None:
        self._session_log.changed(change, detail)
        self._course.connection_changed(change)

    # Inside ------------------------------------------------------------------------------------

    def _endpoint(self) -> Endpoint:
        """Where to connect, by the options and by what the call brings along."""
        endpoint = endpoint_of(self._settings.access, self._call.resource)
        if self._settings.access.endpoint == "auto" and self._call.resource(LiveConnector) is None:
            why = "there is an API key" if endpoint.kind == "google" else "there is no API key"
            self._session_log.info(f"endpoint auto: {why}, so it is {endpoint.connector.label}")
        return endpoint

    def _connect(self, endpoint: Endpoint) -> Callable[[], Awaitable[Link]]:
        """What opens connections: the first may have been opened before the call began."""
        ahead = self._call.resource(Ahead)
        made = ahead.of(self._node) if ahead is not None else None
        return partial(made.connect, endpoint) if isinstance(made, LinkAhead) else endpoint.connect

    def _setup(self, handle: str) -> str:
        under_way = [*self._agent.under_way, *self._user.under_way]
        if self._after is not None:
            under_way = [*self._after._agent.under_way, *self._after._user.under_way, *under_way]
        told = [] if handle else [*self._role.told(self.history), *under_way]
        return self._handshake.setup(handle, told, self._outbox.waiting_texts())
