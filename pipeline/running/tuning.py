"""Changing a running call: options that are marked live, and how speech over the agent is judged.

A change is validated whole before anything of it counts. Each node takes it between two frames; nodes that hand frames
on without a queue between them take it in the same moment.

Codes: LG223 an option that is not live; those of options.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..convert import convert_options
from ..errors import ConfigError, Problem
from ..graph.declarations import NodeSpec
from ..graph.own_faults import own_faults
from ..options import live_options, option_specs
from .node import NodeRuntime

__all__ = ["Changes", "Retuned", "Tuner", "node_of", "retuned"]

T = TypeVar("T")

Changes = Mapping[str, Mapping[str, Any]]
"""New values of options, by the names of their nodes."""


@dataclass(frozen=True, slots=True)
class Retuned:
    """A node with other values of some of its options."""

    spec: NodeSpec
    changed: tuple[str, ...]


def retuned(nodes: Mapping[str, NodeSpec], changes: Changes) -> dict[str, Retuned]:
    """The nodes that ``changes`` make different.

    Raises ``KeyError`` for a node that is not there, ``ConfigError`` with every other fault: wrong values, options that
    do not exist or are not live.
    """
    made: dict[str, Retuned] = {}
    problems: list[Problem] = []
    for name, given in changes.items():
        found, faults = _retuned(node_of(nodes, name), given)
        problems += faults
        if found.changed:
            made[name] = found
    if not all(problem.warning for problem in problems):
        raise ConfigError(problems)
    return made


def node_of(nodes: Mapping[str, T], name: str) -> T:
    """The node of this name. Raises ``KeyError`` naming those there are."""
    if name not in nodes:
        raise KeyError(f"there is no running node {name!r}; there is: {', '.join(nodes) or 'none'}")
    return nodes[name]


def _retuned(spec: NodeSpec, given: Mapping[str, Any]) -> tuple[Retuned, list[Problem]]:
    specs = option_specs(spec.processor)
    live = [name for name, option in specs.items() if option.live]
    problems = []
    for name in given:
        if name in specs and name not in live:
            hint = f"live are: {', '.join(live)}" if live else "a new call can have another value"
            message = f"`{name}` of `{spec.name}` cannot change in a running call"
            problems.append(Problem("LG223", message, (*spec.path, name), hint=hint))
    options, faults = convert_options(spec.processor, {**spec.options, **given}, path=spec.path)
    problems += faults
    if all(problem.warning for problem in problems):
        problems += own_faults(spec, options)
    before, after = live_options(spec.processor, spec.options), live_options(spec.processor, options)
    changed = tuple(name for name in live if after[name] != before[name])
    return Retuned(replace(spec, options=options), changed), problems


class Tuner:
    """Takes changes to the nodes of one running call."""

    def __init__(self, nodes: Mapping[str, NodeRuntime]) -> None:
        self._nodes = nodes
        self._waiting: asyncio.Handle | None = None

    def tune(self, changes: Changes) -> dict[str, Retuned]:
        """Have the nodes take ``changes``; as ``retuned``."""
        made = retuned({name: node.spec for name, node in self._nodes.items()}, changes)
        for name, new in made.items():
            self._nodes[name].between.retune(new.spec, new.changed)
        if made and self._waiting is None:
            # Whoever asks may be an observer in the middle of somebody's step: when the loop comes round, nobody is.
            self._waiting = asyncio.get_running_loop().call_soon(self._take)
        return made

    def close(self) -> None:
        """The call ends: nothing changes any more."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _take(self) -> None:
        self._waiting = None
        for node in self._nodes.values():
            # One that is at a frame takes it before the next.
            if node.busy_since_ns is None:
                node.between.take_tuning()
