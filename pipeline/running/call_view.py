"""What others see of a call: how it goes, its graph as it is now, its processors, outputs and counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar, overload

from ..clock import Clock
from ..end_reason import EndReason
from ..frames import Frame
from ..graph.check import CheckResult
from ..graph.declarations import NodeSpec
from ..graph.handles import end_name, node_name
from ..graph.resolve import output_of
from ..ports import Out
from ..processor import Processor
from .edges import EdgeStats
from .node import NodeRuntime
from .node_state import NodeState, states_of
from .outcome import Outcome
from .taps import Tap, Taps
from .tuning import node_of
from .wire_up import Wiring

__all__ = ["CallView"]

P = TypeVar("P", bound=Processor)
F = TypeVar("F", bound=Frame)


class CallView:
    """One call as it is looked at; ``Call`` is what runs it."""

    def __init__(self, checked: CheckResult, outcome: Outcome, clock: Clock | None) -> None:
        self._checked = checked
        self._outcome = outcome
        self._clock = clock
        self._wiring: Wiring | None = None
        self._taps = Taps()

    @property
    def over(self) -> bool:
        """Whether the call ends, or has ended."""
        return self._outcome.ended

    @property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """Its graph as it is now: node by name."""
        return self._checked.nodes

    @property
    def written(self) -> Mapping[str, NodeSpec]:
        """The nodes as they were written: with names of files that are not filled in."""
        return self._checked.written.nodes

    @property
    def reason(self) -> EndReason | Literal[""]:
        """Why the call ended; empty while it runs."""
        return self._outcome.reason

    @property
    def end_detail(self) -> str:
        """What whoever ended it says of it, for people."""
        return self._outcome.detail

    @property
    def clock(self) -> Clock:
        """The call's clock; its origin is the start of the call."""
        if self._clock is None:
            raise RuntimeError("the call has not started")
        return self._clock

    @overload
    def processor(self, node: P) -> P: ...

    @overload
    def processor(self, node: str, kind: type[P]) -> P: ...

    def processor(self, node: Any, kind: type[Any] = Processor) -> Any:
        """The running processor of a node: of a handle that ``graph.add`` gave, or of a name, which must be a ``kind``.

        Raises ``KeyError`` naming the nodes there are, ``TypeError`` when it is something else.
        """
        name = node_name(node)
        found = node_of(self._running_nodes(), name).processor
        if not isinstance(found, kind):
            raise TypeError(f"{name!r} is a {type(found).__name__}, not a {kind.__name__}")
        return found

    @overload
    def tap(self, output: Out[F], observer: Callable[[F], object]) -> Callable[[], None]: ...

    @overload
    def tap(self, output: Out[F]) -> Tap[F]: ...

    @overload
    def tap(self, output: str | Processor, observer: Callable[[Any], object]) -> Callable[[], None]: ...

    @overload
    def tap(self, output: str | Processor) -> Tap[Any]: ...

    def tap(
        self, output: Any, observer: Callable[[Any], object] | None = None
    ) -> Callable[[], None] | Tap[Any]:
        """See every frame that leaves an output, markers included, without being in its way.

        ``output`` is ``"live.out"``, or a port of a handle; a node alone where it has one output. With an ``observer``,
        which is called inside the sender's step, returns what ends it; without one, a stream::

            async for frame in call.tap("live.out"): ...

        An observer that raises is removed and logged. Before the call runs and while it does; frames of a cut turn are
        seen when they leave. Raises ``KeyError`` naming what there is.
        """
        port = output_of(end_name(output), self._checked.nodes)
        return self._taps.stream(port) if observer is None else self._taps.add(port, observer, _nothing)

    @property
    def checked(self) -> CheckResult:
        """The graph as it runs now, with what ``tune`` and ``change`` made of it."""
        if self._wiring is None:
            return self._checked
        specs = {name: node.spec for name, node in self._wiring.nodes.items()}
        return replace(self._checked, nodes=self._checked.nodes | specs)

    def stats(self) -> dict[str, EdgeStats]:
        """The counters of every edge, by name (``gate.out -> live.audio``)."""
        nodes = self._running_nodes().values()
        return {name: stats for node in nodes for name, stats in node.intake.stats.items()}

    def states(self) -> list[NodeState]:
        """How every node fares now; none before the call runs."""
        return [] if self._wiring is None else states_of(self._wiring.nodes, self.clock.now_ns())

    def _running_nodes(self) -> Mapping[str, NodeRuntime]:
        return self._wiring.nodes if self._wiring is not None else {}


def _nothing() -> None:
    """An observer is not told of the end."""
