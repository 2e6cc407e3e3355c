"""Plays a scenario: takes note of what happens on a connection and says what is to be done. Sans I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .actions import ACTIONS, Action, CallTool, Cue
from .closings import Closing
from .oddities import Oddities
from .personality import Personality
from .scenario import Act, Event, RefuseConnection, Scenario, Scene, SetOddities, Wait

__all__ = ["ScenarioPlayer", "ScenarioState"]

_MOST_UNDER_WAY = 256
_MOST_AT_ONCE = 100


def _is_action(act: object) -> bool:
    return isinstance(act, ACTIONS)


def _actions(acts: Iterable[Act]) -> list[Action]:
    return [act for act in acts if isinstance(act, ACTIONS)]


@dataclass(slots=True)
class ScenarioState:
    """What a scenario knows of the whole simulator."""

    scenario: Scenario = field(default_factory=Scenario)
    connections: int = 0
    refused_resumes: list[Closing] = field(default_factory=list)
    """How the next attempts to resume are closed."""
    played: Counter[int] = field(default_factory=Counter)
    """How often each scene was."""
    personality: Personality = field(default_factory=Personality)
    answers: int = 0
    """How many the model has decided on, in all sessions."""
    resumes: int = 0
    """How many attempts to resume a session there were."""

    def enter(self, now_ns: int) -> ScenarioPlayer:
        """A new connection begins."""
        self.connections += 1
        return ScenarioPlayer(self, self.connections, now_ns)


@dataclass(slots=True)
class _Run:
    """A scene under way: what is still to be done, and not before when."""

    acts: list[Act]
    at_ns: int


class ScenarioPlayer:
    """The scenario on one connection.

    Args:
        connection: its number, from 1.
        now_ns: when it began.
    """

    def __init__(self, state: ScenarioState, connection: int, now_ns: int) -> None:
        self.connection = connection
        self.oddities = Oddities()
        self.state = state
        self.refused_status: int | None = None
        """The HTTP status that the connection gets instead of a WebSocket."""
        self._runs: list[_Run] = []
        self._set: set[str] = set()
        self._instant_ns = now_ns
        self._started = 0
        self._counts: Counter[tuple[Event, str]] = Counter()
        scenes = enumerate(state.scenario.scenes)
        self._scenes = [(n, s) for n, s in scenes if s.when.connection in (None, connection)]
        self._alarms = [(now_ns + s.when.at_ns, n, s) for n, s in self._scenes if s.when.event == "time"]
        self._audio = [(s.when.at_ns, n, s) for n, s in self._scenes if s.when.event == "audio"]
        self._counts["connect", ""] = state.connections
        for after_ns, act in state.personality.acts(connection):
            self._runs.append(_Run([act], now_ns + after_ns))
        for scene in self._set_off("connect", ""):
            # What is set for a connection holds from its first moment.
            for act in scene.do:
                if isinstance(act, RefuseConnection):
                    self.refused_status = act.status
            self._start(scene.do, now_ns)

    def opens(self, model: str) -> None:
        """The setup names its model: the connection becomes as odd as the personality wants, and a scenario lets it."""
        for name, value in self.state.personality.oddities(self.connection, model).items():
            if name not in self._set:
                setattr(self.oddities, name, value)

    @property
    def due_ns(self) -> int | None:
        """When to call `acts`."""
        times = [run.at_ns for run in self._runs]
        times += [at_ns for at_ns, number, scene in self._alarms if self._may(number, scene)]
        return min(times, default=None)

    def happened(self, event: Event, subject: str, now_ns: int) -> None:
        """A message of the kind `subject` was sent or received."""
        self._count(event, subject)
        for scene in self._set_off(event, subject):
            self._start(scene.do, now_ns)

    def heard(self, audio_ns: int, now_ns: int) -> None:
        """So much audio has come over this connection."""
        for at, (due_ns, number, scene) in enumerate(self._audio):
            if due_ns <= audio_ns and self._may(number, scene):
                again_ns = due_ns + scene.when.at_ns if scene.when.every and scene.when.at_ns else 1 << 62
                self._audio[at] = (again_ns, number, scene)
                self.state.played[number] += 1
                self._start(scene.do, now_ns)

    def turn(self, number: int, now_ns: int) -> list[Action] | None:
        """What the model does in its answer to the user's turn of this number; None where that is left to it."""
        self._counts["turn", ""] = number
        return self._answer("turn", "", now_ns)

    def result(self, tool: str, now_ns: int) -> list[Action] | None:
        """The same for the result of a tool."""
        self._count("tool_response", tool)
        return self._answer("tool_response", tool, now_ns)

    def acts(self, now_ns: int) -> list[Act]:
        """What is to be done now, in order."""
        for at, (due_ns, number, scene) in enumerate(self._alarms):
            if due_ns <= now_ns and self._may(number, scene):
                again_ns = due_ns + scene.when.at_ns if scene.when.every and scene.when.at_ns else 1 << 62
                self._alarms[at] = (again_ns, number, scene)
                self.state.played[number] += 1
                self._start(scene.do, due_ns)
        found: list[Act] = []
        for run in self._runs:
            while run.acts and run.at_ns <= now_ns:
                act = run.acts.pop(0)
                if isinstance(act, Wait):
                    run.at_ns += act.for_ns
                elif isinstance(act, SetOddities):
                    self._set.update(act.changes)
                    for name, value in act.changes.items():
                        setattr(self.oddities, name, value)
                else:
                    found.append(act)
        self._runs = [run for run in self._runs if run.acts]
        return found

    def go_on(self, acts: Iterable[object], now_ns: int) -> None:
        """Do what stood behind an answer, which is out now."""
        self._start([act for act in acts if isinstance(act, Act)], now_ns)

    def _answer(self, event: Event, subject: str, now_ns: int) -> list[Action] | None:
        """What the scenes hold that is for the model to do now; the rest of them begins now, or behind it.

        What stands before the model's actions is done at once, unless it begins with a pause: then the scene is none
        for the model to answer with.
        """
        actions: list[Action] | None = None
        for scene in self._set_off(event, subject):
            do = scene.do
            first = next((n for n, act in enumerate(do) if _is_action(act) or isinstance(act, Wait)), len(do))
            last = next((n for n in range(first, len(do)) if not _is_action(do[n])), len(do))
            if first == last:
                self._start(do, now_ns)
                continue
            self._start(do[:first], now_ns)
            answer = _actions(do[first:last])
            rest = do[last:]
            if rest and any(isinstance(action, CallTool) for action in answer):
                # What follows a call may be about it: it has to be out.
                answer.append(Cue(rest))
            else:
                self._start(rest, now_ns)
            actions = [*(actions or []), *answer]
        return actions

    def _count(self, event: Event, subject: str) -> None:
        self._counts[event, subject] += 1
        if subject:
            self._counts[event, ""] += 1

    def _start(self, acts: Sequence[Act], now_ns: int) -> None:
        if now_ns > self._instant_ns:
            self._instant_ns, self._started = now_ns, 0
        self._started += 1
        # Scenes that set each other off in no time at all would never let it pass.
        if acts and len(self._runs) < _MOST_UNDER_WAY and self._started < _MOST_AT_ONCE:
            self._runs.append(_Run(list(acts), now_ns))

    def _set_off(self, event: Event, subject: str) -> list[Scene]:
        found = []
        for number, scene in self._scenes:
            when = scene.when
            if when.event != event or when.subject not in ("", subject) or not self._may(number, scene):
                continue
            if when.number is None or when.number == self._counts[event, when.subject]:
                self.state.played[number] += 1
                found.append(scene)
        return found

    def _may(self, number: int, scene: Scene) -> bool:
        return scene.when.times is None or self.state.played[number] < scene.when.times
