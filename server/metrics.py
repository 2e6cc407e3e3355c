"""What a server counts, in the format of Prometheus. ``docs/operating.md`` has what each number means.

Times are seconds, shares are 0 to 1, and no label has a value that a caller chooses.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..pipeline.events import (
    CallStarted,
    EdgeStalled,
    Event,
    EventBus,
    Interrupted,
    NodeFailed,
    ServiceChanged,
    SpeechChanged,
    StateChanged,
    ToolFinished,
    ToolServiceChanged,
    Usage,
)
from ..pipeline.latencies import Latencies
from ..pipeline.running.edges import EdgeStats
from ..pipeline.units import SECOND
from .arguments import WrongArgument, an_instance
from .limits.pulse import Pulse
from .media_metrics import MediaMetrics

__all__ = ["Metrics", "Snapshot"]

_ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_RESPONSE_BUCKETS = (0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0, 5.0, 10.0)
_SILENCE_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1.0)
_CALL_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A running call as it is now."""

    agent: str
    state: str
    oldest_ns: int
    """The greatest age at which a frame left a queue of it."""


_GAUGES: dict[str, tuple[str, Callable[[Snapshot], float | None]]] = {
    "livegraph_queue_oldest_seconds": (
        "Greatest age at which a frame left a queue, of the running call that is worst off",
        lambda call: call.oldest_ns / SECOND,
    ),
}


