"""One test on its virtual clock: the agent is called, fed and watched, until all is decided."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..audio import Pcm, samples_to_ns
from ..pipeline.clock import clock_of_loop
from ..pipeline.errors import LivegraphError
from ..pipeline.events import CallStarted, Event
from ..pipeline.frames import DtmfFrame, Frame
from ..pipeline.graph.modules import anew
from ..pipeline.graph.plan import Plan, make_plan
from ..pipeline.running.call import Call
from ..pipeline.units import MS, SECOND, format_duration
from ..processors.gemini_live.endpoint import LiveConnector
from ..processors.tools.stand_ins import StandIns
from ..simulator.recording import WireLog
from ..simulator.server import Simulator
from .boxes import Feeder, Microphone
from .brains import brain_of
from .judging import Verdict, first_match, judge
from .mocks import mocked
from .model import Case, Disconnect, Gaps, Never, Play, Press, Say, Send, Skip, Step
from .rig import Rig, build_rig
from .scripts import brain_of_case, scenario_of_case
from .sound_log import PAUSE_NS, audible
from .sounds import Speech, sound_of
from .suites import Group
from .timeline import Entry, Timeline
from .wire import RecordedServer, Switchboard, read_recording

__all__ = ["Bench", "Watched"]

_LAG_NS = PAUSE_NS + 100 * MS
"""How late a thing may be told: the end of a sound is known after a pause."""
_BETWEEN_KEYS_NS = 250 * MS
_POLL_NS = 100 * MS
_QUIET_NS = 10 * SECOND
"""When nothing has happened for so long, and nothing is to be fed any more, the caller hangs up."""
_AFTERMATH_NS = 2 * SECOND
"""How long a test goes on that has failed, so that what comes too late is seen."""


@dataclass(slots=True)
class Watched:
    """What was seen of one test."""

    timeline: Timeline = field(default_factory=Timeline)
    verdicts: list[Verdict] = field(default_factory=list)
    duration_ns: int = 0
    error: str = ""
    """Why the call failed or did not end; empty when all is well."""


class Bench:
    """Everything that one test needs. ``run`` once, on a virtual loop.

    ``record`` is a folder for what is said to the model and what it says.
    Raises ``LivegraphError`` and ``OSError`` when it cannot even begin.
    """

    def __init__(self, group: Group, case: Case, speech: Speech, record: Path | None = None) -> None:
        self.watched = Watched()
        self._case = case
        self._agent = group.agent
        self._scenario = scenario_of_case(case, group.tree)
        own = brain_of_case(case, group.tree) or (self._scenario and self._scenario.brain)
        self._script = own or brain_of(group.agent)
        self._speech = speech
        self._record = record
        self._rig: Rig = build_rig(group.agent.graph, group.scene, case)
        agent = group.agent
        self._plan: Plan = make_plan(
            *(self._rig.graph, agent.turns),
            inputs=agent.inputs,
            log=agent.log,
            conversation=agent.conversation,
        )
        self._sounds = self._make_sounds()

    def _make_sounds(self) -> dict[int, Pcm]:
        """What the steps play, by their number; made before the call, as speaking takes no time of it."""
        return {
            number: sound_of(step, self._plan.format_of(step.to, "audio").rate, self._speech)
            for number, step in enumerate(self._case.feed)
            if isinstance(step, Say | Play)
        }

    async def run(self) -> Watched:
        """Run the test; what was seen is in ``watched`` from the beginning."""
        async with AsyncExitStack() as stack:
            # What a tool's module keeps is this test's alone; boxes are those of the graph.
            boxes = {node.processor.__module__ for node in self._rig.graph.nodes.values()}
            stack.enter_context(anew(without=boxes))
            helpers = await stack.enter_async_context(asyncio.TaskGroup())
            resources: dict[type, Any] = {Timeline: self.watched.timeline, StandIns: mocked(self._case.mocks)}
            switchboard = None
            if self._rig.service:
                switchboard = resources[LiveConnector] = await self._switchboard(stack, helpers)
            call_id = re.sub(r"\W+", "-", self._case.name) or "test"
            call = self._plan.call(inputs=self._case.inputs, resources=resources, call_id=call_id)
            call.events.subscribe(Event, lambda event: self.watched.timeline.add(Entry.of_event(event)))
            running = helpers.create_task(self._call(call), name="test call")
            watching = helpers.create_task(self._watch(call, switchboard), name="test watch")
            await running
            watching.cancel()
            await asyncio.wait([watching])
        watched = self.watched
        end_ns = max([watched.duration_ns, *(entry.time_ns for entry in watched.timeline)])
        watched.verdicts = judge(self._case.expect, watched.timeline, end_ns, over=True)
        return watched

    async def _switchboard(self, stack: AsyncExitStack, helpers: asyncio.TaskGroup) -> Switchboard:
        inner: Any
        if self._case.live is not None:
            inner = RecordedServer(read_recording(self._case.live), clock_of_loop(), helpers)
            stack.callback(inner.end)
        else:
            scripts = {} if self._script is None else {self._agent.name: self._script}
            ears, voice = self._speech.ears, self._speech.voice
            log = None if self._record is None else stack.enter_context(WireLog(self._record))
            simulator = Simulator(
                scripts=scripts, scenario=self._scenario, ears=ears, voice=voice, record=log
            )
            await stack.enter_async_context(simulator)
            inner = simulator.connector(self._agent.name)
        return Switchboard(inner)

    async def _call(self, call: Call) -> None:
        try:
            await call.run()
        except LivegraphError as error:
            self.watched.error = f"the call failed: {error}"
        finally:
            self.watched.duration_ns = call.clock.now_ns()

    # Feeding

    async def _feed(self, call: Call, switchboard: Switchboard | None) -> None:
        clock, timeline = call.clock, self.watched.timeline
        began_ns = 0
        for number, step in enumerate(self._case.feed):
            trigger = step.trigger
            if trigger.at_ns is not None:
                await clock.sleep_until_ns(trigger.at_ns)
            elif trigger.after is not None:
                while (at_ns := first_match(trigger.after, timeline, clock.now_ns(), began_ns)) is None:
                    await clock.sleep_until_ns(clock.now_ns() + 10 * MS)
                await clock.sleep_until_ns(at_ns + trigger.wait_ns)
            else:
                await clock.sleep_until_ns(clock.now_ns() + trigger.wait_ns)
            began_ns = clock.now_ns()
            # A step that comes after an event may begin while the one before still sounds.
            rest = self._case.feed[number + 1 :]
            wait = not rest or (rest[0].trigger.at_ns is None and rest[0].trigger.after is None)
            end_ns = await self._do(number, step, call, switchboard)
            if wait:
                await clock.sleep_until_ns(end_ns)

    async def _do(self, number: int, step: Step, call: Call, switchboard: Switchboard | None) -> int:
        """Carry out a step; returns when it is over."""
        now_ns = call.clock.now_ns()
        if isinstance(step, Say | Play):
            pcm, microphone = self._sounds[number], call.processor(step.to, Microphone)
            rate = microphone.audio.format.rate
            start_ns = microphone.play(pcm)
            first, last = audible(pcm) or (0, len(pcm))
            said = step.text if isinstance(step, Say) else step.file.name
            verb = "say" if isinstance(step, Say) else "play"
            self._note(step, verb, said, start_ns + samples_to_ns(first, rate), "began")
            self._note(step, verb, said, start_ns + samples_to_ns(last, rate), "ended")
            return start_ns + samples_to_ns(len(pcm), rate)
        if isinstance(step, Send):
            # Its time is now; the rest is as it was written.
            frame: Frame = type(step.frame)(**{**_fields(step.frame), "time_ns": now_ns})
            self._note(step, "send", f"{_shown(step.frame)} to {step.to}", now_ns, "began")
            await call.processor(self._rig.feeders[step.to], Feeder).send(frame)
        elif isinstance(step, Press):
            await self._press(step, call)
        elif isinstance(step, Skip):
            self._note(step, "skip", format_duration(step.length_ns), now_ns, "began")
            await call.clock.sleep_until_ns(now_ns + step.length_ns)
        elif isinstance(step, Disconnect):
            self._note(step, "disconnect", str(step.code or "lost"), now_ns, "began")
            if switchboard is not None:
                await switchboard.disconnect(step.code, step.reason)
        now_ns = call.clock.now_ns()
        self._note(step, "", "", now_ns, "ended")
        return now_ns

    async def _press(self, step: Press, call: Call) -> None:
        for number, key in enumerate(step.keys):
            if number:
                await call.clock.sleep_until_ns(call.clock.now_ns() + _BETWEEN_KEYS_NS)
            self._note(step, "press", key, call.clock.now_ns(), "began" if not number else "")
            call.press(key)
            if step.to:
                frame = DtmfFrame(key, time_ns=call.clock.now_ns())
                await call.processor(self._rig.feeders[step.to], Feeder).send(frame)

    def _note(self, step: Step, verb: str, what: str, time_ns: int, place: str) -> None:
        fields = {"verb": verb, "what": what}
        self.watched.timeline.add(Entry(time_ns, "feed", step.name, place, fields))

    # Watching

    async def _watch(self, call: Call, switchboard: Switchboard | None) -> None:
        """Let the test take its course, and end the call when everything is decided."""
        await self._started(call)
        feeding = asyncio.create_task(self._feed(call, switchboard), name="test feed")
        try:
            await self._until_decided(call, feeding)
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])

    async def _started(self, call: Call) -> None:
        started = asyncio.Event()
        call.events.subscribe(CallStarted, lambda _: started.set())
        await started.wait()

    async def _until_decided(self, call: Call, feeding: asyncio.Task[None]) -> None:
        clock, case = call.clock, self._case
        failed_ns: int | None = None
        hung_up = False
        while True:
            await clock.sleep_until_ns(clock.now_ns() + _POLL_NS)
            now_ns = clock.now_ns()
            if feeding.done() and not feeding.cancelled() and (fault := feeding.exception()) is not None:
                raise fault
            verdicts = judge(case.expect, self.watched.timeline, now_ns - _LAG_NS)
            pending = [verdict for verdict in verdicts if verdict.outcome == "pending"]
            failed = any(verdict.outcome == "failed" for verdict in verdicts)
            failed_ns = now_ns if failed and failed_ns is None else failed_ns
            if failed_ns is not None and now_ns >= failed_ns + _AFTERMATH_NS:
                call.end("the test has failed")
            elif feeding.done() and not pending and not failed:
                call.end("the test is over")
            elif now_ns >= case.timeout_ns:
                self.watched.error = f"the test was not over after {format_duration(case.timeout_ns)}"
                call.end("the test took too long")
            elif feeding.done() and not failed and not hung_up and self._hangs_up(pending, now_ns):
                hung_up = True
                self._hang_up(call)

    def _hangs_up(self, pending: list[Verdict], now_ns: int) -> bool:
        """Whether only the end of the call can decide what is left, or nothing happens any more."""
        if any(verdict.deadline_ns is not None for verdict in pending):
            return False
        if all(isinstance(verdict.expectation, Never | Gaps) for verdict in pending):
            return True
        last_ns = max((entry.time_ns for entry in self.watched.timeline if entry.kind != "frame"), default=0)
        return now_ns >= last_ns + _QUIET_NS

    def _hang_up(self, call: Call) -> None:
        for name in self._rig.feeders.values():
            call.processor(name, Feeder).end()
        for name in self._rig.microphones:
            call.processor(name, Microphone).end()


def _fields(frame: Frame) -> dict[str, Any]:
    return {name: getattr(frame, name) for name in frame.__struct_fields__}


def _shown(frame: Frame) -> str:
    text = getattr(frame, "text", "")
    return f'"{text}"' if text else Entry.of_frame(frame, "", 0).name
