"""What several workers count, as one text: each sample with the worker that it is from. And what the pool counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from .post import Post

__all__ = ["PoolMetrics", "joined_text"]


class PoolMetrics:
    """Counters of the pool itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._refused = Counter(
            "livegraph_offers_refused",
            "Offers that did not become a call",
            ["reason"],
            registry=self.registry,
        )
        self._ended = Counter(
            "livegraph_workers_ended",
            "Workers that were replaced, by why: lost, held, memory, asked",
            ["worker", "reason"],
            registry=self.registry,
        )
        self._lost = Counter(
            "livegraph_calls_lost", "Calls that ended with their worker", ["worker"], registry=self.registry
        )

    def watch(self, posts: Callable[[], Iterable[Post]]) -> None:
        """Tell of the workers as well, as they are when somebody asks."""
        self.registry.register(_Posts(posts))

    def refused(self, reason: str) -> None:
        """An offer was refused with this code."""
        self._refused.labels(reason).inc()

    def ended(self, slot: int, reason: str, calls: int = 0) -> None:
        """A worker is replaced; ``calls`` ended with it."""
        self._ended.labels(str(slot), reason).inc()
        self._lost.labels(str(slot)).inc(calls)


class _Posts(Collector):
    def __init__(self, posts: Callable[[], Iterable[Post]]) -> None:
        self._posts = posts

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client``."""
        serving = GaugeMetricFamily("livegraph_workers", "Workers that take calls")
        memory = GaugeMetricFamily(
            "livegraph_worker_memory_bytes", "Memory that a worker has of the machine's", labels=["worker"]
        )
        posts = list(self._posts())
        serving.add_metric([], sum(post.state == "serving" for post in posts))
        for post in posts:
            if post.state == "serving":
                memory.add_metric([str(post.slot)], post.place.report.memory_bytes)
        yield from (serving, memory)


def joined_text(own: CollectorRegistry, texts: Sequence[tuple[str, bytes]]) -> bytes:
    """The pool's numbers and those of its workers, each text with the value of its label ``worker``.

    Two texts of one worker (one that drains, and its successor) are added up.
    """
    families: dict[str, Metric] = {}
    sums: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}

    def take(family: Metric, worker: str | None) -> None:
        known = families.get(family.name)
        if known is None:
            known = families[family.name] = Metric(family.name, family.documentation, family.type)
        found = sums.setdefault(family.name, {})
        for sample in family.samples:
            labels: Mapping[str, Any] = (
                sample.labels if worker is None else {**sample.labels, "worker": worker}
            )
            key = (sample.name, tuple(labels.items()))
            found[key] = found.get(key, 0.0) + sample.value

    for family in own.collect():
        take(family, None)
    for worker, text in texts:
        for family in text_string_to_metric_families(text.decode()):
            take(family, worker)
    for name, family in families.items():
        for (sample, labels), value in sums[name].items():
            family.add_sample(sample, dict(labels), value)
    return generate_latest(_Given(families.values()))


class _Given(CollectorRegistry):
    """A registry of what is given."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """See ``CollectorRegistry``."""
        return iter(self._families)
