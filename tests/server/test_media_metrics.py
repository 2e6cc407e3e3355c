"""The numbers of callers' lines are added up over calls, and shown by Prometheus' names."""

from __future__ import annotations

from livegraph.pipeline.events import EventBus
from livegraph.server.event_json import describe
from livegraph.server.metrics import Metrics
from livegraph.server.protocol import to_json
from livegraph.transports.webrtc.measured import MediaMeasured
from livegraph.transports.webrtc.rtp.statistics import MediaStatistics


def value(text: str, name: str) -> float:
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))


def test_counts_of_calls_are_added_up() -> None:
    """Each call tells what it has counted since it began; told twice it counts once."""
    metrics = Metrics()
    for lost in (3, 5):
        events = EventBus()
        metrics.watch("agent", events)
        for part in (1, 2, 2):
            numbers = MediaStatistics(
                received_packets=100 * part,
                received_bytes=8_000 * part,
                foreign_packets=part,
                lost_packets=lost * part,
                concealed_ms=20.0 * part,
                round_trip_ms=None if part == 1 else 30.0,
                complexity=5,
                bit_rate=32_000,
            )
            events.publish(MediaMeasured(time_ns=part, statistics=numbers))
    text = metrics.text().decode()
    assert value(text, "livegraph_media_received_packets_total") == 400
    assert value(text, "livegraph_media_received_bytes_total") == 32_000
    assert value(text, "livegraph_media_foreign_packets_total") == 4
    assert value(text, "livegraph_media_lost_packets_total") == 16
    assert value(text, "livegraph_media_concealed_seconds_total") == 0.08
    assert value(text, "livegraph_media_round_trip_seconds_count") == 4
    assert value(text, "livegraph_media_complexity") == 5
    assert value(text, "livegraph_media_late_beats") >= 0


def test_the_page_is_told_every_number() -> None:
    """In a message of type ``line`` with the names of the statistics."""
    told = describe(MediaMeasured(time_ns=0, statistics=MediaStatistics(jitter_ms=1.5)))
    assert told is not None
    message = to_json(told)
    assert message["type"] == "line"
    assert message["jitter_ms"] == 1.5
    assert set(message) == {"type", *MediaStatistics.__slots__}
