"""What a server counts, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from ..pipeline.events import EventBus, SpeechChanged, StateChanged, ToolFinished
from ..pipeline.units import SECOND
from .limits.pulse import Pulse
from .media_metrics import MediaMetrics

__all__ = ["Metrics"]

_ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_RESPONSE_BUCKETS = (0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0, 5.0, 10.0)
_CALL_BUCKETS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


class Metrics:
    """Counters of one server, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = self._registry = registry if registry is not None else CollectorRegistry()
        self.active = Gauge(
            "livegraph_calls_active", "Calls that are answered and not over", ["agent"], registry=registry
        )
        self._ended = Counter(
            "livegraph_calls",
            "Calls that are over, by the reason of their end",
            ["agent", "reason"],
            registry=registry,
        )
        self._failed = Counter(
            "livegraph_calls_failed",
            "Calls that failed, by the node at fault",
            ["agent", "node"],
            registry=registry,
        )
        self._refused = Counter(
            "livegraph_offers_refused", "Offers that did not become a call", ["reason"], registry=registry
        )
        self._seconds = Histogram(
            "livegraph_call_seconds", "Length of calls", ["agent"], buckets=_CALL_BUCKETS, registry=registry
        )
        self._answer = Histogram(
            "livegraph_answer_seconds",
            "From an offer to its answer",
            buckets=_ANSWER_BUCKETS,
            registry=registry,
        )
        self._response = Histogram(
            "livegraph_response_seconds",
            "From the end of the caller's speech to the first sound of the agent",
            ["agent"],
            buckets=_RESPONSE_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "livegraph_loop_lag_seconds",
            "How late the event loop came, at most, in nine of ten looks of the last 3 seconds",
            registry=registry,
        )
        self._cpu = Gauge(
            "livegraph_loop_busy_ratio",
            "Part of the last 3 seconds that the event loop's thread computed, 0 to 1",
            registry=registry,
        )
        self._tools = Histogram(
            "livegraph_tool_seconds", "Time that tools took", ["agent", "tool", "ok"], registry=registry
        )

        self._media = MediaMetrics(registry)

    def text(self) -> bytes:
        """Everything, as ``/metrics`` gives it."""
        return generate_latest(self._registry)

    def loop(self, pulse: Pulse) -> None:
        """Tell of the event loop by what this measures."""
        self._lag.set_function(lambda: pulse.load.lag_ns / SECOND)
        self._cpu.set_function(lambda: pulse.load.cpu)

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

    def watch(self, agent: str, events: EventBus) -> None:
        """Count what happens in a call."""
        response = self._response.labels(agent)
        stopped_ns: int | None = None

        def on_speech(event: SpeechChanged) -> None:
            nonlocal stopped_ns
            stopped_ns = None if event.speaking else event.time_ns

        def on_state(event: StateChanged) -> None:
            nonlocal stopped_ns
            if event.state == "speaking" and stopped_ns is not None:
                response.observe((event.time_ns - stopped_ns) / SECOND)
                stopped_ns = None

        def on_tool(event: ToolFinished) -> None:
            self._tools.labels(agent, event.name, str(event.ok).lower()).observe(event.duration_ns / SECOND)

        self._media.watch(events)
        events.subscribe(SpeechChanged, on_speech)
        events.subscribe(StateChanged, on_state)
        events.subscribe(ToolFinished, on_tool)
