"""Another graph for a call that runs: checked and started beside the old one, then swapped at frame boundaries.

Nodes that stay the same go on with all that they hold. New ones are started first; then every node that stays is joined
to its new edges between two of its frames; then what was taken out hands on what it still holds, and is stopped. Until
the first node is joined anew nothing has happened, so a change is made whole or not at all.

Codes: LG224 a running call cannot take the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ..errors import ConfigError, Problem
from ..formats import AudioFormat
from ..graph.call_files import CallFacts
from ..graph.check import CheckResult, check
from ..graph.declarations import GraphSpec
from ..graph.differences import compare_nodes
from ..graph.inputs import fill_call_texts
from ..graph.negotiate import PortKey
from ..graph.resolve import ResolvedEdge
from ..units import SECOND, format_duration
from .inlets import Inlet
from .limits import CallLimits
from .node import NodeRuntime
from .nodes import Nodes
from .wire_up import Layout, Wiring

if TYPE_CHECKING:
    from ..graph.graph import Graph

__all__ = ["CallChange", "Changing", "Planned"]


class Planned(Protocol):
    """What a call can be made like: a plan. Plans make calls, so calls know no more of them than this."""

    @property
    def checked(self) -> CheckResult:
        """Its graph, checked."""
        ...


@dataclass(frozen=True, slots=True)
class CallChange:
    """What a change of a running call came to, by the names of nodes and edges."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    """Nodes with another class or other options: a fresh one stands in the place of the old."""
    tuned: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Live options that have another value, by node."""
    joined: tuple[str, ...] = ()
    """Edges that were not there before."""
    cut: tuple[str, ...] = ()
    """Edges that are gone."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.replaced or self.tuned or self.joined or self.cut)


class Changing:
    """Changes the graph of one call; one change at a time."""

    def __init__(self, wiring: Wiring, nodes: Nodes, limits: CallLimits, facts: CallFacts) -> None:
        self._wiring = wiring
        self._nodes = nodes
        self._limits = limits
        self._facts = facts
        self._lock = asyncio.Lock()

    def graph(self, written: GraphSpec) -> Graph:
        """``written`` to be edited, its options as they are now: tuned, and with what the caller brought along."""
        from ..graph.graph import Graph

        graph = Graph(written.name)
        graph.nodes, graph.edges = dict(written.nodes), list(written.edges)
        for name, node in self._wiring.nodes.items():
            if name in graph.nodes:
                graph.nodes[name] = replace(graph.nodes[name], options=node.spec.options)
        return graph

    async def take(self, written: GraphSpec, until: asyncio.Future[None]) -> CallChange:
        """Make the call's graph ``written``. Raises ``ConfigError`` with every reason why not, ``StartError``."""
        async with self._lock:
            checked = self._checked(written)
            # The plan that it is of belongs to others too.
            checked = replace(checked, nodes=dict(checked.nodes))
            change = _Change(self._wiring, checked)
            if change.problems:
                raise ConfigError(change.problems)
            if not change.told:
                return change.told
            change.build()
            try:
                await self._start(change, until)
            except BaseException:
                await self._nodes.retire(change.fresh.values())
                raise
            if until.done():
                await self._nodes.retire(change.fresh.values())
                return CallChange()
            change.swap()
            for node in change.in_order_of_start():
                self._nodes.set_going(node)
            for node in change.kept.values():
                self._nodes.set_serving(node)
            for node in change.fresh.values():
                node.begin()
            await self._join_anew(change)
            await self._let_go(change)
            return change.told

    def _checked(self, written: GraphSpec) -> CheckResult:
        """What ``written`` is in this call: nodes that stay run at the formats that they were started with."""
        first = self._check(written, {})
        running = {name: node.spec for name, node in self._wiring.nodes.items()}
        stays = set(compare_nodes(running, first.nodes).same) - {one.node for one in first.inserted}
        formats = self._wiring.layout.checked.formats
        return self._check(written, {port: formats[port] for port in formats if port[0] in stays})

    def _check(self, written: GraphSpec, settled: Mapping[PortKey, AudioFormat]) -> CheckResult:
        checked = check(written, settled=settled)
        if checked.errors:
            raise ConfigError(checked.problems)
        return fill_call_texts(checked, self._facts)

    async def _start(self, change: _Change, until: asyncio.Future[None]) -> None:
        for node in change.in_order_of_start():
            if until.done():
                return
            await self._nodes.start_one(node, until)

    async def _join_anew(self, change: _Change) -> None:
        """Join every node that stays to its new edges, each between two of its frames."""
        joined = asyncio.Event()
        waiting = {name for name, node in change.kept.items() if node.busy_since_ns is not None}

        def join(node: NodeRuntime) -> None:
            change.join(node)
            waiting.discard(node.name)
            if not waiting:
                joined.set()

        for node in change.kept.values():
            node.between.when_free(partial(join, node))
        if waiting:
            try:
                await asyncio.wait_for(joined.wait(), self._limits.stall_ns / SECOND)
            except TimeoutError:
                # A handler that does not come to its end (or a node that failed) keeps nobody from the new edges.
                for name in sorted(waiting):
                    change.join(change.kept[name])

    async def _let_go(self, change: _Change) -> None:
        """End what was cut, and stop what was taken out when it has handed on what it held."""
        change.end_cut()
        for node in change.gone:
            if not node.intake.has_forward:
                # Nothing feeds it: it would go on for ever.
                self._nodes.cancel_one(node)
                node.finish()
        deadline_ns = self._limits.drain_ns
        loop = asyncio.get_running_loop()
        until_s = loop.time() + deadline_ns / SECOND
        for node in change.gone:
            try:
                await asyncio.wait_for(node.over.wait(), max(0, until_s - loop.time()))
            except TimeoutError:
                node.processor.log.warning(
                    "%s was taken out of the call and did not end within %s",
                    node.name,
                    format_duration(deadline_ns),
                )
                node.finish()
        await self._nodes.retire(change.gone)
        for node in change.kept.values():
            node.intake.forget_ended()


