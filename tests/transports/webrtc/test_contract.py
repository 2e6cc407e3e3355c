"""Every internal of aiortc and aioice that is used. When one of these fails after an upgrade, the module named in it
has to be adapted: calls would work worse, or not at all, without any other test saying why."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import aioice
import aioice.ice
import aiortc.rtcsctptransport as sctp
import pylibsrtp
import pytest
from aiortc import RTCIceServer
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, State
from aiortc.rtcicetransport import connection_kwargs
from aiortc.rtcsctptransport import InboundStream, RTCSctpTransport

from livegraph.transports.webrtc import srtp


def source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


def test_dtls_asks_three_things_of_what_carries_it() -> None:
    """secure._Records: ``role``, ``_recv`` and ``_send``, and a ConnectionError ends it quietly."""
    text = source(RTCDtlsTransport)
    assert "await self.transport._recv()" in text and "await self.transport._send(data)" in text
    assert "except ConnectionError:" in source(vars(RTCDtlsTransport)["_RTCDtlsTransport__run"])


def test_dtls_gives_keys_and_takes_its_role() -> None:
    """secure.SecureTransport: roles, SRTP sessions, the task, and the way of data in and out."""

    async def main() -> None:
        transport: Any = object()
        dtls: Any = RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])
        dtls._set_role("client")
        assert dtls._role == "client" and dtls._task is None and dtls._ssl is None
        assert dtls._rx_srtp is None and dtls._tx_srtp is None and dtls._data_receiver is None
        assert list(inspect.signature(dtls._send_data).parameters) == ["data"]

    asyncio.run(main())
    assert "self._task = asyncio.ensure_future(self.__run())" in source(RTCDtlsTransport.start)
    assert "self._data_receiver._handle_data(data)" in source(RTCDtlsTransport._recv_next)
    assert State.FAILED in State


def test_who_the_caller_is_is_checked_by_a_method_of_its_own() -> None:
    """secure._Dtls overrides it."""
    assert list(inspect.signature(RTCDtlsTransport._validate_peer_identity).parameters) == [
        "self",
        "remoteParameters",
    ]
    assert "self._validate_peer_identity(remoteParameters)" in source(RTCDtlsTransport.start)


def test_the_context_is_made_by_the_certificate() -> None:
    """secure._SharedCertificate keeps it."""
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    assert "_create_ssl_context(" in source(RTCDtlsTransport.start)


def test_srtp_forgets_a_source() -> None:
    """secure.SecureTransport: what libsrtp holds has a bound."""
    key = bytes(30)
    policy = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND)
    session = pylibsrtp.Session(policy)
    sender = pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    packet = sender.protect(bytes([0x80, 111, 0, 1]) + bytes(8) + b"sound")
    assert session.unprotect(packet).endswith(b"sound")
    with pytest.raises(pylibsrtp.Error):
        session.unprotect(packet)
    session.remove_stream(0)
    assert session.unprotect(packet).endswith(b"sound")
    with pytest.raises(ValueError):
        session.unprotect(bytes(2_000))


def test_srtp_is_called_as_pylibsrtp_calls_it() -> None:
    """srtp.Protection: the compiled functions, the handle in a session, and what libsrtp may add to a packet."""
    from pylibsrtp._binding import lib

    session = pylibsrtp.Session(pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    assert session._srtp[0]
    assert lib.srtp_err_status_ok == 0
    assert pylibsrtp.SRTP_MAX_SRTCP_TRAILER_LEN <= srtp._TRAILER_BYTES
    assert "func(self._srtp[0], self._cdata, len_p)" in source(pylibsrtp.Session)
    for name in ("protect", "protect_rtcp", "unprotect", "unprotect_rtcp"):
        assert f"lib.srtp_{name}" in source(pylibsrtp.Session)


def test_sctp_holds_what_is_counted() -> None:
    """sctp.Association: where unassembled pieces and channels are kept, and how little of its transport it needs."""

    class Door:
        state = "connected"
        _role = "client"

    async def main() -> None:
        door: Any = Door()
        transport: Any = RTCSctpTransport(door)
        assert transport._inbound_streams == {} and transport._data_channels == {}
        assert transport._last_received_tsn is None and transport._advertised_rwnd == 1 << 20
        assert InboundStream().reassembly == []
        assert transport.state == "new"

    asyncio.run(main())
    assert "self._data_channel_receive(" in source(RTCSctpTransport._receive)
    assert list(inspect.signature(RTCSctpTransport._data_channel_receive).parameters)[1:] == [
        "stream_id",
        "pp_id",
        "data",
    ]
    assert "self.__transport._register_data_receiver(self)" in source(RTCSctpTransport.start)
    assert "if not self.__started:" in source(RTCSctpTransport.start)
    assert "_unregister_data_receiver" in source(RTCSctpTransport.stop)
    assert "_send_data(" in source(RTCSctpTransport._send_chunk)


def test_pieces_of_messages_are_as_long_as_the_module_says() -> None:
    """sctp: looked up in the module each time."""
    import livegraph.transports.webrtc.sctp  # noqa: F401

    assert sctp.USERDATA_MAX_LENGTH == 1_100
    assert "USERDATA_MAX_LENGTH" in source(RTCSctpTransport._send)


def test_the_full_agent_is_steered_by_these() -> None:
    """ice.full.FullRoute."""

    async def main() -> None:
        connection: Any = aioice.Connection(ice_controlling=False)
        assert connection._nominated == {} and connection.local_candidates == []
        assert connection.local_username and connection.local_password
        assert connection.remote_username is None and connection.remote_password is None
        assert list(inspect.signature(connection._add_remote_candidate).parameters) == [
            "remote_candidate",
            "network_host",
        ]
        await connection.close()
        assert await connection.get_event() is None

    asyncio.run(main())
    assert "self.receiver.data_received(" in source(aioice.ice.StunProtocol.datagram_received)
    assert "self.receiver.request_received(message, addr, self)" in source(
        aioice.ice.StunProtocol.datagram_received
    )
    # ice.guard: errors for strangers, and what comes through a relay, pass by these as well.
    assert "self.respond_error(message, addr, protocol, (401" in source(aioice.Connection.request_received)
    assert "self.receiver.datagram_received(payload, peer_address)" in source(
        aioice.turn.TurnClientMixin.datagram_received
    )
    assert "self._protocols.append(relay_protocol)" in source(aioice.Connection.get_component_candidates)
    judged = source(aioice.Connection.request_received)
    assert judged.index("check_message_integrity") < judged.index(
        "self.check_incoming(message, addr, protocol)"
    )
    assert "self.check_incoming(*early_check)" in source(aioice.Connection.connect)
    assert "ConnectionError" in source(aioice.Connection.connect)
    assert "active_pair.remote_addr" in source(aioice.Connection.sendto)


def test_ice_servers_become_arguments() -> None:
    """ice.full.FullRoute: STUN and TURN as aioice takes them."""
    servers = [
        RTCIceServer(urls="stun:stun.example.org"),
        RTCIceServer(urls=["turn:turn.example.org:3479?transport=tcp"], username="u", credential="c"),
    ]
    assert connection_kwargs(servers) == {
        "stun_server": ("stun.example.org", 3478),
        "turn_server": ("turn.example.org", 3479),
        "turn_ssl": False,
        "turn_transport": "tcp",
        "turn_username": "u",
        "turn_password": "c",
    }


def test_candidates_are_read_as_we_give_them() -> None:
    """ice.full.FullRoute.add_candidate: without the word in front."""
    candidate = aioice.Candidate.from_sdp("2 1 udp 2113937150 192.0.2.9 57136 typ host generation 0")
    assert (candidate.host, candidate.port, candidate.type) == ("192.0.2.9", 57136, "host")
