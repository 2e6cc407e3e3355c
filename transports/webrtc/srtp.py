"""Protecting packets by libsrtp, without what pylibsrtp makes anew for each of them: half of its cost.

Of pylibsrtp the compiled functions are called here, on the sessions that it keys; its own methods look at every
packet's type, and allocate a place for its length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pylibsrtp import Error
from pylibsrtp._binding import ffi, lib

__all__ = ["Convert", "Error", "Protection"]

Convert = Callable[[bytes], bytes]
"""A packet to another. Raises ``Error`` for what libsrtp refuses, and ``ValueError`` for what is too long."""

_ROOM_BYTES = 1_500
_TRAILER_BYTES = 148
"""The most that libsrtp adds to a packet (``SRTP_MAX_SRTCP_TRAILER_LEN``)."""


class Protection:
    """The two ways of one association, for one thread. ``rx`` and ``tx`` are pylibsrtp's sessions with the keys."""

    __slots__ = ("protect", "protect_rtcp", "unprotect", "unprotect_rtcp")

    protect: Convert
    protect_rtcp: Convert
    unprotect: Convert
    unprotect_rtcp: Convert

    def __init__(self, rx: Any, tx: Any) -> None:
        # One packet is at work at a time.
        room, size = ffi.new("char[]", _ROOM_BYTES), ffi.new("int *")
        most = _ROOM_BYTES - _TRAILER_BYTES
        self.protect = _converts(tx, lib.srtp_protect, room, size, most)
        self.protect_rtcp = _converts(tx, lib.srtp_protect_rtcp, room, size, most)
        self.unprotect = _converts(rx, lib.srtp_unprotect, room, size, _ROOM_BYTES)
        self.unprotect_rtcp = _converts(rx, lib.srtp_unprotect_rtcp, room, size, _ROOM_BYTES)


def _converts(session: Any, function: Any, room: Any, size: Any, most: int) -> Convert:
    view = ffi.buffer(room)

    def convert(packet: bytes) -> bytes:
        count = len(packet)
        if count > most:
            raise ValueError(f"{count} bytes are too long for a packet")
        view[:count] = packet
        size[0] = count
        # The session keeps what the handle points to: it is asked for each time, and so kept.
        failed = function(session._srtp[0], room, size)
        if failed:
            raise Error(failed)
        converted: bytes = view[: size[0]]
        return converted

    return convert
