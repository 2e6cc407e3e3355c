"""Reading a scenario from YAML, and refusing a faulty one with the place of every fault.

Example:
    version: 1
    brain: ./dentist.brain.yaml
    settings: {connection: 20s, go_away: 5s}
    scenes:
      - when: {connect: 2}
        do: [{set: {setup_after: 5s}}]
      - when: {turn: 1}
        do:
          - say: Let me see.
          - call: {tool: find_slots, args: {day: Monday}}
      - when: {tool_response: find_slots}
        do:
          - say: Monday at ten is free.
          - wait: 300ms
          - close: {code: 1011, reason: Internal error encountered.}
      - when: {sent: audio, nth: 3, times: 1}
        do: [reset]

A scene plays whenever what is under ``when`` happens. All events, actions and settings are in ``docs/simulator.md``.
"""

from __future__ import annotations

from pathlib import Path

from ..yaml12 import Node
from .brain_file import BrainError, load_brain
from .brain_script import Script
from .message_kinds import RECEIVED, SENT
from .personality import PERSONALITIES
from .scenario import Event, RefuseConnection, Scenario, Scene, When
from .scenario_acts import ActReader
from .yaml_reader import Keys, ScriptError, listed, read_source

__all__ = ["EVENTS", "FILTERS", "SETTINGS", "ScenarioError", "load_scenario", "parse_scenario"]


class ScenarioError(ScriptError):
    """A scenario that cannot be used."""


EVENTS = ("connect", "time", "every", "turn", "tool_response", "audio", "sent", "received")
FILTERS = ("nth", "connection", "times")
_FLAGS = ("strict", "text_frames", "interim_transcripts", "cancellation", "voice_activity")
_DURATIONS = ("connection", "go_away", "session", "video_session", "handle", "release")
_LISTS = ("keys", "models")
SETTINGS = ("time_scale", "personality", "seed", *_FLAGS, *_DURATIONS, *_LISTS)
_MAY_BE_NONE = ("connection", "session", "video_session")
_MOST = 1_000_000


def load_scenario(path: Path | str) -> Scenario:
    """Read a scenario from a file; the brain that it names is looked for beside it.

    Raises:
        ScenarioError: the scenario, or the brain that it names, is faulty.
        OSError: the file cannot be read.
    """
    return parse_scenario(read_source(path, ScenarioError), str(path), Path(path).parent)


def parse_scenario(text: str, file: str = "<string>", folder: Path | None = None) -> Scenario:
    """Read a scenario.

    Args:
        file: the name that faults are reported under.
        folder: where files that it names are.

    Raises:
        ScenarioError: the scenario is faulty.
    """
    reader = _Reader(file, folder or Path())
    return reader.read(text, reader.scenario, "empty; expected a mapping with 'version: 1' and 'scenes'")


