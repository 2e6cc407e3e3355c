"""Who the caller is, is decided by the fingerprint of its offer, and by nothing else."""

from __future__ import annotations

import asyncio

import pytest

from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import TransportError
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.secure import Certificate, SecureTransport
from support.raw_caller import MemoryNetwork, RawCaller

OTHER = "sha-256 " + ":".join(["00"] * 32)


async def outcome(change: object) -> str:
    """How a call ends, or ``connected``, whose caller changes its offer so."""
    assert callable(change)
    async with no_tasks_left():
        network = MemoryNetwork()
        caller = RawCaller(network)
        peer = await Peer.accept(change(caller.offer()), network=network)
        caller.answered(peer.answer.sdp)
        shaking = asyncio.create_task(caller.secure.start())
        caller.check()
        try:
            await peer.connected()
        except TransportError as error:
            return str(error)
        else:
            return "connected"
        finally:
            await peer.close()
            await asyncio.gather(shaking, return_exceptions=True)
            await caller.close()


def prints(offer: str) -> str:
    return next(line for line in offer.split("\r\n") if line.startswith("a=fingerprint:"))


def test_somebody_else_does_not_get_in() -> None:
    assert "handshake" in run_virtual(
        outcome(lambda offer: offer.replace(prints(offer), f"a=fingerprint:{OTHER}"))
    )


def test_one_of_several_fingerprints_of_the_strongest_hash_is_enough() -> None:
    """RFC 8122, section 5.1: an offer may have one for each certificate that the caller may use."""

    def several(offer: str) -> str:
        return offer.replace(prints(offer), f"a=fingerprint:{OTHER}\r\n{prints(offer)}")

    def weaker_is_right(offer: str) -> str:
        strong = "a=fingerprint:sha-512 " + ":".join(["00"] * 64)
        return offer.replace(prints(offer), f"{strong}\r\n{prints(offer)}")

    assert run_virtual(outcome(several)) == "connected"
    assert "handshake" in run_virtual(outcome(weaker_is_right))


def test_nothing_is_sent_or_read_before_the_handshake_and_after_the_end() -> None:
    async def main() -> None:
        sent: list[bytes] = []

        async def read(data: bytes) -> None:
            raise AssertionError("nothing was agreed")

        secure = SecureTransport(Certificate(), [("sha-256", "00")], "client", sent.append, read)
        secure.send_rtp(bytes(40))
        secure.send_rtcp(bytes(40))
        await secure.send_data(b"x")
        assert secure.unprotect_rtp(bytes(40)) is None and secure.unprotect_rtcp(bytes(40)) is None
        await secure.close()
        await secure.close()
        assert sent == [] and secure.over and not secure.ready
        with pytest.raises(TransportError):
            secure._records.close()
            await secure.start()

    run_virtual(main())
