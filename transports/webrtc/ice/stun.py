"""STUN messages (RFC 8489) as far as ICE needs them (RFC 8445, section 7). Sans-IO.

What is read comes from anybody: nothing here raises for what a datagram holds.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["MAGIC", "BindingRequest", "is_stun", "read_request", "refusal", "success", "verified"]

MAGIC: Final = 0x2112A442
_HEADER: Final = 20
_REQUEST: Final = 0x0001
_INDICATION: Final = 0x0011
_SUCCESS: Final = 0x0101
_ERROR: Final = 0x0111

_USERNAME: Final = 0x0006
_INTEGRITY: Final = 0x0008
_ERROR_CODE: Final = 0x0009
_UNKNOWN_ATTRIBUTES: Final = 0x000A
_XOR_MAPPED_ADDRESS: Final = 0x0020
_PRIORITY: Final = 0x0024
_USE_CANDIDATE: Final = 0x0025
_FINGERPRINT: Final = 0x8028
_ICE_CONTROLLED: Final = 0x8029
_KNOWN: Final = frozenset((_USERNAME, _INTEGRITY, _PRIORITY, _USE_CANDIDATE))
_FINGERPRINT_XOR: Final = 0x5354554E
_MOST_BYTES: Final = 1_024
_MOST_USERNAME_BYTES: Final = 513
"""Two ufrags of 256 characters and the colon."""

_PHRASES: Final = {400: "Bad Request", 401: "Unauthorized", 420: "Unknown Attribute", 487: "Role Conflict"}

Address = tuple[str, int]
"""An IP address as text and a port."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """One connectivity check, well-formed but not yet authenticated: see ``verified``."""

    transaction: bytes
    """Its 12 bytes come back in the answer."""
    local: str
    """The name of whom it is for: the part of USERNAME before the colon."""
    remote: str
    """The name of whom it is from."""
    use_candidate: bool
    """Whether the sender nominates the way that it came."""
    controlled: bool
    """Whether the sender believes that we are in control."""
    unknown: tuple[int, ...]
    """Attributes that must be understood and are not."""
    _signed: bytes
    _mac: bytes


def is_stun(datagram: bytes) -> bool:
    """Whether the first bytes are those of a STUN message (RFC 7983); the rest may be anything."""
    return len(datagram) >= _HEADER and datagram[0] < 4 and datagram[4:8] == b"\x21\x12\xa4\x42"


def read_request(datagram: bytes) -> BindingRequest | None:
    """The binding request in ``datagram``; ``None`` for anything else and for what is malformed.

    FINGERPRINT and MESSAGE-INTEGRITY must be there and the first must hold (RFC 8445, section 7.1.2). Attributes after
    the integrity do not count (RFC 8489, section 14.5).
    """
    size = len(datagram)
    if not is_stun(datagram) or size > _MOST_BYTES or size % 4:
        return None
    kind, length = struct.unpack_from("!HH", datagram)
    if kind != _REQUEST or length != size - _HEADER:
        return None
    names: tuple[str, str] | None = None
    mac = signed = b""
    use_candidate = controlled = False
    unknown: list[int] = []
    position = _HEADER
    while position + 4 <= size:
        attribute, length = struct.unpack_from("!HH", datagram, position)
        body = position + 4
        if body + length > size:
            return None
        if attribute == _FINGERPRINT:
            if length != 4 or body + 4 != size or not _fingerprint_holds(datagram, position):
                return None
            if names is None or not mac:
                return None
            return BindingRequest(
                datagram[8:20], *names, use_candidate, controlled, tuple(unknown), signed, mac
            )
        if not mac:
            if attribute == _INTEGRITY:
                if length != 20:
                    return None
                mac = datagram[body : body + 20]
                # The length that was signed ends with the integrity itself.
                signed = datagram[:2] + struct.pack("!H", body + 20 - _HEADER) + datagram[4:position]
            elif attribute == _USERNAME:
                names = _names(datagram[body : body + length])
            elif attribute == _USE_CANDIDATE:
                use_candidate = True
            elif attribute == _ICE_CONTROLLED:
                controlled = True
            elif attribute < 0x8000 and attribute not in _KNOWN and len(unknown) < 8:
                unknown.append(attribute)
        position = body + (length + 3 & ~3)
    return None


def verified(request: BindingRequest, password: bytes) -> bool:
    """Whether the sender of ``request`` knows ``password``."""
    return hmac.compare_digest(hmac.digest(password, request._signed, "sha1"), request._mac)


def success(request: BindingRequest, source: Address, password: bytes) -> bytes:
    """The answer to a good ``request`` that came from ``source``."""
    return _message(_SUCCESS, request, _mapped(request, source), password)


def refusal(request: BindingRequest, code: int, password: bytes) -> bytes:
    """An error response (RFC 8489, section 14.8): 400, 401, 420 or 487."""
    phrase = _PHRASES[code].encode()
    body = _attribute(_ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100) + phrase)
    if code == 420:
        body += _attribute(_UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(request.unknown)}H", *request.unknown))
    return _message(_ERROR, request, body, password)


def _fingerprint_holds(datagram: bytes, position: int) -> bool:
    (value,) = struct.unpack_from("!I", datagram, position + 4)
    return bool(value == zlib.crc32(datagram[:position]) ^ _FINGERPRINT_XOR)


def _names(value: bytes) -> tuple[str, str] | None:
    if len(value) > _MOST_USERNAME_BYTES:
        return None
    try:
        local, colon, remote = value.decode("ascii").partition(":")
    except UnicodeDecodeError:
        return None
    return (local, remote) if colon else None


def _mapped(request: BindingRequest, source: Address) -> bytes:
    host, port = source
    address = ipaddress.ip_address(host.partition("%")[0])
    mask = struct.pack("!I", MAGIC) + request.transaction
    hidden = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    family = 1 if address.version == 4 else 2
    return _attribute(_XOR_MAPPED_ADDRESS, struct.pack("!BBH", 0, family, port ^ MAGIC >> 16) + hidden)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _message(kind: int, request: BindingRequest, body: bytes, password: bytes) -> bytes:
    head = struct.pack("!HHI", kind, len(body) + 24, MAGIC) + request.transaction + body
    head += _attribute(_INTEGRITY, hmac.digest(password, head, "sha1"))
    head = head[:2] + struct.pack("!H", len(body) + 32) + head[4:]
    return head + _attribute(_FINGERPRINT, struct.pack("!I", zlib.crc32(head) ^ _FINGERPRINT_XOR))
