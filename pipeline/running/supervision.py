"""What follows from what the nodes of a call report: their faults, their ends, and what they have going."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any, get_args

from ..clock import Clock
from ..end_reason import EndReason
from ..errors import LivegraphError, ProcessorError, StalledError, from_signal, told
from ..graph.declarations import OnError
from .draining import Draining
from .limits import CallLimits
from .node import NodeRuntime
from .nodes import Nodes
from .outcome import Outcome
from .stragglers import Stragglers
from .wire_up import Wiring

__all__ = ["Supervision"]


class Supervision:
    """Whom the nodes of one call tell; carries out what the graph says of it."""

    def __init__(self, call_id: str, clock: Clock, outcome: Outcome, limits: CallLimits) -> None:
        self._call_id = call_id
        self._clock = clock
        self._outcome = outcome
        self._limits = limits

    def oversee(self, wiring: Wiring) -> Nodes:
        """Take charge of the nodes of ``wiring``; returns what starts and stops them."""
        self._wiring = wiring
        self._draining = Draining(self._limits.drain_ns, lambda name: wiring.layout.feeders(name), self._late)
        self._stragglers = Stragglers(wiring, self._clock, self._limits.drain_ns, self._give_up)
        self._nodes = Nodes(self._call_id, wiring.nodes, self._limits, self._broken)
        return self._nodes

    def close(self) -> None:
        """The call is over."""
        self._draining.close()
        self._stragglers.close()

    # What nodes report -----------------------------------------------------------------------

    def failed(self, node: NodeRuntime, error: ProcessorError, *, skippable: bool) -> None:
        """A node raised; what follows is what the graph says of it."""
        policy = self._meaning(node, error)
        if node.leaving:
            self._warn(node, error, "the node was taken out of the call")
            node.mute()
            node.finish()
        elif self._outcome.ended:
            self._warn(node, error, "while the call ends")
        elif policy == "skip_frame" and skippable:
            self._warn(node, error, "frame skipped")
        elif policy == "restart" and self._nodes.may_restart(node):
            self._warn(node, error, "restarting the node")
            if not node.muted:
                self._nodes.restart(node, self._wiring.replace, self._outcome.ending, self._restarted)
        else:
            node.mute()
            self._broken(node.name, error)

    def ended(self, node: NodeRuntime) -> None:
        """Nothing more comes from a node."""
        if all(other.ended for other in self._wiring.nodes.values()):
            self._outcome.end(EndReason.COMPLETED)
        else:
            self._draining.look()
            self._stragglers.look()

    def idle(self, node: NodeRuntime) -> None:
        """A node waits for frames."""
        self._draining.look()

    def spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> Callable[[], object]:
        """A node has something going beside its handlers."""
        if self._outcome.ended:
            body.close()
            return lambda: None
        return self._nodes.spawn(node, body, what)

    def in_a_loop(self, node: NodeRuntime, then: Callable[[], None]) -> None:
        """A node would end, and frames may still come round to it."""
        if not self._outcome.ended:
            self._draining.add(node, then)

    # What follows ----------------------------------------------------------------------------

    def _meaning(self, node: NodeRuntime, error: ProcessorError) -> OnError:
        """What the graph says of a fault; a function that fails to say so ends the call."""
        said = node.spec.on_error
        if not callable(said):
            return said
        try:
            chosen = said(error)
        except BaseException as reason:
            if from_signal(reason):
                raise
            why = told(reason)
        else:
            if chosen in get_args(OnError):
                return chosen
            if isinstance(chosen, CoroutineType):
                chosen.close()
                why = "it is async, and the fault does not wait; make it a plain function"
            else:
                why = f"it returned {chosen!r}"
        self._warn(node, ProcessorError(node.name, f"on_error chose nothing: {why}"), "")
        return "end_call"

    def _warn(self, node: NodeRuntime, error: ProcessorError, consequence: str) -> None:
        self._outcome.warn(self._clock, node.name, error, consequence)

    def _broken(self, node: str, error: ProcessorError) -> None:
        """The call cannot go on."""
        self._outcome.tell(self._clock, node, error, fatal=True)
        self._outcome.fail(error)
        self._outcome.end(EndReason.FAILED)

    def _restarted(self, error: LivegraphError | None) -> None:
        if error is not None:
            self._outcome.fail(error)
            self._outcome.end(EndReason.FAILED)
        else:
            self._draining.look()

    def _give_up(self, node: NodeRuntime, why: str) -> None:
        """A node does not come to its end."""
        self._late(node, why)
        self._nodes.cancel_one(node)
        node.finish()

    def _late(self, node: NodeRuntime, why: str) -> None:
        self._warn(node, StalledError(node.name, why), "the node ends without it")
