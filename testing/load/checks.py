"""Connectivity checks of a caller (RFC 8445, section 7.2), which leads: a full agent against a lite one. Sans-IO."""

from __future__ import annotations

import hmac
import secrets
import struct
import zlib

from ...transports.webrtc.ice.stun import MAGIC

__all__ = ["candidates_of", "check", "is_answer", "values_of"]

_REQUEST, _SUCCESS = 0x0001, 0x0101
_USERNAME, _INTEGRITY, _PRIORITY, _USE_CANDIDATE, _CONTROLLING = 0x0006, 0x0008, 0x0024, 0x0025, 0x802A
_FINGERPRINT = 0x8028
_FINGERPRINT_XOR = 0x5354554E
_HOST_PRIORITY = 0x7E0000FF


def check(remote: str, local: str, password: str, transaction: bytes, tie: bytes) -> bytes:
    """A check that nominates the way it takes.

    Args:
        remote, local: the names of the two sides, as in their ``a=ice-ufrag``.
        password: the other side's.
        transaction: 12 bytes that the answer repeats.
        tie: 8 bytes, the same in all checks of this caller.
    """
    body = _attribute(_USERNAME, f"{remote}:{local}".encode())
    body += _attribute(_PRIORITY, struct.pack("!I", _HOST_PRIORITY))
    body += _attribute(_CONTROLLING, tie) + _attribute(_USE_CANDIDATE, b"")
    signed = struct.pack("!HHI", _REQUEST, len(body) + 24, MAGIC) + transaction + body
    body += _attribute(_INTEGRITY, hmac.digest(password.encode(), signed, "sha1"))
    message = struct.pack("!HHI", _REQUEST, len(body) + 8, MAGIC) + transaction + body
    return message + _attribute(_FINGERPRINT, struct.pack("!I", zlib.crc32(message) ^ _FINGERPRINT_XOR))


def is_answer(datagram: bytes, transaction: bytes) -> bool:
    """Whether it is the good answer to the check of this transaction, which nobody else can have known."""
    return (
        len(datagram) >= 20 and datagram[:2] == struct.pack("!H", _SUCCESS) and datagram[8:20] == transaction
    )


def values_of(sdp: str) -> dict[str, str]:
    """The first value of each attribute of an answer."""
    found: dict[str, str] = {}
    for line in sdp.splitlines():
        name, colon, value = line.removeprefix("a=").partition(":")
        if line.startswith("a=") and colon:
            found.setdefault(name, value)
    return found


def candidates_of(sdp: str) -> list[tuple[str, int]]:
    """Addresses and ports that the answer names, for UDP, the best first."""
    found: list[tuple[int, str, int]] = []
    for line in sdp.splitlines():
        if not line.startswith("a=candidate:"):
            continue
        _, _, transport, priority, host, port, *_ = line.partition(":")[2].split()
        if transport.lower() == "udp":
            found.append((-int(priority), host, int(port)))
    return list(dict.fromkeys((host, port) for _, host, port in sorted(found)))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def new_transaction() -> bytes:
    """A transaction that nobody can guess."""
    return secrets.token_bytes(12)
