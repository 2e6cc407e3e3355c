"""Who answers: the session that speaks, and how another takes its place without a gap.

Where voice, model and settings are the same and the model takes it, the session goes on with other instructions. Else
another session is opened beside the one that speaks, which goes on playing what it has said, and a phrase while there
is nothing; what the caller says meanwhile is kept for the new one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ....pipeline.end_reason import EndReason
from ....pipeline.errors import ServiceError
from ....pipeline.events import PersonaChanged, ToolCalled, ToolFinished
from ....pipeline.frames import ToolResultFrame, TranscriptFrame, Turn
from ....pipeline.running.context import CallContext
from ....pipeline.units import MS, SECOND
from ...tools.catalog import ToolCatalog
from ...utterances import Utterances
from ..answers.fallback import FallbackLine
from ..call_parts import Role, first_error
from ..dialogue import outcomes as said
from ..dialogue.history import History, HistoryEntry
from ..downlink import Ports
from ..frames import ContextFrame
from ..live_call import LiveCall
from ..settings import Settings
from .briefing import briefing, passed_on, takes_over, told_since
from .desk import Decision, Desk, HandOver, PassOn, Refused
from .persona import Persona
from .transferring import ask_to_transfer

__all__ = ["Reception"]

_PHRASE_WITHIN_NS = 3 * SECOND
"""A phrase that is not there by then is not said: whoever takes over is near."""
_LOOK_NS = 50 * MS
_GOODBYE_WITHIN_NS = 30 * SECOND


@dataclass(frozen=True, slots=True)
class _Wish:
    decision: HandOver
    call_id: str = ""
    function: str = ""


class Reception:
    """The sessions of one box in one call, one after the other.

    Args:
        settings_of: what the box's options come to for a persona.
        desk: who hands over to whom; ``None`` where there is only one.
        catalogs: what the boxes offer that take calls.
        history: of the whole call.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        log: logging.LoggerAdapter[logging.Logger],
        settings_of: Callable[[str], Settings],
        ports: Ports,
        catalogs: Sequence[ToolCatalog],
        history: History,
        desk: Desk | None,
    ) -> None:
        self._node = node
        self._call = call
        self._log = log
        self._settings_of = settings_of
        self._catalogs = catalogs
        self.history = history
        self._desk = desk
        self._ports = ports
        if desk is not None:
            self._ports = replace(ports, transcript=partial(self._said, ports.transcript))
        self._utterances = Utterances()
        self._lines: dict[tuple[str, str], FallbackLine] = {}
        self._wish: _Wish | None = None
        self._leaves = False
        """Whether the agent is to hang up, because the call is passed on."""
        self._wished = asyncio.Event()
        self._settled = asyncio.Event()
        """Whether nobody is taking over."""
        self._settled.set()
        self._before: LiveCall | None = None
        """Who spoke last: what it said may still be heard."""
        self._next: LiveCall | None = None
        """Who is taking over: it is told already what comes in."""
        self._live = self._make("" if desk is None else desk.current)

    @property
    def persona(self) -> str:
        """Who speaks; empty where there is only one."""
        return "" if self._desk is None else self._desk.current

    @property
    def talking(self) -> LiveCall:
        """Whoever what comes in is for."""
        return self._next or self._live

    def offer(self, catalogs: Sequence[ToolCatalog]) -> None:
        """The boxes that take calls offer other functions from now on."""
        self._catalogs = catalogs
        self._live.offer(self._offered(self.persona))

    async def open(self) -> None:
        """Connect for the first time. Raises ``ServiceError``."""
        await self._live.open()

    async def run(self) -> None:
        """Converse until the input has ended and all is answered. Raises ``ServiceError``."""
        if self._desk is None:
            await self._live.run()
            return
        self._changed_to(self._desk.current, "", "")
        try:
            async with asyncio.TaskGroup() as group:
                wishes = group.create_task(self._fulfil(), name=f"{self._call.id}.{self._node}.colleagues")
                spoken: LiveCall | None = None
                while spoken is not self._live:
                    spoken = self._live
                    await spoken.run()
                    # Whoever is taking over has yet to answer.
                    await self._settled.wait()
                wishes.cancel()
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None

    async def close(self) -> None:
        """Hang up. Safe to call at any time."""
        for live in (self._next, self._live):
            if live is not None:
                await live.close()

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard, whoever speaks."""
        for live in (self._before, self._live, self._next):
            if live is not None:
                live.intake.void(turn)

    def result(self, frame: ToolResultFrame) -> None:
        """A function's answer, for whoever has asked."""
        self._live.intake.result(frame)

    def end(self) -> None:
        """The user will say no more."""
        for live in (self._live, self._next):
            if live is not None:
                live.intake.end()

    def ask(self, to: str, reason: str = "", summary: str = "") -> str:
        """Have ``to`` take over, or the call passed on to them; returns why not, empty when it is under way."""
        if self._desk is None:
            return "there is only one agent in this call (option agents)"
        decision = self._desk.asked(to, reason, summary)
        if isinstance(decision, Refused):
            return decision.why
        self._decide(decision)
        return ""

    # What sets a hand-over off -----------------------------------------------------------------

    def _said(self, emit: Callable[[TranscriptFrame], None], frame: TranscriptFrame) -> None:
        emit(frame)
        desk = self._desk
        assert desk is not None
        heard = self._utterances.feed(frame)
        decision = desk.heard(frame.role, heard.text, self._call.clock.now_ns())
        for pattern in desk.slow:
            self._log.warning("%s: the pattern %r takes too long for what was said", self._node, pattern)
        desk.slow.clear()
        if decision is None or isinstance(decision, Refused):
            return
        newest = self._call.conversation.newest_of(self._node)
        if isinstance(decision, HandOver) and newest and not self._live.silent:
            # Whoever speaks is not the one who should.
            self._call.conversation.interrupted(Turn(newest, self._node))
        self._decide(decision)

    def _own(self, call: said.CallTool) -> bool:
        """Take a call of one of the functions that hand over."""
        desk = self._desk
        if desk is None:
            return False
        reason, summary = (str(call.args.get(name) or "")[:2_000] for name in ("reason", "summary"))
        decision = desk.called(call.name, reason, summary)
        if decision is None:
            return False
        now_ns = self._call.clock.now_ns()
        if self._call.events.wants(ToolCalled):
            self._call.events.publish(ToolCalled(time_ns=now_ns, id=call.id, name=call.name, args=call.args))
        # The step in which the call came is not yet over: what follows from it comes behind it.
        asyncio.get_running_loop().call_soon(self._answer, call, decision)
        return True

    def _answer(self, call: said.CallTool, decision: Decision) -> None:
        if isinstance(decision, Refused):
            self._finish(call.id, call.name, {"error": decision.why})
        else:
            self._decide(decision, call)

    def _decide(self, decision: Decision, call: said.CallTool | None = None) -> None:
        if isinstance(decision, HandOver):
            self._wish = _Wish(decision, call.id if call else "", call.name if call else "")
            self._settled.clear()
            self._wished.set()
        elif isinstance(decision, PassOn):
            assert self._desk is not None
            target = self._desk.personas[decision.to].transfer
            assert target is not None
            ask_to_transfer(self._call, self._node, decision, target, self.history.entries)
            text = passed_on(decision.to, leaves=target.then == "end")
            if call is not None:
                self._finish(call.id, call.name, {"output": text}, again=False)
            else:
                self.talking.intake.context(ContextFrame(f"[{text}]", reply=True))
            if target.then == "end":
                self._leaves = True
                self._wished.set()

    # How it is carried out ---------------------------------------------------------------------

    async def _fulfil(self) -> None:
        """Carry out one hand-over after the other."""
        while True:
            await self._wished.wait()
            self._wished.clear()
            wish, self._wish = self._wish, None
            if wish is not None:
                await self._hand_over(wish)
            if self._leaves:
                await self._hang_up()
            if self._wish is None:
                self._settled.set()

    async def _hand_over(self, wish: _Wish) -> None:
        desk = self._desk
        assert desk is not None
        handed, before = wish.decision, desk.current
        persona, settings = desk.personas[handed.to], self._settings_of(handed.to)
        place = self.history.place
        self._note(takes_over(handed.to, before, handed))
        if persona.history == "all" and self._live.can_become(settings):
            self._go_on_as(wish, persona, before, settings)
            return
        role = Role(
            handed.to,
            briefing(persona, before, handed),
            partial(told_since, persona, handed, place),
            self._lines_of(handed.to),
            self._own,
        )
        coming = self._next = self._make(handed.to, role, self._live)
        phrase = asyncio.create_task(self._say_phrase(before, persona.phrase))
        try:
            await coming.open()
        except ServiceError as error:
            self._next = None
            await coming.close()
            self._failed(wish, error)
            return
        finally:
            phrase.cancel()
            await asyncio.wait({phrase})
        if wish.call_id:
            self._finish(wish.call_id, wish.function, {"output": "done"}, tell=False)
        going = self._before = self._live
        coming.inherit(going)
        self._live, self._next = coming, None
        if going.intake.ended and not coming.intake.ended:
            coming.intake.end()
        going.leave()
        self._took_over(handed, before)
        await going.close()

    async def _hang_up(self) -> None:
        """The call is somebody else's by now: end it when the goodbye has been heard."""
        try:
            async with asyncio.timeout(_GOODBYE_WITHIN_NS / SECOND):
                await self._live.answered()
        except TimeoutError:
            self._log.warning("%s: nobody said goodbye in time to a caller who is passed on", self._node)
        self._call.end(EndReason.TRANSFERRED)

    def _go_on_as(self, wish: _Wish, persona: Persona, before: str, settings: Settings) -> None:
        """The session goes on, as another."""
        desk = self._desk
        assert desk is not None
        handed = wish.decision
        instructions = settings.setup.system_instruction
        plain = "" if instructions is None else instructions.plain_text
        self._live.become(handed.to, plain, self._offered(handed.to))
        self._took_over(handed, before)
        text = briefing(persona, before, handed, knows=True)
        if wish.call_id:
            self._finish(wish.call_id, wish.function, {"output": text})
        else:
            self._live.intake.context(ContextFrame(text, reply=True))

    async def _say_phrase(self, before: str, phrase: str) -> None:
        """Fill the time that the new session takes, once all has been heard that was said before."""
        live, clock = self._live, self._call.clock
        await live.heard_out()
        line = self._lines.get((before, phrase))
        until_ns = clock.now_ns() + _PHRASE_WITHIN_NS
        while line is not None and not live.speak(line) and clock.now_ns() < until_ns:
            await clock.sleep_until_ns(clock.now_ns() + _LOOK_NS)

    def _failed(self, wish: _Wish, error: ServiceError) -> None:
        """The colleague cannot be had: whoever speaks goes on, and is told."""
        assert self._desk is not None
        self._desk.failed()
        self._log.warning("%s: %s cannot take over: %s", self._node, wish.decision.to, error)
        why = f"{wish.decision.to} cannot be reached now; help the caller yourself"
        self._note(HistoryEntry("context", f"[{why}.]"))
        if wish.call_id:
            self._finish(wish.call_id, wish.function, {"error": why})
        else:
            self._live.intake.context(ContextFrame(f"[{why}.]", reply=True))

    def _took_over(self, handed: HandOver, before: str) -> None:
        assert self._desk is not None
        self._desk.took_over(handed.to, self._call.clock.now_ns())
        self._changed_to(handed.to, before, handed.reason)

    def _changed_to(self, persona: str, before: str, reason: str) -> None:
        if self._call.events.wants(PersonaChanged):
            now_ns = self._call.clock.now_ns()
            self._call.events.publish(
                PersonaChanged(time_ns=now_ns, persona=persona, before=before, reason=reason, node=self._node)
            )

    def _finish(
        self, call_id: str, name: str, body: dict[str, str], *, tell: bool = True, again: bool = True
    ) -> None:
        """Answer a function of ours; where nobody is told any more, it is only known to be over.

        Asked for ``again``, be it by another who speaks by then, it is decided anew, and not answered with what it
        came to before.
        """
        failed, now_ns = "error" in body, self._call.clock.now_ns()
        if self._call.events.wants(ToolFinished):
            event = ToolFinished(
                time_ns=now_ns, id=call_id, name=name, ok=not failed, result=dict(body), duration_ns=0
            )
            self._call.events.publish(event)
        if tell:
            self._live.intake.result(
                ToolResultFrame(call_id, name, dict(body), failed=failed, undone=again, time_ns=now_ns)
            )
        else:
            self._live.forget(call_id)

    def _make(self, persona: str, role: Role | None = None, after: LiveCall | None = None) -> LiveCall:
        settings = self._settings_of(persona)
        if after is not None:
            # It begins with its briefing, in a session of its own.
            settings = replace(settings, greeting="", handle="")
        if role is None:
            role = Role(persona, lines=self._lines_of(persona), takes=self._own)
        offered = self._offered(persona)
        made = LiveCall(
            self._node,
            self._call,
            self._log,
            settings,
            self._ports,
            offered,
            self.history,
            role=role,
            after=after,
        )
        return made

    def _offered(self, persona: str) -> list[ToolCatalog]:
        """What ``persona`` may call."""
        if self._desk is None:
            return list(self._catalogs)
        theirs = [
            each.for_persona(persona) for each in self._catalogs if not each.agents or persona in each.agents
        ]
        return [*theirs, ToolCatalog(self._desk.functions(persona))]

    def _lines_of(self, persona: str) -> tuple[FallbackLine, ...]:
        """What ``persona`` may have to say while another comes to the phone."""
        desk = self._desk
        if desk is None:
            return ()
        me = desk.personas[persona]
        targets = [*me.offers, *(rule.to for rule in me.rules), *([me.returns_to] if me.returns_to else [])]
        phrases = [desk.personas[to].phrase for to in targets if desk.personas[to].transfer is None]
        lines = {phrase: FallbackLine(phrase) for phrase in phrases if phrase}
        self._lines.update({(persona, phrase): line for phrase, line in lines.items()})
        return tuple(lines.values())

    def _note(self, entry: HistoryEntry) -> None:
        now_s = round(self._call.clock.now_ns() / SECOND, 3)
        self.history.add(HistoryEntry(entry.role, entry.text, time_s=now_s))
