"""What we use of aiortc and aioice beyond their documents. When one of these fails after an upgrade, the place
named in it has to be adapted: calls would work worse, or not at all, without any other test saying why."""

from __future__ import annotations

import asyncio
import inspect
from fractions import Fraction
from typing import Any

import aioice.ice
import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import get_encoder
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtp import RtpPacket
from aiortc.sdp import candidate_from_sdp

from livegraph.transports.webrtc.addresses import machine_addresses, offered_addresses
from livegraph.transports.webrtc.media_out import OpusTrack


def opus() -> Any:
    capabilities = RTCRtpSender.getCapabilities("audio")
    assert capabilities is not None
    return next(codec for codec in capabilities.codecs if codec.mimeType == "audio/opus")


def test_packets_of_ours_are_sent_as_they_are() -> None:
    """media_out.OpusTrack: the sender packs an av.Packet without encoding it, its pts in 1/48000."""
    packet: Any = av.Packet(b"payload")
    packet.pts, packet.time_base = 960, Fraction(1, 48_000)
    assert get_encoder(opus()).pack(packet) == ([b"payload"], 960)
    source = inspect.getsource(RTCRtpSender._next_encoded_frame)
    assert "isinstance(data, Frame)" in source and ".pack(data)" in source


def test_a_track_that_ends_raises_the_error_that_ends_the_sender_quietly() -> None:
    """media_out.OpusTrack: any other exception leaves the caller deaf with a warning."""
    assert issubclass(OpusTrack, MediaStreamTrack)
    assert "MediaStreamError" in inspect.getsource(RTCRtpSender._run_rtp)
    assert issubclass(MediaStreamError, Exception)


def test_opus_can_be_preferred() -> None:
    """peer.Peer: the packets are Opus, so the answer must name nothing else."""

    async def main() -> None:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = pc.addTransceiver("audio")
        transceiver.setCodecPreferences([opus()])
        offer = await pc.createOffer()
        assert [line for line in offer.sdp.split("\r\n") if line.startswith("a=rtpmap")] == [
            "a=rtpmap:96 opus/48000/2"
        ]
        await pc.close()

    asyncio.run(main())


def test_the_connection_behind_a_transceiver_is_within_reach() -> None:
    """peer.Peer._watch_checks: ``transport.transport._connection.request_received`` hears the browser's checks."""

    async def main() -> None:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        transceiver = pc.addTransceiver("audio")
        connection = transceiver.receiver.transport.transport._connection
        assert isinstance(connection, aioice.ice.Connection)
        assert list(inspect.signature(connection.request_received).parameters) == [
            "message",
            "addr",
            "protocol",
        ]
        # Looked up on the instance each time, or ours would never be called.
        source = inspect.getsource(aioice.ice.StunProtocol.datagram_received)
        assert "self.receiver.request_received(" in source
        await pc.close()

    asyncio.run(main())


def test_packets_go_through_the_receivers_method() -> None:
    """peer.Peer._watch_packets: looked up on the instance for each packet, with these arguments."""
    parameters = list(inspect.signature(RTCRtpReceiver._handle_rtp_packet).parameters)
    assert parameters == ["self", "packet", "arrival_time_ms"]
    source = inspect.getsource(RTCDtlsTransport._handle_rtp_data)
    assert "receiver._handle_rtp_packet(packet, arrival_time_ms=arrival_time_ms)" in source
    assert RtpPacket().payload == b""


def test_addresses_are_asked_for_in_the_module() -> None:
    """addresses.offered_addresses: aioice looks its function up when it gathers."""
    assert "get_host_addresses(" in inspect.getsource(aioice.ice.Connection.gather_candidates)

    async def main() -> list[str]:
        connection = aioice.ice.Connection(ice_controlling=True)
        with offered_addresses(["127.0.0.1"]):
            await connection.gather_candidates()
        hosts = [candidate.host for candidate in connection.local_candidates]
        await connection.close()
        return hosts

    assert asyncio.run(main()) == ["127.0.0.1"]
    assert aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True) == machine_addresses()


def test_candidates_are_read_as_we_give_them() -> None:
    """peer.Peer.add_candidates: without the word in front."""
    candidate = candidate_from_sdp("2 1 udp 2113937150 192.0.2.9 57136 typ host generation 0")
    assert (candidate.ip, candidate.port, candidate.type) == ("192.0.2.9", 57136, "host")


def test_received_frames_are_what_the_resampler_takes() -> None:
    """media_in.TrackReceiver: the decoder gives s16 frames with their rate."""
    from aiortc.codecs import get_decoder
    from aiortc.jitterbuffer import JitterFrame

    frame = JitterFrame(data=b"\xf8\xff\xfe", timestamp=0)
    (decoded,) = get_decoder(opus()).decode(frame)
    assert isinstance(decoded, av.AudioFrame)
    assert (decoded.format.name, decoded.sample_rate, decoded.samples) == ("s16", 48_000, 960)


@pytest.mark.parametrize("name", ["transport", "track"])
def test_receivers_have_what_we_read(name: str) -> None:
    assert isinstance(getattr(RTCRtpReceiver, name), property)
