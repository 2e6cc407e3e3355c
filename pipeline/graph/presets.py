"""Presets of turns: which one a graph has that asks for none, and the values of options that each stands for."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..frames import SpeechEndFrame
from ..options import option_specs
from ..processor import ports_of
from ..turns.controller import TurnPolicy, TurnPreset
from ..turns.conversation_policy import ConversationPolicy
from .declarations import GraphSpec, NodeSpec
from .resolve import resolve_edge

__all__ = ["chosen", "settled", "with_preset"]

G = TypeVar("G", bound=GraphSpec)


def settled(policy: TurnPolicy, graph: GraphSpec, conversation: ConversationPolicy) -> TurnPolicy:
    """``policy`` with the preset that ``graph`` gets in the place of ``auto``."""
    return replace(policy, preset=chosen(graph, conversation)[0]) if policy.preset == "auto" else policy


def chosen(graph: GraphSpec, conversation: ConversationPolicy) -> tuple[TurnPreset, str]:
    """What ``auto`` is for ``graph``, and why, for people.

    The detector here answers sooner, so it decides where it can: ``local``, where a detector tells every model of the
    graph when the user speaks, and nothing asks for what only the service has (its own detector, words while they
    are spoken). Anywhere else ``service``.
    """
    inputs = {
        name: told_at
        for name, node in graph.nodes.items()
        if (told_at := node.processor.turns_told_at(node.options)) is not None
    }
    if not inputs:
        return "service", "no model speaks here"
    if conversation.interruptions.by_words:
        return "service", "words decide about interruptions, and the service tells them"
    for name, told_at in inputs.items():
        if not told_at:
            return "service", f"the turns of `{name}` are its service's"
        if not _is_told(name, told_at, graph):
            return "service", f"no detector tells `{name}` when the caller speaks"
    told = " and ".join(f"`{name}`" for name in inputs)
    return "local", f"a detector tells {told} when the caller speaks"


def _is_told(node: str, port: str, graph: GraphSpec) -> bool:
    for edge in graph.edges:
        if edge.target.partition(".")[0] != node:
            continue
        for found in resolve_edge(edge, graph.nodes)[0]:
            source = ports_of(graph.nodes[found.source[0]].processor)[found.source[1]]
            if found.target == (node, port) and SpeechEndFrame in source.types:
                return True
    return False


def with_preset(graph: G, preset: TurnPreset) -> G:
    """``graph`` whose nodes have the values of their processors for ``preset`` (``Processor.turn_presets``).

    What the graph says counts more. A graph that nothing changes is itself what is returned.
    """
    changed = {
        name: replace(node, options={**values, **node.options})
        for name, node in graph.nodes.items()
        if (values := _values(node, preset)) and not values.keys() <= node.options.keys()
    }
    if not changed:
        return graph
    made = copy.copy(graph)
    made.nodes = graph.nodes | changed
    return made


def _values(node: NodeSpec, preset: TurnPreset) -> Mapping[str, Any]:
    values = getattr(node.processor, "turn_presets", {}).get(preset, {})
    known = option_specs(node.processor) if values else {}
    return {option: value for option, value in values.items() if option in known}
