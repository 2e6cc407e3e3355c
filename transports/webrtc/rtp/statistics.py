"""The numbers of one caller's media, for people and for ``/metrics``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MediaStatistics"]


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """Since the call began, unless it says otherwise. Every field is a number that can be shown as it is."""

    received_packets: int = 0
    """Audio packets from the caller, all that came."""
    received_bytes: int = 0
    """Of what they carry, without headers."""
    receive_bit_rate: int = 0
    """Of the same in the last second, bits per second."""
    lost_packets: int = 0
    """Those that did not come, or too late."""
    late_packets: int = 0
    """Of them, those that came after their place was given up."""
    duplicate_packets: int = 0
    reordered_packets: int = 0
    recovered_packets: int = 0
    """Lost ones given back from a copy (in-band FEC or RED)."""
    concealed_ms: float = 0.0
    """Sound that was made up in place of lost packets."""
    silent_ms: float = 0.0
    """Silence that was given where the caller sent nothing."""
    malformed_packets: int = 0
    """Packets, of any kind, that could not be read or decoded."""
    foreign_packets: int = 0
    """Packets of a source or kind that nobody listens to, and of sound for which no time has passed."""
    sources: int = 0
    """Sources of sound that were heard."""
    jitter_ms: float = 0.0
    """How unevenly the caller's packets come, lately."""
    buffer_ms: float = 0.0
    """How long a packet waits here before it is heard: the mean of all."""
    buffer_most_ms: float = 0.0
    wait_limit_ms: float = 0.0
    """How long a missing packet is waited for, now."""
    sent_packets: int = 0
    sent_bytes: int = 0
    """Of Opus, without headers."""
    left_out_packets: int = 0
    """Packets of silence that did not have to be sent."""
    skipped_ms: float = 0.0
    """Time that hold-ups took from what the caller hears."""
    lost_by_caller: float = 0.0
    """The share of our packets that does not arrive, lately, by the caller's reports: 0 to 1."""
    round_trip_ms: float | None = None
    """To the caller and back, now; ``None`` while it is not known."""
    one_way_ms: float | None = None
    """From the caller to here, now: by both clocks where they agree, else half of the round trip."""
    queue_ms: float | None = None
    """How much longer the caller's newest packet was on its way than the quickest of the last seconds, by what packets
    say of when they left (absolute send time); ``None`` where they do not."""
    caller_level_db: int | None = None
    """How loud the caller is by its own word (RFC 6464), -127 (silence) to 0 dBov; ``None`` where it says nothing."""
    bit_rate: int = 0
    """At which our sound is encoded now, bits per second."""
    fec: bool = False
    """Whether our packets carry copies now."""
    complexity: int = 0
    """Of the encoder now, 1 to 10."""
    late_beats: int = 0
    """Times that packets of this process went out 10 ms late or more, while the call was there."""
    video_frames: int = 0
    """Pictures decoded."""
    video_requests: int = 0
    """Key frames asked for."""
