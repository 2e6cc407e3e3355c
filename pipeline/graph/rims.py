"""Where the caller is in a graph: the output that is its voice, and the sink that is its ear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..ports import PortSpec
from ..processor import Processor, ages, ports_of
from .declarations import NodeSpec

__all__ = ["ears_of", "voices_of"]


def voices_of(nodes: Mapping[str, NodeSpec]) -> list[tuple[str, str]]:
    """Outputs of sound that nothing leads to, the likeliest to be the caller's voice first: microphones, in order."""
    found = [
        (name, port.name)
        for name, node in nodes.items()
        if node.processor.kind == "source"
        for port in ports_of(node.processor).values()
        if port.direction == "out" and port.carries_audio
    ]
    return sorted(found, key=lambda port: ages(nodes[port[0]].processor) is not True)


def ears_of(nodes: Mapping[str, NodeSpec], voice: str = "") -> list[str]:
    """Sinks of sound, the likeliest to be the caller's ear first: of the same kind as ``voice``, then in order."""
    found = [
        name
        for name, node in nodes.items()
        if node.processor.kind == "sink" and any(port.carries_audio for port in _inputs(node.processor))
    ]
    home = _home(nodes[voice].processor) if voice in nodes else ""
    return sorted(found, key=lambda name: _home(nodes[name].processor) != home)


def _inputs(processor: type[Processor]) -> Iterable[PortSpec]:
    return [port for port in ports_of(processor).values() if port.direction == "in"]


def _home(processor: type[Processor]) -> str:
    """A microphone and a loudspeaker that belong together lie in one package."""
    return processor.__module__.rpartition(".")[0]
