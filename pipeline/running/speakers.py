"""Who speaks in a call: the nodes that can be told what to say, or what to answer to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Speaking", "prompt", "speakers_of"]


@runtime_checkable
class Speaking(Protocol):
    """A node that can be told what to say."""

    def say(self, text: str) -> None:
        """Have the agent say ``text``, word for word."""
        ...

    def add_context(self, text: str, *, reply: bool = False) -> None:
        """Tell the agent ``text``, which the caller does not hear; with ``reply`` it answers to it."""
        ...


@runtime_checkable
class _Talking(Protocol):
    """A node that can be told what to answer to."""

    def add_context(self, text: str, *, reply: bool = False) -> None: ...


def speakers_of(nodes: Mapping[str, NodeRuntime]) -> dict[str, Speaking]:
    """Those of ``nodes`` that can be told what to say."""
    # Asked of every node at every start: whether it is a `Speaking` takes far longer than whether it has a `say`.
    return {
        name: node.processor
        for name, node in nodes.items()
        if hasattr(node.processor, "say") and isinstance(node.processor, Speaking)
    }


def prompt(nodes: Mapping[str, NodeRuntime], text: str) -> bool:
    """Have all of ``nodes`` that talk answer to ``text``; whether there is one."""
    talking = [node.processor for node in nodes.values() if isinstance(node.processor, _Talking)]
    for processor in talking:
        processor.add_context(text, reply=True)
    return bool(talking)
