"""A graph as something to look at: boxes in layers, arrows with their labels. No drawing here.

::

    picture = picture_of(check(graph), title="receptionist")
    print(render(picture, "ascii"))
"""

from __future__ import annotations

from dataclasses import dataclass

from ...pipeline.errors import ConfigError
from ...pipeline.graph import registry
from ...pipeline.graph.check import CheckResult
from ...pipeline.graph.hops import is_queue
from ...pipeline.graph.resolve import ResolvedEdge, common_types
from ...pipeline.processor import ports_of
from .names import format_words, frame_words, policy_words

__all__ = ["Arrow", "Box", "Picture", "picture_of"]


@dataclass(frozen=True, slots=True)
class Box:
    """One node."""

    name: str
    use: str
    """What its processor is called."""
    kind: str
    """``source``, ``sink``, ``service`` or ``processor``."""
    layer: int
    """0 for sources; every other box lies behind all that feed it."""
    inputs: tuple[str, ...] = ()
    """Those that are connected, in the order of their declaration."""
    outputs: tuple[str, ...] = ()
    inserted: bool = False
    """Whether negotiation put it in: a resampler that the file does not name."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One edge."""

    source: str
    output: str
    target: str
    input: str
    flows: str
    """What passes: ``audio``, ``tool call/cancel``."""
    format: str = ""
    """For audio: ``16 kHz mono``."""
    policy: str = ""
    """``drop_oldest 200ms``, or ``direct`` where a hop is a function call and nothing queues."""
    feedback: bool = False

    @property
    def label(self) -> str:
        """``audio 16 kHz mono · drop_oldest 200ms``."""
        what = " ".join(part for part in (self.flows, self.format) if part)
        return " · ".join(part for part in (what, self.policy) if part)


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, those that feed others first, and the arrows between them in the order of their outputs."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture_of(checked: CheckResult, *, title: str = "") -> Picture:
    """The picture of a graph that is right. Raises ``ConfigError`` when it has errors: nothing is to be drawn then."""
    if checked.errors:
        raise ConfigError(checked.errors)
    layers = _layers(checked)
    inserted = {item.node for item in checked.inserted}
    joined = {end for edge in checked.edges for end in (edge.source, edge.target)}
    boxes = []
    for name in sorted(checked.order, key=lambda name: layers[name]):
        processor = checked.nodes[name].processor
        use = registry.name_of(processor) or processor.__qualname__
        ports = [port for port in ports_of(processor).values() if (name, port.name) in joined]
        inputs = tuple(port.name for port in ports if port.direction == "in")
        outputs = tuple(port.name for port in ports if port.direction == "out")
        boxes.append(Box(name, use, processor.kind, layers[name], inputs, outputs, name in inserted))
    place = {box.name: index for index, box in enumerate(boxes)}
    order = {
        (name, port): index
        for name, node in checked.nodes.items()
        for index, port in enumerate(ports_of(node.processor))
    }
    edges = sorted(
        checked.edges, key=lambda edge: (place[edge.source[0]], order[edge.source], place[edge.target[0]])
    )
    # It is drawn at terminals, too.
    plain = "".join(character if character.isprintable() else " " for character in title)
    return Picture(" ".join(plain.split()), tuple(boxes), tuple(_arrow(edge, checked) for edge in edges))


def _arrow(edge: ResolvedEdge, checked: CheckResult) -> Arrow:
    (source, output), (target, port) = edge.source, edge.target
    processor = checked.nodes[target].processor
    kinds = common_types(ports_of(checked.nodes[source].processor)[output], ports_of(processor)[port])
    audio = checked.formats.get(edge.source)
    return Arrow(
        source=source,
        output=output,
        target=target,
        input=port,
        flows=frame_words(kinds),
        format="" if audio is None else format_words(audio),
        policy=policy_words(edge.policy, kinds) if is_queue(edge, processor) else "direct",
        feedback=edge.feedback,
    )


def _layers(checked: CheckResult) -> dict[str, int]:
    layers = dict.fromkeys(checked.order, 0)
    for name in checked.order:
        for edge in checked.edges:
            if edge.target[0] == name and not edge.feedback:
                layers[name] = max(layers[name], layers[edge.source[0]] + 1)
    return layers
