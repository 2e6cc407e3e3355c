"""The wiring of boxes in a row: what the linear and the short form leave unsaid.

- An input takes the nearest earlier box that offers its type. One that must be connected also takes a subclass, or
  what an output of a wider type may carry; an optional one takes only a class that both sides name.
- An output whose class an earlier box wants at an input declared as feedback is joined back to it (tool results).
- An output that is to be named (a camera) is left alone.
- A choice between equals is a fault that names them (LG130). Equal names of output and input settle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..pipeline.convert import Steps
from ..pipeline.errors import Problem
from ..pipeline.frames import Frame
from ..pipeline.graph.declarations import EdgeSpec
from ..pipeline.ports import PortSpec
from ..pipeline.processor import Processor, ports_of

__all__ = ["Box", "infer"]


@dataclass(frozen=True, slots=True)
class Box:
    """One box of the row. With ``explicit`` inputs or outputs, the file says where they go."""

    name: str
    processor: type[Processor]
    path: Steps
    explicit_inputs: bool = False
    explicit_outputs: bool = False

    def ports(self, direction: str) -> list[PortSpec]:
        return [port for port in ports_of(self.processor).values() if port.direction == direction]


def infer(boxes: Sequence[Box]) -> tuple[list[EdgeSpec], list[Problem]]:
    """The edges between ``boxes``, ports named, and what is ambiguous."""
    edges: list[EdgeSpec] = []
    problems: list[Problem] = []
    for index, box in enumerate(boxes):
        before = [other for other in reversed(boxes[:index]) if not other.explicit_outputs]
        if not box.explicit_inputs:
            edges += _inputs(box, before, problems)
    for index, box in enumerate(boxes):
        if not box.explicit_outputs:
            edges += _feedback(box, boxes[:index], edges, boxes[index + 1 :])
    return edges, problems


def _inputs(box: Box, before: Sequence[Box], problems: list[Problem]) -> list[EdgeSpec]:
    taken: dict[str, str] = {}
    edges: list[EdgeSpec] = []
    # Those that must be connected choose first: an optional one does not take the same output again.
    open_ports = [port for port in box.ports("in") if not port.named]
    for port in sorted(open_ports, key=lambda port: not port.required):
        offers = next((found for other in before if (found := _offers(other, port))), [])
        if len(offers) > 1:
            offers = [offer for offer in offers if offer.endswith(f".{port.name}")] or offers
        if not offers or (not port.required and offers[0] in taken):
            continue
        if len(offers) > 1:
            names = " or ".join(f"`{offer}`" for offer in offers)
            kinds = _names(port.types)
            problems.append(
                _ambiguous(box, f"`{box.name}.{port.name}` can take {kinds} from {names}", offers[0])
            )
        elif offers[0] in taken:
            both = f"`{taken[offers[0]]}` and `{port.name}` of `{box.name}`"
            problems.append(_ambiguous(box, f"{both} would both take `{offers[0]}`", offers[0]))
        else:
            taken[offers[0]] = port.name
            edges.append(EdgeSpec(offers[0], f"{box.name}.{port.name}", path=box.path))
    return edges


def _offers(box: Box, port: PortSpec) -> list[str]:
    """The outputs of ``box`` that suit ``port`` best, as ``node.port``."""
    outputs = [output for output in box.ports("out") if not output.named]
    exact = [output for output in outputs if _same(output.types, port.types)]
    found = exact
    if port.required and not found:
        found = [output for output in outputs if any(issubclass(kind, port.types) for kind in output.types)]
    if port.required and not found:
        # Last, what may carry it among others: a box that passes every frame on.
        found = [output for output in outputs if any(issubclass(kind, output.types) for kind in port.types)]
    return [f"{box.name}.{output.name}" for output in found]


def _feedback(
    box: Box, before: Sequence[Box], edges: Sequence[EdgeSpec], after: Sequence[Box]
) -> list[EdgeSpec]:
    found: list[EdgeSpec] = []
    for output in box.ports("out"):
        source = f"{box.name}.{output.name}"
        later = {
            f"{other.name}.{port.name}" for other in after for port in other.ports("in") if port.feedback
        }
        if any(edge.source == source and edge.target in later for edge in edges):
            continue
        for other in reversed(before):
            targets = [
                port for port in other.ports("in") if port.feedback and _same(output.types, port.types)
            ]
            if targets and not other.explicit_inputs:
                found.append(EdgeSpec(source, f"{other.name}.{targets[0].name}", path=box.path))
                break
    return found


def _same(one: Iterable[type[Frame]], other: Iterable[type[Frame]]) -> bool:
    """Whether both name a class; ``Frame`` itself names none."""
    return bool(set(one) & set(other) - {Frame})


def _names(kinds: Iterable[type[Frame]]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _ambiguous(box: Box, message: str, example: str) -> Problem:
    hint = f"say which with `from`, as in `from: {example}`, or name every edge in the graph form"
    return Problem("LG130", message, box.path, hint=hint)
