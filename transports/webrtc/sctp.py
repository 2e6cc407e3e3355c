"""The data channel's association: aiortc's SCTP behind a door that lets nothing through which could hurt it.

aiortc trusts its peer: lengths of zero make it loop, openings of data channels that are malformed end its task, and
pieces of messages that never end are kept for ever. So every packet is looked at before (RFC 9260, section 3), and what
a caller can make us hold has a bound.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiortc.rtcsctptransport as _sctp
from aiortc import RTCDataChannel
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from .secure import SecureTransport

__all__ = ["MOST_MESSAGE_BYTES", "Association", "is_sound_packet"]

MOST_MESSAGE_BYTES: Final = 256 * 1024
"""What the answer says as ``a=max-message-size``."""
_USER_DATA_BYTES: Final = 1_100
"""A packet has to fit where the way is narrow: a VPN's 1280 bytes, less IPv6, UDP, DTLS and SCTP."""

_MOST_STREAMS: Final = 64
_MOST_CHANNELS: Final = 16
_MOST_PIECES: Final = 2_048
_MOST_AHEAD: Final = 2_048
"""Of TSNs: so many pieces may be missing."""
_MOST_LABEL_BYTES: Final = 256

_COMMON_HEADER: Final = 12
_DATA, _INIT, _INIT_ACK, _SACK, _HEARTBEAT, _HEARTBEAT_ACK, _ABORT = range(7)
_ERROR, _RECONFIG, _FORWARD_TSN = 9, 130, 192
_TLVS_AT: Final = {
    _INIT: 16,
    _INIT_ACK: 16,
    _HEARTBEAT: 0,
    _HEARTBEAT_ACK: 0,
    _ABORT: 0,
    _ERROR: 0,
    _RECONFIG: 0,
}
_RECONFIG_LEAST: Final = {13: 12, 16: 8, 17: 8}
"""Outgoing reset, response and added streams (RFC 6525, section 4): the bytes behind type and length."""

_DCEP, _STRING = 50, 51
_DCEP_OPEN, _DCEP_ACK = 3, 2

_sctp.USERDATA_MAX_LENGTH = _USER_DATA_BYTES


def is_sound_packet(packet: bytes) -> bool:
    """Whether every chunk and every parameter of an SCTP packet has the length that its kind needs."""
    size = len(packet)
    if size < _COMMON_HEADER + 4:
        return False
    position = _COMMON_HEADER
    while position + 4 <= size:
        kind, _, length = struct.unpack_from("!BBH", packet, position)
        if length < 4 or position + length > size:
            return False
        if not _is_sound_chunk(kind, packet[position + 4 : position + length]):
            return False
        position += length + 3 & ~3
    return True


def _is_sound_chunk(kind: int, body: bytes) -> bool:
    if kind == _DATA:
        return len(body) > 12
    if kind == _SACK:
        return _is_sound_sack(body)
    if kind == _FORWARD_TSN:
        return len(body) >= 4 and len(body) % 4 == 0
    start = _TLVS_AT.get(kind)
    return start is None or (len(body) >= start and _are_sound_parameters(kind, body[start:]))


def _is_sound_sack(body: bytes) -> bool:
    if len(body) < 12:
        return False
    _, _, gaps, duplicates = struct.unpack_from("!LLHH", body)
    if len(body) != 12 + 4 * (gaps + duplicates):
        return False
    after = 0
    for begin, end in struct.iter_unpack("!HH", body[12 : 12 + 4 * gaps]):
        # In order and apart: otherwise each could cover everything, many times over.
        if not after < begin <= end:
            return False
        after = end
    return True


def _are_sound_parameters(kind: int, body: bytes) -> bool:
    position = 0
    while position + 4 <= len(body):
        parameter, length = struct.unpack_from("!HH", body, position)
        if length < 4 or position + length > len(body):
            return False
        if kind == _RECONFIG and length - 4 < _RECONFIG_LEAST.get(parameter, 0):
            return False
        if kind == _RECONFIG and parameter == 13 and length % 2:
            return False
        position += length + 3 & ~3
    return True


