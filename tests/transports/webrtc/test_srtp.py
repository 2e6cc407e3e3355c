"""What libsrtp is asked directly is what pylibsrtp would have asked it."""

from __future__ import annotations

import os
import struct

import pylibsrtp
import pytest
from pylibsrtp import Policy, Session

from livegraph.transports.webrtc.srtp import Error, Protection

PROFILES = {
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28,
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
}


def sessions(profile: int, key: bytes) -> tuple[Session, Session]:
    """One that decrypts and one that encrypts."""
    kinds = (Policy.SSRC_ANY_INBOUND, Policy.SSRC_ANY_OUTBOUND)
    rx, tx = (Session(Policy(key=key, ssrc_type=kind, srtp_profile=profile)) for kind in kinds)
    return rx, tx


def rtp(sequence: int, size: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 111, sequence, 960 * sequence, 77) + os.urandom(size)


@pytest.mark.parametrize("profile", PROFILES)
def test_both_understand_each_other_at_any_length(profile: int) -> None:
    key = os.urandom(PROFILES[profile])
    ours, theirs = Protection(*sessions(profile, key)), sessions(profile, key)
    sizes = [*range(70), 500, 1_200, 1_340]
    for sequence, size in enumerate(sizes):
        packet = rtp(sequence, size)
        assert theirs[0].unprotect(ours.protect(packet)) == packet
    rx, tx = sessions(profile, key)
    ours = Protection(rx, tx)
    for sequence, size in enumerate(sizes):
        packet = rtp(sequence, size)
        assert ours.unprotect(theirs[1].protect(packet)) == packet
    report = struct.pack("!BBHI", 0x80, 201, 1, 77)
    for _ in range(5):
        assert ours.unprotect_rtcp(theirs[1].protect_rtcp(report)) == report
        assert theirs[0].unprotect_rtcp(ours.protect_rtcp(report)) == report


def test_what_is_no_packet_of_the_caller_is_refused_and_the_next_is_read() -> None:
    key = os.urandom(28)
    rx, tx = sessions(Policy.SRTP_PROFILE_AEAD_AES_128_GCM, key)
    ours = Protection(rx, tx)
    protected = [ours.protect(rtp(number, 80)) for number in range(3)]
    assert ours.unprotect(protected[0])
    changed = bytearray(protected[1])
    changed[40] ^= 1
    for bad in (protected[0], bytes(changed), protected[1][:20], b"\x80" * 12, bytes(12), b""):
        with pytest.raises(Error):
            ours.unprotect(bad)
    assert Error is pylibsrtp.Error
    for longer in (1_501, 70_000):
        with pytest.raises(ValueError):
            ours.unprotect(bytes(longer))
        with pytest.raises(ValueError):
            ours.protect(bytes(longer))
    assert ours.unprotect(protected[1]) and ours.unprotect(protected[2])