class _Change:
    """The difference between the graph of a call and another, and the steps from one to the other."""

    def __init__(self, wiring: Wiring, checked: CheckResult) -> None:
        self._wiring = wiring
        self._checked = checked
        self._before = wiring.layout
        running = wiring.nodes
        old = {name: node.spec for name, node in running.items()}
        found = compare_nodes(old, checked.nodes)
        # Formats of nodes that stay are settled; only a resampler that was put in may have to do something else.
        replaced = [
            *found.other,
            *(name for name in found.same if _formats_differ(name, self._before.checked, checked)),
        ]
        fresh = {*found.added, *replaced}
        self.kept = {name: running[name] for name in checked.order if name not in fresh}
        self.gone = [node for name, node in running.items() if name not in self.kept]
        self.fresh: dict[str, NodeRuntime] = {}
        self._fresh_names = fresh
        self._old_inlets = {
            _key(edge): inlet
            for edge, inlet in zip(self._before.checked.edges, self._before.inlets, strict=True)
            if edge.source[0] in self.kept and edge.target[0] in self.kept
        }
        edges = {_key(edge): str(edge) for edge in checked.edges}
        was = {_key(edge): str(edge) for edge in self._before.checked.edges}
        self.problems = list(self._ended(checked))
        self.told = CallChange(
            added=tuple(found.added),
            removed=tuple(name for name in running if name not in checked.nodes),
            replaced=tuple(replaced),
            tuned=found.tuned,
            joined=tuple(name for key, name in edges.items() if key not in was),
            cut=tuple(name for key, name in was.items() if key not in edges),
        )
        self._layout: Layout | None = None
        self._new_inlets: list[Inlet] = []

    @property
    def layout(self) -> Layout:
        assert self._layout is not None
        return self._layout

    def _ended(self, checked: CheckResult) -> Iterable[Problem]:
        for edge in checked.edges:
            target = self.kept.get(edge.target[0])
            if target is not None and _key(edge) not in self._old_inlets and not target.takes_inputs:
                message = f"`{edge}` leads to a node whose streams have ended"
                yield Problem("LG224", message, edge.path, hint=f"replace `{target.name}` as well")

    def build(self) -> None:
        """Make the new nodes, and join them among themselves and to those that stay. Raises ``ConfigError``."""
        checked = self._checked
        for name in checked.order:
            if name in self._fresh_names:
                self.fresh[name] = self._wiring.make(checked.nodes[name], checked)
        nodes = {name: self.fresh.get(name) or self.kept[name] for name in checked.order}
        inlets: list[Inlet] = []
        for edge in checked.edges:
            inlet = self._old_inlets.get(_key(edge))
            if inlet is None:
                inlet = nodes[edge.target[0]].intake.make(edge)
                self._new_inlets.append(inlet)
                if edge.target[0] in self.fresh:
                    nodes[edge.target[0]].intake.admit(inlet)
            inlets.append(inlet)
        self._layout = Layout(checked, nodes, inlets)
        self._layout.name_inlets(self.fresh.values())
        for node in self.fresh.values():
            self._wiring.join(node, self._layout)

    def in_order_of_start(self) -> list[NodeRuntime]:
        """The new nodes, each after all that it feeds."""
        return [node for level in self.layout.levels() for node in level if node.name in self.fresh]

    def swap(self) -> None:
        """From now on the call's graph is the new one. In one step: nothing of it waits, nothing can fail."""
        checked = self._checked
        for name, node in self.kept.items():
            # What was tuned, or filled in for this call, stays.
            checked.nodes[name] = replace(checked.nodes[name], options=node.spec.options)
        self._wiring.exchange(self.layout)
        for node in self.gone:
            node.leaving = True
        for inlet in self._new_inlets:
            target = self.kept.get(inlet.edge.target[0])
            if target is not None:
                target.intake.admit(inlet)
        self.layout.name_inlets(self.kept.values())
        for node in self.kept.values():
            node.open()

    def join(self, node: NodeRuntime) -> None:
        """Join one that stays to its edges as they are now."""
        if not (node.ended or node.closed):
            self._wiring.join(node)
            node.between.tell_rewired()

    def end_cut(self) -> None:
        """Say that nothing follows on edges that are gone, and on new ones whose source had ended before."""
        for inlet in self._new_inlets:
            source = self.kept.get(inlet.edge.source[0])
            if source is not None and source.ended:
                inlet.end_now(source.now_ns())
        stay = {id(inlet) for inlet in self.layout.inlets}
        for edge, inlet in zip(self._before.checked.edges, self._before.inlets, strict=True):
            if id(inlet) not in stay and edge.source[0] in self.kept and not edge.feedback:
                inlet.end_now(self.kept[edge.source[0]].now_ns())


def _key(edge: ResolvedEdge) -> ResolvedEdge:
    """What makes two edges the same, wherever they are written."""
    return replace(edge, path=())


def _formats_differ(name: str, before: CheckResult, after: CheckResult) -> bool:
    return any(
        node == name and before.formats.get((node, port), agreed) != agreed
        for (node, port), agreed in after.formats.items()
    )