class Association:
    """One caller's data channels.

    Args:
        secure: what carries it.
        opened: is called with each channel that the caller opens, at most 16 of them.
        port, most_bytes: the caller's SCTP port, and the longest message that it takes (0 for any), from its offer.
    """

    def __init__(
        self,
        secure: SecureTransport,
        opened: Callable[[RTCDataChannel], None],
        *,
        port: int = 5_000,
        most_bytes: int = 65_536,
    ) -> None:
        self.counts: Counter[str] = Counter()
        """What was dropped, by why: ``malformed``, ``bound``, ``opening``."""
        self._door = _Door(secure)
        door: Any = self._door
        self._sctp = RTCSctpTransport(door)
        self._sctp.on("datachannel", opened)
        self._port = port
        self._most_bytes = most_bytes
        self._deliver: Callable[[int, int, bytes], Awaitable[None]] = self._sctp._data_channel_receive
        # Looked up on the instance for every message.
        setattr(self._sctp, "_data_channel_receive", self._receive_message)  # noqa: B010

    @property
    def closed(self) -> bool:
        """Whether the caller, or we, have ended it."""
        return self._sctp.state == "closed"

    async def start(self) -> None:
        """Begin, once packets can be sent; again is fine."""
        await self._sctp.start(RTCSctpCapabilities(self._most_bytes), self._port)

    async def receive(self, packet: bytes) -> None:
        """One decrypted SCTP packet came. What is unsound, or would be too much to hold, is dropped."""
        if self.closed:
            return
        # The caller's first packet may be quicker than whoever begins.
        await self.start()
        if self._door.receiver is None:
            return
        if not is_sound_packet(packet):
            self.counts["malformed"] += 1
        elif not self._has_room(packet):
            self.counts["bound"] += 1
        else:
            await self._door.receiver._handle_data(packet)

    async def stop(self) -> None:
        """End it; again is fine."""
        if self._sctp.state != "closed":
            await self._sctp.stop()

    def _has_room(self, packet: bytes) -> bool:
        """Whether what the caller makes us hold stays within bounds with this packet."""
        streams = self._sctp._inbound_streams
        received = self._sctp._last_received_tsn
        position = _COMMON_HEADER
        fresh: set[int] = set()
        data = False
        while position + 4 <= len(packet):
            kind, _, length = struct.unpack_from("!BBH", packet, position)
            if kind == _DATA:
                tsn, stream = struct.unpack_from("!LH", packet, position + 4)
                # Before its INIT nothing is expected.
                if received is None or (tsn - received) % 2**32 > _MOST_AHEAD < (received - tsn) % 2**32:
                    return False
                fresh.add(stream)
                data = True
            elif kind == _FORWARD_TSN:
                if received is None:
                    return False
                body = packet[position + 8 : position + length]
                fresh.update(stream for stream, _ in struct.iter_unpack("!HH", body))
            position += length + 3 & ~3
        if len(fresh | streams.keys()) > _MOST_STREAMS:
            return False
        if not data:
            return True
        held = sum(len(stream.reassembly) for stream in streams.values())
        return held < _MOST_PIECES and self._sctp._advertised_rwnd > 0

    async def _receive_message(self, stream: int, protocol: int, data: bytes) -> None:
        """What aiortc would do with a message, unless it would fail."""
        if protocol == _DCEP and not self._is_sound_opening(stream, data):
            self.counts["opening"] += 1
            return
        if protocol == _STRING:
            # Its text is read strictly.
            data = data.decode(errors="replace").encode()
        await self._deliver(stream, protocol, data)

    def _is_sound_opening(self, stream: int, data: bytes) -> bool:
        """Whether a message of RFC 8832 can be followed."""
        channels = self._sctp._data_channels
        if not data or data[0] not in (_DCEP_OPEN, _DCEP_ACK):
            return False
        if data[0] == _DCEP_ACK:
            return stream in channels
        if len(data) < 12 or stream in channels or len(channels) >= _MOST_CHANNELS:
            return False
        label, protocol = struct.unpack_from("!HH", data, 8)
        if len(data) != 12 + label + protocol or label > _MOST_LABEL_BYTES or protocol > _MOST_LABEL_BYTES:
            return False
        try:
            data[12 : 12 + label].decode()
            data[12 + label :].decode()
        except UnicodeDecodeError:
            return False
        return True


class _Door:
    """What aiortc's SCTP sees as its DTLS transport."""

    state = "connected"

    def __init__(self, secure: SecureTransport) -> None:
        self._secure = secure
        self.receiver: Any = None

    @property
    def _role(self) -> str:
        return self._secure.role

    def _register_data_receiver(self, receiver: Any) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: Any) -> None:
        self.receiver = None

    async def _send_data(self, data: bytes) -> None:
        # Timers of SCTP may fire after the end: nobody hears of it, and nobody need.
        await self._secure.send_data(data)
