"""Callers of a pool: they count what they hear by packet, and hang up at the end of a test, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from aiortc import RTCSessionDescription

from livegraph.server.offering import Answered, Offer
from livegraph.server.pool import Pool
from support.webrtc import RATE, Caller, pitch

__all__ = ["Crew", "assert_whole", "crew", "until"]

_PACKET_SAMPLES = 960
"""20 ms at 48 kHz, by which RTP counts Opus."""


async def until(true: Callable[[], object], within_s: float = 15) -> None:
    """Wait until it is."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.02)


class Crew:
    """Callers of one test."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []

    def caller(self, hertz: float = 440) -> Caller:
        """One more. ``packets`` of it are the sequence numbers and times that came, in the order that they came."""
        caller = Caller(hertz)
        (transceiver,) = caller.pc.getTransceivers()
        receiver: Any = transceiver.receiver
        packets: list[tuple[int, int]] = []
        handle = receiver._handle_rtp_packet

        async def count(packet: Any, arrival_time_ms: int) -> None:
            packets.append((packet.sequence_number, packet.timestamp))
            await handle(packet, arrival_time_ms)

        receiver._handle_rtp_packet = count
        caller.packets = packets  # type: ignore[attr-defined]
        self.callers.append(caller)
        return caller

    async def call(self, pool: Pool, caller: Caller | None = None, **fields: Any) -> tuple[Caller, Answered]:
        """Make a call and wait until the line is open and the agent is there."""
        caller = caller or self.caller()
        answered = await pool.answer(Offer(sdp=await caller.offer(), **fields))
        await caller.pc.setRemoteDescription(RTCSessionDescription(answered.sdp, answered.type))
        await until(lambda: caller.channel.readyState == "open" and caller.messages, 60)
        return caller, answered

    async def heard(self, caller: Caller, hertz: float) -> None:
        """Wait until the caller hears this note."""
        caller.heard.clear()
        await until(lambda: len(s := caller.recent(0.2)) >= 0.2 * RATE and abs(pitch(s) - hertz) < 10)


def assert_whole(caller: Caller, at_least: int = 50) -> None:
    """No sample of what the agent sent is missing: packets follow each other by number, and each begins where the one
    before has ended, or later by whole packets where the machine stood still (then nothing was to be sent)."""
    packets: list[tuple[int, int]] = caller.packets  # type: ignore[attr-defined]
    assert len(packets) >= at_least
    first_number, first_stamp = packets[0]
    came = sorted(
        (number - first_number & 0xFFFF, stamp - first_stamp & 0xFFFFFFFF) for number, stamp in packets
    )
    assert [number for number, _ in came] == [*range(len(packets))]
    steps = {after - before for (_, before), (_, after) in pairwise(came)}
    assert all(step > 0 and step % _PACKET_SAMPLES == 0 for step in steps), steps


@asynccontextmanager
async def crew() -> AsyncIterator[Crew]:
    """Callers that hang up when the block ends."""
    made = Crew()
    try:
        yield made
    finally:
        for caller in made.callers:
            await caller.hang_up()