class _Reader(ActReader):
    error = ScenarioError

    def __init__(self, file: str, folder: Path) -> None:
        super().__init__(file)
        self._folder = folder

    def scenario(self, root: Node) -> Scenario:
        keys = self.mapping(root, ("version", "brain", "settings", "scenes"), "a scenario")
        self.version(root, keys)
        brain = self.brain(keys["brain"][1]) if "brain" in keys else None
        settings = self.settings(keys["settings"][1]) if "settings" in keys else {}
        scenes = tuple(self.scene(node) for node in self.items(keys, "scenes"))
        return Scenario(scenes, settings, brain)

    def brain(self, node: Node) -> Script | None:
        name = self.text(node)
        if name is None:
            return None
        path = self._folder / name
        try:
            return load_brain(path)
        except BrainError as error:
            self.faults += error.faults
        except OSError as error:
            self.fault(node, f"{name} cannot be read: {error.strerror}")
        return None

    def settings(self, node: Node) -> dict[str, object]:
        keys = self.mapping(node, SETTINGS, "settings")
        found: dict[str, object] = {}
        for name, (_, value) in keys.items():
            if name in _FLAGS:
                option = f"send_{name}" if name in ("cancellation", "voice_activity") else name
                found[option] = self.flag(keys, name, False)
            elif name in _LISTS:
                found[name] = [text for item in self.items(keys, name) if (text := self.text(item))]
            elif name == "personality":
                found[name] = self.text(value) or "kind"
                self.one_of(value, str(found[name]), PERSONALITIES, "personality")
            elif name == "seed":
                found[name] = self.whole(value, 0, _MOST)
            elif name == "time_scale":
                found[name] = self.scale(value)
            elif name in _MAY_BE_NONE and not value.collection and value.text == "none":
                found[f"{name}_ns"] = None
            else:
                found[f"{name}_ns"] = self.duration(value)
        return found

    def scale(self, node: Node) -> float:
        number = self.plain(node) if not node.collection else None
        if isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= 100:
            return float(number)
        self.fault(node, "expected a factor from 0 to 100")
        return 1.0

    def scene(self, node: Node) -> Scene:
        keys = self.mapping(node, ("when", "do"), "a scene")
        for key in ("when", "do"):
            if key not in keys and node.pairs is not None:
                self.fault(
                    node, f"expected {key!r}: what {'sets the scene off' if key == 'when' else 'happens'}"
                )
        when = self.when(keys["when"][1]) if "when" in keys else When("connect")
        do = keys["do"][1] if "do" in keys else None
        acts = []
        for item in [] if do is None else do.items if do.items is not None else [do]:
            if (act := self.act(item)) is None:
                continue
            if isinstance(act, RefuseConnection) and when.event != "connect":
                self.fault(
                    item, "'refuse' belongs to a scene with 'when: connect': a connection is refused or open"
                )
            acts.append(act)
        return Scene(when, tuple(acts))

    def when(self, node: Node) -> When:
        if not node.collection:
            name = self.text(node) or "connect"
            if self.one_of(node, name, ("connect", "turn", "tool_response"), "event without a value"):
                return self.event(name, None, {})
            return When("connect")
        keys = self.mapping(node, (*EVENTS, *FILTERS), "an event")
        events = [name for name in keys if name in EVENTS]
        if len(events) == 1:
            return self.event(events[0], keys[events[0]][1], keys)
        if node.pairs is not None and not events and len(keys) == len(node.pairs):
            self.fault(node, f"expected one of {listed(EVENTS)}")
        for name in events[1:]:
            self.fault(keys[name][0], f"a scene has one event, and {events[0]!r} is there already")
        return When("connect")

    def event(self, name: str, node: Node | None, keys: Keys) -> When:
        def limit(key: str) -> int | None:
            return self.whole(keys[key][1], 1, _MOST, 1) if key in keys else None

        nth, connection, times = limit("nth"), limit("connection"), limit("times")
        if "nth" in keys and name not in ("tool_response", "sent", "received"):
            self.fault(keys["nth"][0], f"'nth' does not go with {name!r}: write {name}: {nth}")

        def made(
            event: Event, subject: str = "", number: int | None = nth, at_ns: int = 0, **more: bool
        ) -> When:
            return When(event, subject, number, at_ns, connection=connection, times=times, **more)

        each = node is None or (not node.collection and node.text == "each")
        if name == "connect" or name == "turn":
            number = None if each or node is None else self.whole(node, 1, _MOST, 1)
            return made("connect" if name == "connect" else "turn", number=number)
        if name == "tool_response":
            return made("tool_response", "" if each or node is None else self.text(node) or "")
        assert node is not None
        if name in ("time", "every", "audio"):
            at_ns = self.duration(node)
            if name == "every" and not at_ns:
                self.fault(node, "expected more than no time at all")
            return made("audio" if name == "audio" else "time", at_ns=at_ns, every=name == "every")
        kinds = SENT if name == "sent" else RECEIVED
        kind = "" if each else self.text(node) or ""
        if kind:
            self.one_of(node, kind, kinds, "kind of message")
        return made("sent" if name == "sent" else "received", kind)
