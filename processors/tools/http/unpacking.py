"""Answers that come packed: unpacked as they come and no further than a limit. Pure.

``gzip`` may have several members one after the other (RFC 1952), ``deflate`` comes with the frame of RFC 1950 and, from
services that read the name literally, without.
"""

from __future__ import annotations

import zlib

__all__ = ["PACKED", "Unpacking"]

PACKED = ("gzip", "x-gzip", "deflate")
_AUTO = zlib.MAX_WBITS | 32
_MOST_MEMBERS = 1_000


class Unpacking:
    """One answer. A few packed bytes can be a gigabyte: ``most_bytes`` and one more is all that is ever given.

    Raises ``zlib.error`` for what is packed otherwise.
    """

    def __init__(self, encoding: str, most_bytes: int) -> None:
        self._left = most_bytes + 1
        self._raw_too = encoding == "deflate"
        self._member = zlib.decompressobj(_AUTO)
        self._members = 1
        self._begun = False

    @property
    def whole(self) -> bool:
        """Whether what has come is complete; nothing at all is."""
        return self._member.eof or not self._begun

    def take(self, piece: bytes) -> bytes:
        """What ``piece`` unpacks to."""
        made = bytearray()
        while piece and self._left > 0:
            if self._member.eof:
                # What follows a member is another, or padding.
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                self._next_member()
            got, piece = self._unpacked(piece)
            made += got
            self._left -= len(got)
        return bytes(made)

    def _unpacked(self, piece: bytes) -> tuple[bytes, bytes]:
        begun, self._begun = self._begun, True
        try:
            got = self._member.decompress(piece, self._left)
        except zlib.error:
            if begun or not self._raw_too:
                raise
            self._member = zlib.decompressobj(-zlib.MAX_WBITS)
            got = self._member.decompress(piece, self._left)
        return got, self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def _next_member(self) -> None:
        self._members += 1
        if self._raw_too or self._members > _MOST_MEMBERS:
            raise zlib.error("there is more behind the end")
        self._member = zlib.decompressobj(_AUTO)
