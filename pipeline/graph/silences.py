"""Sound that may stop with no silence behind it, on its way to a box that waits for that silence. Code: LG313."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import Problem
from ..frames import AudioFrame
from ..processor import OptionFault, ports_of
from .declarations import NodeSpec
from .own_faults import broken_check, plain

if TYPE_CHECKING:
    from .resolve import ResolvedEdge

__all__ = ["silence_problems"]


def silence_problems(nodes: Mapping[str, NodeSpec], edges: Sequence[ResolvedEdge]) -> Iterator[Problem]:
    """A warning for each box whose sound may stop so, at the option that would mend it."""
    into: dict[str, list[str]] = {}
    for edge in edges:
        if AudioFrame in ports_of(nodes[edge.target[0]].processor)[edge.target[1]].types:
            into.setdefault(edge.target[0], []).append(edge.source[0])
    for name, node in nodes.items():
        try:
            needs = node.processor.needs_silence(plain(node.options))
        except BaseException as error:
            yield broken_check(node, "needs_silence", error)
            continue
        for source, fault in _stops(name, nodes, into) if needs else ():
            if isinstance(fault, Problem):
                yield fault
                continue
            message = f"`{source.name}` {fault.message}, and {needs}"
            path = (*source.path, *fault.path)
            yield Problem("LG313", message, path, hint=fault.hint, warning=True)


def _stops(
    name: str, nodes: Mapping[str, NodeSpec], into: Mapping[str, Sequence[str]]
) -> Iterator[tuple[NodeSpec, OptionFault | Problem]]:
    """The nearest boxes before ``name`` whose sound may stop, or that cannot say so."""
    seen, left = {name}, [*into.get(name, ())]
    while left:
        source = left.pop(0)
        if source in seen:
            continue
        seen.add(source)
        node = nodes[source]
        fault: OptionFault | Problem | None
        try:
            fault = node.processor.sound_stops(plain(node.options))
        except BaseException as error:
            fault = broken_check(node, "sound_stops", error)
        if fault is not None:
            yield node, fault
        else:
            left += into.get(source, ())
