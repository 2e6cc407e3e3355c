"""How a pool and a worker in another process talk: messages with their length in front, on a stream. Sans-IO.

Either side may say something at any time. ``METHODS`` is what can be asked, and of what types: both sides read and
write by it, so that what arrives is as it should be or is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from ..calls.served import Running
from ..offering import Answered, Offer
from ..refusals import Refusal
from .setup import WorkerSetup
from .worker import WorkerReport

__all__ = [
    "METHODS",
    "Ask",
    "Begin",
    "Cancelled",
    "Done",
    "Failed",
    "Happened",
    "Message",
    "Refused",
    "Reported",
    "SocketEvent",
    "SocketOpened",
    "SocketOver",
    "Unframer",
    "WireError",
    "framed",
    "packed",
    "unpacked",
]

_HEAD = struct.Struct("!I")
_MOST_BYTES = 64 * 1024 * 1024


class WireError(Exception):
    """What came is none of our messages."""


class Begin(msgspec.Struct, frozen=True):
    """Serve from now on. ``slot`` counts the workers of a machine from 0."""

    slot: int
    udp_port: int = 0
    public_addresses: tuple[str, ...] = ()
    """Where the world reaches this worker, where that is not the same for all."""
    bound: bool = False
    """Whether its event loop is bound to a core, by its ``slot``."""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Do this; answered by ``Done``, ``Refused`` or ``Failed`` of the same number."""

    number: int
    method: str
    given: msgspec.Raw


class Cancelled(msgspec.Struct, frozen=True, tag="cancelled"):
    """Nobody waits for the answer any more."""

    number: int


class Done(msgspec.Struct, frozen=True, tag="done"):
    number: int
    value: msgspec.Raw


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    number: int
    status: int
    code: str
    message: str
    remedy: str
    headers: dict[str, str]

    @classmethod
    def of(cls, number: int, refusal: Refusal) -> Refused:
        """As it is sent."""
        words = (refusal.code, refusal.message, refusal.remedy)
        return cls(number, refusal.status, *words, dict(refusal.headers))

    def refusal(self) -> Refusal:
        """As it was raised there."""
        return Refusal(self.status, self.code, self.message, self.remedy, self.headers)


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A fault of ours: the worker's log has it."""

    number: int
    kind: str


class Reported(msgspec.Struct, frozen=True, tag="reported"):
    report: WorkerReport


class Happened(msgspec.Struct, frozen=True, tag="happened"):
    pc_id: str
    over: bool


class SocketOpened(msgspec.Struct, frozen=True, tag="socket_opened"):
    """A WebSocket is to be served; its ASGI scope."""

    number: int
    scope: msgspec.Raw


class SocketEvent(msgspec.Struct, frozen=True, tag="socket_event"):
    """One ASGI event of it: from its caller to the worker, or back."""

    number: int
    event: msgspec.Raw


class SocketOver(msgspec.Struct, frozen=True, tag="socket_over"):
    """It is closed, or done with."""

    number: int


Message = (
    Ask | Cancelled | Done | Refused | Failed | Reported | Happened | SocketOpened | SocketEvent | SocketOver
)

METHODS: Mapping[str, tuple[tuple[Any, ...], Any]] = {
    # Before it serves.
    "prepare": ((WorkerSetup,), None),
    "begin": ((Begin,), None),
    "close": ((), None),
    # While it does: `Worker`.
    "answer": ((Offer,), Answered),
    "renegotiate": ((str, str, str, bool), Answered),
    "resume": ((str, str, str), Answered),
    "add_candidates": ((str, list[Any]), None),
    "leave": ((str,), None),
    "hang_up": ((str,), None),
    "calls": ((), list[dict[str, Any]]),
    "call": ((str,), dict[str, Any]),
    "tap": ((str, str, str, bool), int),
    "tap_next": ((int,), bytes | None),
    "tap_close": ((int,), None),
    "end": ((str, str), None),
    "drain": ((float,), int),
    "end_calls": ((), None),
    "renew": ((dict[str, Any] | None,), dict[str, Running]),
    "metrics": ((), bytes),
}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be sent to another process")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_decoder = msgspec.msgpack.Decoder(Message)
T = TypeVar("T")


def packed(value: object) -> msgspec.Raw:
    """An argument or a result, to be put into a message. ``NotImplementedError`` for what cannot be sent."""
    return msgspec.Raw(_encoder.encode(value))


def unpacked(raw: msgspec.Raw, kind: Any) -> Any:
    """The value again. Raises ``WireError`` when it is not of this type."""
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise WireError(str(error)) from error


def framed(message: Message) -> bytes:
    """As it goes over the stream. Raises ``WireError`` for one that is too long."""
    data = _encoder.encode(message)
    if len(data) > _MOST_BYTES:
        raise WireError(f"a message of {len(data)} bytes is too long")
    return _HEAD.pack(len(data)) + data


class Unframer:
    """Takes bytes as they come and gives messages."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now, in order. Raises ``WireError`` for what is none."""
        kept = self._kept
        kept += data
        while len(kept) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(kept)
            if length > _MOST_BYTES:
                raise WireError(f"a message of {length} bytes is too long")
            end = _HEAD.size + length
            if len(kept) < end:
                return
            body = bytes(kept[_HEAD.size : end])
            del kept[:end]
            try:
                yield _decoder.decode(body)
            except msgspec.MsgspecError as error:
                raise WireError(str(error)) from error
