"""TLS on a connection whose first bytes were read already: no I/O, bytes in and bytes out."""

from __future__ import annotations

import ssl

__all__ = ["HANDSHAKE", "TlsSide"]

HANDSHAKE = 0x16
"""The first byte of a TLS connection; of HTTP it is a letter."""

_SIZE = 65_536


class TlsSide:
    """The server's side. Errors are `ssl.SSLError`s."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._open = False

    def receive(self, data: bytes) -> bytes:
        """What the client says in these bytes; `to_send` may have something for it afterwards."""
        self._incoming.write(data)
        found = bytearray()
        try:
            if not self._open:
                self._tls.do_handshake()
                self._open = True
            while piece := self._tls.read(_SIZE):
                found += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._incoming.write_eof()
        return bytes(found)

    def send(self, data: bytes) -> None:
        """Say something to the client."""
        for at in range(0, len(data), _SIZE):
            self._tls.write(data[at : at + _SIZE])

    def end(self) -> None:
        """Say that nothing more comes."""
        if self._open:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                # It wants the client's goodbye, for which nobody waits.
                return

    def to_send(self) -> bytes:
        """Bytes for the network."""
        return self._outgoing.read()
