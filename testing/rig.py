"""An agent's graph made ready for a test: its ends exchanged, probes where the test looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..language import Agent
from ..pipeline.errors import ConfigError
from ..pipeline.frames import AudioFrame
from ..pipeline.graph.declarations import NodeSpec
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.substitution import substitute
from ..pipeline.processor import Processor, ports_of
from ..simulator.voice import VOICE_NAMES
from .boxes import RATES, AppMicrophone, CallerMicrophone, Feeder, Loudspeaker, Microphone, Probe
from .model import AnyOrder, Case, Expectation, Never, Occurs, Pattern, Play, Say, Send
from .scene import Scene

__all__ = ["Rig", "build_rig", "scene_of"]


@dataclass(slots=True)
class Rig:
    """A graph to be planned, and the names of the boxes that a test handles."""

    graph: Graph
    microphones: list[str] = field(default_factory=list)
    feeders: dict[str, str] = field(default_factory=dict)
    """The node that feeds each input (``node.port``)."""
    service: bool = False
    """Whether there is a model to talk to."""


def scene_of(agent: Agent) -> Scene:
    """What the tests of an agent can name."""
    from ..processors.gemini_live import GeminiLive
    from ..processors.tools.router import ToolRouter
    from ..processors.tools.sources import known_tools

    graph = agent.graph
    nodes = list(graph.nodes.values())
    tools: dict[str, tuple[str, ...]] = {}
    open_routers: list[str] = []
    for node in nodes:
        if issubclass(node.processor, ToolRouter):
            try:
                known, whole = known_tools(node.options["tools"])
                tools[node.name] = tuple(known)
                if not whole:
                    open_routers.append(node.name)
            except ConfigError:  # the agent's own check tells
                tools[node.name] = ()
    return Scene(
        graph=graph,
        microphones=tuple(node.name for node in nodes if _hears(node)),
        loudspeakers=tuple(node.name for node in nodes if _plays(node)),
        services=tuple(node.name for node in nodes if issubclass(node.processor, GeminiLive)),
        tools=tools,
        open_routers=tuple(open_routers),
        personas=tuple(
            name
            for node in nodes
            if issubclass(node.processor, GeminiLive)
            for name, persona in (node.options.get("agents") or {}).items()
            if persona.transfer is None
        ),
        inputs=agent.inputs,
        voices=tuple(VOICE_NAMES),
    )


def build_rig(graph: Graph, scene: Scene, case: Case) -> Rig:
    """The graph for one test."""
    from ..transports.file_in import FileIn
    from ..transports.record import Recorder
    from .rehearsal import RehearsedRecorder

    for node in list(graph.nodes.values()):
        if issubclass(node.processor, Recorder):
            graph = substitute(graph, node.name, RehearsedRecorder, node.options)
    fed = {step.to for step in case.feed if isinstance(step, Say | Play)}
    rig = Rig(graph, service=bool(scene.services))
    for name in scene.microphones:
        # A recording of the agent's own plays, unless the test speaks in its place.
        if issubclass(graph.nodes[name].processor, FileIn) and name not in fed:
            continue
        rig.graph = _with_microphone(rig.graph, name)
        rig.microphones.append(name)
    for name in scene.loudspeakers:
        rate = graph.nodes[name].options.get("rate")
        rig.graph = substitute(rig.graph, name, Loudspeaker, {"rates": rate} if rate else {})
    for name in scene.services:
        # A model at hand: neither a key nor an address counts.
        rig.graph = _with_options(rig.graph, name, {"endpoint": "local"}, without=("url", "api_key", "token"))
    for number, place in enumerate(dict.fromkeys(step.to for step in case.feed if isinstance(step, Send))):
        rig.feeders[place] = str(rig.graph.add(f"test-feeder-{number}", Feeder))
        rig.graph.connect(f"{rig.feeders[place]}.frames", place)
    _add_probes(rig.graph, scene, case)
    return rig


def _hears(node: NodeSpec) -> bool:
    """Whether a caller could speak there: a source of sound."""
    ports = ports_of(node.processor).values()
    return all(port.direction == "out" for port in ports) and any(AudioFrame in port.types for port in ports)


def _plays(node: NodeSpec) -> bool:
    """Whether a caller could listen there."""
    from ..processors.app import AppOut
    from ..transports.file_out import FileOut
    from ..transports.webrtc.webrtc_out import WebRTCOut

    return issubclass(node.processor, FileOut | WebRTCOut) or (issubclass(node.processor, AppOut))


def _with_microphone(graph: Graph, name: str) -> Graph:
    from ..processors.app import AppIn
    from ..transports.webrtc.webrtc_in import WebRTCIn

    node = graph.nodes[name]
    kind: type[Processor] = Microphone
    if issubclass(node.processor, WebRTCIn):
        kind = CallerMicrophone
    elif issubclass(node.processor, AppIn):
        kind = AppMicrophone
    rate = node.options.get("rate")
    return substitute(graph, name, kind, {"rates": (rate,) if isinstance(rate, int) else RATES})


def _with_options(
    graph: Graph, name: str, changes: Mapping[str, Any], without: tuple[str, ...] = ()
) -> Graph:
    made = Graph(graph.name)
    made.edges += graph.edges
    for node in graph.nodes.values():
        if node.name == name:
            kept = {key: value for key, value in node.options.items() if key not in without}
            node = replace(node, options={**kept, **changes})
        made.insert(node)
    return made


def _add_probes(graph: Graph, scene: Scene, case: Case) -> None:
    """One probe at each output from which frames go to a place that the test looks at."""
    assert scene.graph is not None
    wanted: dict[str, list[tuple[str, tuple[type, ...]]]] = {}
    for place in dict.fromkeys(place for pattern in _patterns(case) for place in pattern.places):
        node, _, port = place.partition(".")
        kinds = ports_of(scene.graph.nodes[node].processor)[port].types
        for source in scene.sources_of(place):
            wanted.setdefault(source, []).append((place, kinds))
    for number, (source, places) in enumerate(wanted.items()):
        name = str(graph.add(f"test-probe-{number}", Probe, places=tuple(places)))
        graph.connect(source, f"{name}.frames")


def _patterns(case: Case) -> Iterable[Pattern]:
    for expectation in case.expect:
        yield from _patterns_of(expectation)
    for step in case.feed:
        if isinstance(step.trigger.after, Pattern):
            yield step.trigger.after


def _patterns_of(expectation: Expectation) -> Iterable[Pattern]:
    if isinstance(expectation, Occurs | Never) and isinstance(expectation.what, Pattern):
        yield expectation.what
    elif isinstance(expectation, AnyOrder):
        for item in expectation.items:
            yield from _patterns_of(item)
