"""A graph as programs and agent files write it: nodes with their options, and edges between their ports.

::

    graph = Graph()
    mic = graph.add(FileIn, path="question.wav")
    gate = graph.add(VadGate, threshold=0.6)
    live = graph.add("live", GeminiLive)            # a name of one's own
    graph.connect(mic, gate)                        # or mic.out, gate.audio where it is ambiguous
    graph.connect(gate.speech, live.speech)
    graph.connect("gate.out", "live.audio")         # names do as well
    plan = graph.plan()
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, cast, get_args, overload

from ..errors import Problem
from ..frames import Frame
from ..policy import WhenFull
from ..processor import Processor
from ..units import DurationLike, duration_ns
from .check import check
from .declarations import EdgeSpec, ErrorPolicy, GraphSpec, NodeSpec, OnError, PolicyChange
from .handles import Gives, MayGive, MayTake, NodeHandle, PortHandle, Takes, end_of, node_name
from .plan import Plan, make_plan
from .registry import name_of
from .subgraph import Gathered

if TYPE_CHECKING:
    from ..ports import In, Out
    from ..running.call_log import LogPolicy
    from ..running.limits import CallLimits
    from ..turns.controller import TurnPolicy
    from ..turns.conversation_policy import ConversationPolicy
    from .inputs import InputSpec

__all__ = ["Graph"]

P = TypeVar("P", bound=Processor)
F = TypeVar("F", bound=Frame)

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class QueueOptions(TypedDict, total=False):
    """What ``Graph.connect`` may say of the queue between two ports."""

    when_full: WhenFull | None
    max_duration: DurationLike | None
    max_frames: int | None


class Graph(GraphSpec):
    """Nodes and edges, to be checked and planned."""

    @overload
    def add(self, processor: type[P], /, *, on_error: ErrorPolicy = "end_call", **options: Any) -> P: ...

    @overload
    def add(
        self, name: str, processor: type[P], /, *, on_error: ErrorPolicy = "end_call", **options: Any
    ) -> P: ...

    def add(
        self,
        name: str | type[Processor],
        processor: type[Processor] | None = None,
        /,
        *,
        on_error: ErrorPolicy = "end_call",
        **options: Any,
    ) -> Any:
        """Add a node and return a handle of it, whose ports are its attributes.

        Without a name it is called after its class: ``vad_gate``, the next one ``vad_gate_2``. Options are checked by
        ``check`` and ``plan``. ``on_error`` is what a fault of the node means: ``end_call``, ``skip_frame``,
        ``restart``, or a function that is given the ``ProcessorError`` and returns one of these.

        Raises ``ValueError`` when the name is taken or holds a dot, or ``on_error`` is none of these.
        """
        if not callable(on_error) and on_error not in get_args(OnError):
            choices = ", ".join(get_args(OnError))
            raise ValueError(f"on_error: {on_error!r} is none of {choices}, and no function that chooses one")
        if isinstance(name, type):
            processor, name = name, self._free_name(name)
        if not (isinstance(processor, type) and issubclass(processor, Processor)):
            raise TypeError(
                f"{processor!r} is no processor: graph.add(VadGate), or graph.add('gate', VadGate)"
            )
        handle = NodeHandle(self, name, processor)
        self.insert(NodeSpec(name, processor, options, on_error, ("nodes", name)))
        # For static tools a handle is the processor, see `handles`.
        return handle

    @overload
    def connect(self, source: Gives[F], target: Takes[F], **queue: Unpack[QueueOptions]) -> None: ...

    @overload
    def connect(self, source: MayGive[F], target: MayTake[F], **queue: Unpack[QueueOptions]) -> None: ...

    @overload
    def connect(
        self, source: str | Processor | Out[Any], target: str | Processor, **queue: Unpack[QueueOptions]
    ) -> None: ...

    @overload
    def connect(self, source: str | Processor, target: In[Any], **queue: Unpack[QueueOptions]) -> None: ...

    def connect(
        self,
        source: Any,
        target: Any,
        *,
        when_full: WhenFull | None = None,
        max_duration: DurationLike | None = None,
        max_frames: int | None = None,
    ) -> None:
        """Join ``source`` to ``target``, each a node, one of its ports, or a name of either; a policy makes it a queue.

        Between two nodes every pair of ports that fits is joined, as long as no port has a choice.
        """
        longest_ns = None if max_duration is None else duration_ns(max_duration, "max_duration")
        given = (when_full, longest_ns, max_frames)
        change = PolicyChange(*given) if any(value is not None for value in given) else None
        path = ("edges", len(self.edges))
        self.edges.append(EdgeSpec(end_of(source, self), end_of(target, self), change, path))

    def chain(self, *nodes: str | Processor) -> None:
        """Join each node to the next."""
        for source, target in itertools.pairwise(nodes):
            self.connect(source, target)

    def gather(self, *inputs: In[F]) -> In[F]:
        """Several inputs as one, for a sub-graph whose port feeds all of them."""
        members: Sequence[Any] = inputs
        if not members or not all(isinstance(one, PortHandle) for one in members):
            raise TypeError(
                "gather takes ports of nodes of this graph: graph.gather(gate.audio, meter.audio)"
            )
        return cast("In[F]", Gathered(members))

    def remove(self, node: str | Processor) -> None:
        """Take a node away, and every edge that begins or ends at it. ``KeyError`` when it is not there."""
        name = node_name(node)
        if name not in self.nodes:
            raise KeyError(f"there is no node {name!r}; there is: {', '.join(self.nodes) or 'none'}")
        del self.nodes[name]
        self.edges = [
            edge
            for edge in self.edges
            if name not in (edge.source.partition(".")[0], edge.target.partition(".")[0])
        ]

    def disconnect(self, source: Any, target: Any) -> None:
        """Take the edges from ``source`` to ``target`` away, written as for ``connect``. ``KeyError`` without any."""
        ends = end_of(source, self), end_of(target, self)
        kept = [edge for edge in self.edges if not _joins(edge, *ends)]
        if len(kept) == len(self.edges):
            there = ", ".join(f"{edge.source} -> {edge.target}" for edge in self.edges) or "none"
            raise KeyError(f"there is no edge {ends[0]} -> {ends[1]}; there is: {there}")
        self.edges = kept

    def check(self) -> Sequence[Problem]:
        """Everything that is wrong with the graph; empty when it can run."""
        return check(self).problems

    def plan(
        self,
        *,
        turns: TurnPolicy | None = None,
        limits: CallLimits | None = None,
        inputs: Mapping[str, InputSpec] | None = None,
        log: LogPolicy | None = None,
        conversation: ConversationPolicy | None = None,
    ) -> Plan:
        """Check, negotiate, and settle how calls are run.

        Args:
            turns: how speech over the agent is judged.
            limits: deadlines of starts, stops and stalls, and how often a node may restart.
            inputs: what a caller can bring along for the texts of the agent, by name.
            log: what boxes log.
            conversation: how the agent behaves: opening, silence, limits, goodbye.

        Raises ``ConfigError`` with every fault.
        """
        return make_plan(self, turns, limits, inputs, log, conversation)

    def _free_name(self, processor: type[Processor]) -> str:
        stem = name_of(processor) or _HUMP.sub("_", processor.__name__).lower()
        if stem not in self.nodes:
            return stem
        return next(name for n in itertools.count(2) if (name := f"{stem}_{n}") not in self.nodes)


def _joins(edge: EdgeSpec, source: str, target: str) -> bool:
    """Whether ``edge`` leads from ``source`` to ``target``, where a bare node means any port of it."""
    return all(
        end == wanted or ("." not in wanted and end.partition(".")[0] == wanted)
        for end, wanted in ((edge.source, source), (edge.target, target))
    )