class Metrics:
    """Counters of one server, by default in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry if registry is not None else CollectorRegistry()
        an_instance("registry", self._registry, CollectorRegistry, "a CollectorRegistry of prometheus_client")
        try:
            self.active = self._gauge(
                "livegraph_calls_active", "Calls that are answered and not over", ["agent"]
            )
        except ValueError:
            raise WrongArgument(
                "registry is counted in by another application of livegraph already; leave it out, and each has one of "
                "its own, or serve the agents of both by one application"
            ) from None
        self._ended = self._counter(
            "livegraph_calls", "Calls that are over, by the reason of their end", ["agent", "reason"]
        )
        self._failed = self._counter(
            "livegraph_calls_failed", "Calls that failed, by the node at fault", ["agent", "node"]
        )
        self._refused = self._counter(
            "livegraph_offers_refused", "Offers that did not become a call", ["reason"]
        )
        self._seconds = self._histogram("livegraph_call_seconds", "Length of calls", ["agent"], _CALL_BUCKETS)
        self._answer = self._histogram(
            "livegraph_answer_seconds", "From an offer to its answer", [], _ANSWER_BUCKETS
        )
        self._greeting = self._histogram(
            "livegraph_greeting_seconds",
            "From the start of a call to the agent's first sound, where nobody spoke before",
            ["agent"],
            _RESPONSE_BUCKETS,
        )
        self._response = self._histogram(
            "livegraph_response_seconds",
            "From the end of the caller's speech to the first sound of the agent",
            ["agent"],
            _RESPONSE_BUCKETS,
        )
        self._silence = self._histogram(
            "livegraph_silence_seconds",
            "From the caller's speech over the agent to the agent's silence",
            ["agent"],
            _SILENCE_BUCKETS,
        )
        self._interruptions = self._counter(
            "livegraph_interruptions", "Turns of the agent that its caller cut short", ["agent"]
        )
        self._tools = self._histogram(
            "livegraph_tool_seconds",
            "Time that tools took",
            ["agent", "tool", "ok"],
            Histogram.DEFAULT_BUCKETS,
        )
        self._tool_outcomes = self._counter(
            "livegraph_tool_calls",
            "Calls of tools, by how they ended: answered, cached, refused, timeout, crashed, unavailable, ...",
            ["agent", "tool", "outcome"],
        )
        self._tool_tries = self._counter(
            "livegraph_tool_attempts", "Times that tools were tried, retries included", ["agent", "tool"]
        )
        self._tool_services = self._gauge(
            "livegraph_tool_service_up",
            "Whether an MCP server is up, and the circuit breaker of a service is not open, as the last call saw it",
            ["service", "kind"],
        )
        self._tool_cost = self._counter(
            "livegraph_tool_cost_usd",
            "What tools cost in US dollars, as the agent file says",
            ["agent", "tool"],
        )
        self._tokens = self._counter(
            "livegraph_tokens", "Tokens that services counted", ["agent", "node", "direction"]
        )
        self._cost = self._counter(
            "livegraph_cost_usd", "What they cost in US dollars, where prices are known", ["agent", "node"]
        )
        self._services = self._counter(
            "livegraph_service_connections",
            "What became of connections to services: connected, lost, resumed, renewed, going_away, closed",
            ["agent", "node", "state"],
        )
        self._node_failures = self._counter(
            "livegraph_node_failures",
            "Faults of nodes, those that the call survived included",
            ["agent", "node"],
        )
        self._stalls = self._counter(
            "livegraph_stalls", "Times that frames waited because a node was busy", ["agent", "node"]
        )
        self._frames = self._counter(
            "livegraph_frames",
            "Frames on the edges of calls that are over: passed, dropped, stale",
            ["agent", "what"],
        )
        self._unclear = self._counter(
            "livegraph_unclear_messages",
            "Messages of callers that were not as their protocol has them, and were dropped",
            ["agent"],
        )
        self._lag = self._gauge(
            "livegraph_loop_lag_seconds",
            "How late the event loop came, at most, in nine of ten looks of the last 3 seconds",
            [],
        )
        self._cpu = self._gauge(
            "livegraph_loop_busy_ratio",
            "Part of the last 3 seconds that the event loop's thread computed, 0 to 1",
            [],
        )
        self._tasks = self._gauge("livegraph_tasks", "Tasks of the event loop", [])
        self._threads = self._gauge("livegraph_threads", "Threads of the process", [])
        self._calls: Callable[[], Iterable[Snapshot]] = tuple
        self._registry.register(_Running(lambda: self._calls()))

        self._media = MediaMetrics(self._registry)

    def text(self) -> bytes:
        """Everything, as ``/metrics`` gives it."""
        return generate_latest(self._registry)

    def loop(self, pulse: Pulse) -> None:
        """Tell of the event loop by what this measures."""
        self._lag.set_function(lambda: pulse.load.lag_ns / SECOND)
        self._cpu.set_function(lambda: pulse.load.cpu)
        loop = asyncio.get_running_loop()
        self._tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        self._threads.set_function(threading.active_count)

    def running(self, calls: Callable[[], Iterable[Snapshot]]) -> None:
        """Tell of running calls by what this gives when somebody asks."""
        self._calls = calls

    def add(self, collector: Collector) -> None:
        """Tell of what this collects, too."""
        self._registry.register(collector)

    def refused(self, reason: str) -> None:
        """An offer was refused with this code."""
        self._refused.labels(reason).inc()

    def answered(self, duration_ns: int) -> None:
        """An offer was answered after this time."""
        self._answer.observe(duration_ns / SECOND)

    def ended(self, agent: str, reason: str, duration_ns: int, node: str = "") -> None:
        """A call is over, for one of few reasons; ``node`` is the one at fault, when there is one."""
        self._ended.labels(agent, reason).inc()
        self._seconds.labels(agent).observe(duration_ns / SECOND)
        if reason == "failed":
            self._failed.labels(agent, node).inc()

    def carried(self, agent: str, frames: Iterable[EdgeStats]) -> None:
        """What the edges of a call have carried, at its end."""
        for stats in frames:
            for what in ("passed", "dropped", "stale"):
                self._frames.labels(agent, what).inc(getattr(stats, what))

    def unclear(self, agent: str, messages: int) -> None:
        """So many messages of a caller were dropped, as its call ends."""
        self._unclear.labels(agent).inc(messages)

    def watch(self, agent: str, events: EventBus) -> None:
        """Count what happens in a call."""
        latencies = Latencies()
        waits = {
            "greeting": self._greeting.labels(agent),
            "answer": self._response.labels(agent),
            "silence": self._silence.labels(agent),
        }

        def on_moment(event: Event) -> None:
            if (latency := latencies.see(event)) is not None:
                waits[latency.what].observe(latency.waited_ns / SECOND)

        for kind in (CallStarted, SpeechChanged, StateChanged):
            events.subscribe(kind, on_moment)

        def on_tool(event: ToolFinished) -> None:
            self._tools.labels(agent, event.name, str(event.ok).lower()).observe(event.duration_ns / SECOND)
            outcome = event.outcome or ("answered" if event.ok else "refused")
            self._tool_outcomes.labels(agent, event.name, outcome).inc()
            self._tool_tries.labels(agent, event.name).inc(event.attempts)
            self._tool_cost.labels(agent, event.name).inc(event.cost_usd)

        self._media.watch(events)

        def on_usage(event: Usage) -> None:
            self._tokens.labels(agent, event.node, "input").inc(event.input_tokens)
            self._tokens.labels(agent, event.node, "output").inc(event.output_tokens)
            if event.cost_usd is not None:
                self._cost.labels(agent, event.node).inc(event.cost_usd)

        def on_service(event: ToolServiceChanged) -> None:
            up = event.state in ("up", "closed", "half_open")
            self._tool_services.labels(event.service, event.kind).set(int(up))

        events.subscribe(ToolFinished, on_tool)
        events.subscribe(ToolServiceChanged, on_service)
        events.subscribe(Usage, on_usage)
        events.subscribe(Interrupted, lambda _: self._interruptions.labels(agent).inc())
        events.subscribe(
            ServiceChanged, lambda event: self._services.labels(agent, event.node, event.state).inc()
        )
        events.subscribe(NodeFailed, lambda event: self._node_failures.labels(agent, event.node).inc())
        events.subscribe(EdgeStalled, lambda event: self._stalls.labels(agent, event.node).inc())

    def _gauge(self, name: str, doc: str, labels: list[str]) -> Gauge:
        return Gauge(name, doc, labels, registry=self._registry)

    def _counter(self, name: str, doc: str, labels: list[str]) -> Counter:
        return Counter(name, doc, labels, registry=self._registry)

    def _histogram(self, name: str, doc: str, labels: list[str], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, doc, labels, buckets=buckets, registry=self._registry)


class _Running(Collector):
    """The worst of the running calls of each agent, when somebody asks."""

    def __init__(self, calls: Callable[[], Iterable[Snapshot]]) -> None:
        self._calls = calls

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See ``prometheus_client``."""
        calls = list(self._calls())
        for name, (doc, value_of) in _GAUGES.items():
            family = GaugeMetricFamily(name, doc, labels=["agent"])
            worst: dict[str, float] = {}
            for call in calls:
                value = value_of(call)
                if value is not None:
                    worst[call.agent] = max(worst.get(call.agent, 0.0), value)
            for agent, value in worst.items():
                family.add_metric([agent], value)
            yield family
        states = GaugeMetricFamily(
            "livegraph_calls_by_state", "Calls by what they do: pending, running, ending", labels=["state"]
        )
        for state in ("pending", "running", "ending"):
            states.add_metric([state], sum(call.state == state for call in calls))
        yield states
