"""Section 7 of RFC 8445: what a check has to be, and what it is answered."""

from __future__ import annotations

import struct

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.transports.webrtc.ice.stun import read_request, refusal, success, verified
from support.raw_caller import check

VECTOR = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aea"
    "a70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
"""The sample request of RFC 5769, section 2.1."""
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"


def test_the_sample_of_rfc_5769_is_read_and_holds() -> None:
    request = read_request(VECTOR)
    assert request is not None
    assert (request.local, request.remote) == ("evtj", "h6vY")
    assert request.controlled and not request.use_candidate and request.unknown == ()
    assert verified(request, PASSWORD) and not verified(request, b"another")


@pytest.mark.parametrize("source", [("192.0.2.9", 50_000), ("2001:db8::9", 1), ("fe80::1%eth0", 65_535)])
def test_answers_are_what_aioice_understands(source: tuple[str, int]) -> None:
    request = read_request(check("us", "password"))
    assert request is not None
    message = aioice.stun.parse_message(success(request, source, b"password"))
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (source[0].partition("%")[0], source[1])
    assert message.transaction_id == request.transaction
    assert message.message_class == aioice.stun.Class.RESPONSE
    assert message.check_message_integrity(b"password")
    error = aioice.stun.parse_message(refusal(request, 487, b"password"))
    assert error.attributes["ERROR-CODE"] == (487, "Role Conflict")


def test_requests_of_aioice_are_read() -> None:
    message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
    message.attributes["USERNAME"] = "us:them"
    message.attributes["PRIORITY"] = 7
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(b"password")
    request = read_request(bytes(message))
    assert request is not None and request.use_candidate and not request.controlled
    assert verified(request, b"password")


def test_what_stands_behind_the_integrity_does_not_count() -> None:
    """Somebody else could have put it there."""
    good = check("us", "password", nominate=False)
    forged = good[:-8] + struct.pack("!HH", 0x0025, 0)
    forged = forged[:2] + struct.pack("!H", len(forged) - 12) + forged[4:]
    import zlib

    forged += struct.pack("!HHI", 0x8028, 4, zlib.crc32(forged) ^ 0x5354554E)
    request = read_request(forged)
    assert request is not None and not request.use_candidate
    assert verified(request, b"password")


def test_attributes_that_must_be_understood_are_named() -> None:
    request = read_request(check("us", "password", extra=struct.pack("!HHI", 0x7001, 4, 0)))
    assert request is not None and request.unknown == (0x7001,)
    error = aioice.stun.parse_message(refusal(request, 420, b"password"))
    assert error.attributes["ERROR-CODE"][0] == 420


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_are_not(data: bytes) -> None:
    read_request(data)
    read_request(b"\x00\x01" + struct.pack("!H", len(data)) + b"\x21\x12\xa4\x42" + bytes(12) + data)


@given(st.integers(0, 95), st.integers(1, 255))
def test_no_bit_can_be_changed(place: int, flip: int) -> None:
    """Every changed byte makes it no request, or one that is not authentic."""
    good = check("us", "password")
    place %= len(good)
    bad = good[:place] + bytes([good[place] ^ flip]) + good[place + 1 :]
    request = read_request(bad)
    assert request is None or not verified(request, b"password")
