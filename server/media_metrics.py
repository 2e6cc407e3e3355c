"""What ``/metrics`` tells of the lines to callers: packets, delays, and the beat that sends them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ..pipeline.events import EventBus
from ..transports.webrtc.measured import MediaMeasured
from ..transports.webrtc.rtp.statistics import MediaStatistics
from ..transports.webrtc.rtp.ticker import beat_facts

__all__ = ["MediaMetrics"]

_DELAYS_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2)
_COUNTED = {
    "received_packets": ("livegraph_media_received_packets", "Audio packets from callers"),
    "received_bytes": ("livegraph_media_received_bytes", "Bytes of sound from callers"),
    "lost_packets": ("livegraph_media_lost_packets", "Audio packets of callers that did not come in time"),
    "late_packets": ("livegraph_media_late_packets", "Those of them that came too late"),
    "recovered_packets": ("livegraph_media_recovered_packets", "Lost packets given back from a copy"),
    "malformed_packets": ("livegraph_media_malformed_packets", "Packets that could not be read or decoded"),
    "foreign_packets": ("livegraph_media_foreign_packets", "Packets that nobody listens to"),
    "sent_packets": ("livegraph_media_sent_packets", "Audio packets to callers"),
    "sent_bytes": ("livegraph_media_sent_bytes", "Bytes of Opus to callers"),
    "left_out_packets": ("livegraph_media_left_out_packets", "Packets of silence that need not be sent"),
    "video_frames": ("livegraph_media_video_frames", "Pictures of callers that were looked at"),
}
_COUNTED_MS = {
    "concealed_ms": ("livegraph_media_concealed_seconds", "Sound made up in place of lost packets"),
    "skipped_ms": ("livegraph_media_skipped_seconds", "Time that hold-ups took from what callers hear"),
}
_OBSERVED_MS = {
    "jitter_ms": ("livegraph_media_jitter_seconds", "How unevenly callers' packets come"),
    "buffer_ms": ("livegraph_media_buffer_seconds", "How long callers' packets wait before they are heard"),
    "round_trip_ms": ("livegraph_media_round_trip_seconds", "To callers and back"),
}


class MediaMetrics:
    """The media's part of a server's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            field: Counter(name, words, registry=registry)
            for field, (name, words) in (_COUNTED | _COUNTED_MS).items()
        }
        self._delays = {
            field: Histogram(name, words, buckets=_DELAYS_S, registry=registry)
            for field, (name, words) in _OBSERVED_MS.items()
        }
        self._loss = Histogram(
            "livegraph_media_lost_by_caller_ratio",
            "Share of our packets that does not reach a caller",
            buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
            registry=registry,
        )
        self._bit_rate = Gauge(
            "livegraph_media_bit_rate",
            "At which sound is encoded, bits per second, last told",
            registry=registry,
        )
        self._complexity = Gauge(
            "livegraph_media_complexity", "Of the encoders, 1 to 10, last told", registry=registry
        )
        beats = Gauge("livegraph_media_beats", "Beats of 5 ms in which media was sent", registry=registry)
        beats.set_function(lambda: float(beat_facts().beats))
        late = Gauge("livegraph_media_late_beats", "Those that came 10 ms late or more", registry=registry)
        late.set_function(lambda: float(beat_facts().late))

    def watch(self, events: EventBus) -> None:
        """Count what is measured of a call."""
        before = MediaStatistics()

        def measured(event: MediaMeasured) -> None:
            nonlocal before
            now = event.statistics
            for field, counter in self._counters.items():
                more = getattr(now, field) - getattr(before, field)
                if more > 0:
                    counter.inc(more / 1_000 if field in _COUNTED_MS else more)
            for field, histogram in self._delays.items():
                value = getattr(now, field)
                if value is not None:
                    histogram.observe(value / 1_000)
            self._loss.observe(now.lost_by_caller)
            self._bit_rate.set(now.bit_rate)
            self._complexity.set(now.complexity)
            before = now

        events.subscribe(MediaMeasured, measured)
