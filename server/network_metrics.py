"""Numbers of the media port: what came for nobody, and whose callers are away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..transports.webrtc.network import Network

__all__ = ["NetworkNumbers"]


class NetworkNumbers(Collector):
    """Read when somebody asks.

    Args:
        network: whose port it is.
        away: how many callers are lost and waited for.
    """

    def __init__(self, network: Network, away: Callable[[], int]) -> None:
        self._network = network
        self._away = away

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client``."""
        strange = CounterMetricFamily(
            "livegraph_media_strange_datagrams", "Datagrams that were for no caller, by why", labels=["why"]
        )
        for why in ("empty", "stranger", "malformed", "unproved"):
            strange.add_metric([why], self._network.mux.counts[why])
        yield strange
        yield GaugeMetricFamily(
            "livegraph_callers_away", "Callers who are lost and may come back", value=self._away()
        )
