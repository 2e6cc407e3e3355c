"""Presets of turns: values of options that a graph does not say itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..options import option_specs
from ..turns.controller import TurnPreset
from .declarations import GraphSpec, NodeSpec

__all__ = ["with_preset"]

G = TypeVar("G", bound=GraphSpec)


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
