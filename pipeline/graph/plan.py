"""A plan: a graph checked and negotiated, ready to run any number of times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ..clock import Clock, day_time_ns
from ..errors import ConfigError, Problem
from ..formats import AudioFormat
from ..running.call import Call, new_call_id
from ..running.call_log import LogPolicy
from ..running.limits import CallLimits
from ..turns.controller import TurnPolicy
from ..turns.conversation_policy import ConversationPolicy
from .call_files import CallFacts, unknown_inputs
from .check import CheckResult, Insertion, check
from .declarations import GraphSpec
from .input_names import unknown_input_names
from .inputs import InputSpec, fill_call_texts, input_values, varies_by_call
from .presets import settled, with_preset

__all__ = ["Plan", "make_plan"]


class Plan:
    """What ``Graph.plan`` gives. Immutable; calls made from it share nothing but it."""

    def __init__(
        self,
        name: str,
        checked: CheckResult,
        turns: TurnPolicy,
        limits: CallLimits,
        inputs: Mapping[str, InputSpec],
        log: LogPolicy,
        conversation: ConversationPolicy | None = None,
    ) -> None:
        self.name = name
        self.turns = turns
        self.limits = limits
        self.log = log
        self.conversation = conversation or ConversationPolicy()
        self.inputs = inputs
        """What a caller can bring along, by name."""
        self._checked = checked
        self._varies = varies_by_call(checked)

    @property
    def checked(self) -> CheckResult:
        """Nodes, edges and formats; to be read only."""
        return self._checked

    @property
    def nodes(self) -> tuple[str, ...]:
        """Node names, sources first."""
        return tuple(self._checked.order)

    @property
    def inserted(self) -> tuple[Insertion, ...]:
        """The resamplers that negotiation added."""
        return tuple(self._checked.inserted)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the check found that does not keep the graph from running."""
        return tuple(self._checked.problems)

    def format_of(self, node: str, port: str) -> AudioFormat:
        """The settled format of an audio port. ``KeyError`` when there is no such port."""
        return self._checked.formats[node, port]

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """What its calls share is there for as long as this lasts (``Processor.shared_by_calls``)."""
        async with AsyncExitStack() as stack:
            for node in self._checked.nodes.values():
                common = node.processor.shared_by_calls(node.options)
                if common is not None:
                    await stack.enter_async_context(common)
            yield

    def call(
        self,
        *,
        inputs: Mapping[str, Any] | None = None,
        resources: Mapping[type, Any] | None = None,
        clock: Clock | None = None,
        call_id: str = "",
        identity: str = "",
    ) -> Call:
        """A call that has not started. Raises ``ConfigError`` with all that is wrong with ``inputs``.

        ``inputs`` are the values of the inputs that the agent declares, for its texts.
        ``resources`` are what this call brings along, by type (a peer connection, a connector);
        ``clock`` defaults to the running loop's, system or virtual. ``identity`` is who calls, where that is known.
        """
        values, problems = input_values(self.inputs, inputs or {})
        if problems:
            raise ConfigError(problems)
        facts = CallFacts(call_id or new_call_id(), day_time_ns(), self.name, identity, values)
        checked = fill_call_texts(self._checked, facts) if self._varies else self._checked
        return Call(
            *(checked, self.turns, self.limits, resources or {}, clock, facts, self.log),
            conversation=self.conversation,
        )


def make_plan(
    graph: GraphSpec,
    turns: TurnPolicy | None = None,
    limits: CallLimits | None = None,
    inputs: Mapping[str, InputSpec] | None = None,
    log: LogPolicy | None = None,
    conversation: ConversationPolicy | None = None,
) -> Plan:
    """Check ``graph`` and make its plan. Raises ``ConfigError`` with every fault."""
    conversation = conversation or ConversationPolicy()
    turns = settled(turns or TurnPolicy(), graph, conversation)
    graph = with_preset(graph, turns.preset)
    checked = check(graph)
    if not checked.errors:
        checked.problems += unknown_inputs(checked.nodes.values(), inputs or {})
        checked.problems += unknown_input_names(checked.nodes.values(), inputs or {})
    if checked.errors:
        raise ConfigError(checked.problems)
    return Plan(
        *(graph.name, checked, turns, limits or CallLimits(), inputs or {}),
        log or LogPolicy(),
        conversation,
    )
