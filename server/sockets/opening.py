"""What a caller by WebSocket says first, and what follows from it. Who speaks another dialect adds an ``Opener``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from ...pipeline.units import MS, SECOND
from ...transports.socket.caller import SocketCaller
from ...transports.socket.codings import Coding, CodingError
from ...transports.socket.native import NativeCodec
from ...transports.socket.signals import Codec, Data
from ...transports.socket.words import Hello, SoundFormat, Welcome
from ..protocol import PROTOCOL_VERSION, Dialect, fault_of
from ..refusals import Refusal, sentence

__all__ = ["INSTEAD", "SUBPROTOCOL", "Opener", "Opening", "bearer_in", "native_opening", "open_by"]

SUBPROTOCOL = "livegraph.v1"
INSTEAD = "instead"
"""In the address: the ``pc_id`` of an offer that nothing came of, whose place and ticket this socket takes."""
_BEARER = "livegraph.bearer."
"""A subprotocol that begins so carries a token, in base64url without padding: pages can send no other header."""
_MOST_INPUTS = 64
_PAGE_IDLE_NS = 90 * SECOND
"""A page that nobody looks at may say something once a minute, and no oftener: browsers see to that."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a caller begins.

    Args:
        codec: its words from now on.
        kind: what it is, in a word.
        token: who it says that it is, where its handshake did not.
        agent, inputs: what it calls, and what it brings along.
        dialect: how it spells messages of the protocol of calls.
        ahead_ns: how much of the agent's sound it is sent before it hears it.
        idle_ns: a caller of whom nothing comes for so long is lost.
        answer: what it is told first, when its call has a place.
        replay: whether its first message is read by the codec as well.
        loose_inputs: whether inputs that the agent does not have are left out, and numbers are read from their texts.
        bring: what its boxes and tools find by type, beside the caller itself.
        afterwards: awaited when its call is over.
    """

    codec: Codec
    kind: str = "websocket"
    token: str = ""
    agent: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    dialect: Dialect | None = None
    ahead_ns: int = 200 * MS
    idle_ns: int = 60 * SECOND
    answer: Callable[[SocketCaller], Data | None] = lambda caller: None
    replay: bool = False
    loose_inputs: bool = False
    bring: Callable[[SocketCaller], Mapping[type, Any]] = lambda caller: {}
    afterwards: Callable[[SocketCaller], Awaitable[None]] | None = None


Opener = Callable[[Data, Mapping[str, str]], Opening | None]
"""Reads a first message, and what the address asks for behind its path; ``None`` for one in other words than its own.
Raises ``Refusal`` for faults in its own."""


class _Type(msgspec.Struct):
    type: str | None = None


def native_opening(data: Data, _: Mapping[str, str]) -> Opening | None:
    """Our own: ``{"type": "hello", ...}``."""
    if isinstance(data, bytes):
        return None
    try:
        if msgspec.json.decode(data, type=_Type).type != "hello":
            return None
        hello = msgspec.json.decode(data, type=Hello)
    except msgspec.ValidationError as error:
        raise Refusal(400, "bad_hello", f"The first message is not as expected: {error}.", _REMEDY) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if hello.version != PROTOCOL_VERSION:
        raise Refusal(
            400,
            "bad_version",
            f"This server speaks version {PROTOCOL_VERSION} of the protocol, not {hello.version}.",
        )
    if len(hello.inputs) > _MOST_INPUTS:
        raise Refusal(
            400, "bad_inputs", f"A call has {_MOST_INPUTS} inputs at most, not {len(hello.inputs)}."
        )
    coding_in, coding_out = _coding("in", hello.audio_in), _coding("out", hello.audio_out)

    def answer(caller: SocketCaller) -> Data:
        told = Welcome(
            PROTOCOL_VERSION, caller.id, SoundFormat(*coding_in), SoundFormat(*coding_out), hello.marks
        )
        return msgspec.json.encode(told).decode()

    return Opening(
        NativeCodec(coding_in, coding_out, confirms=hello.marks, judge=fault_of),
        token=hello.token,
        agent=hello.agent,
        inputs=hello.inputs,
        ahead_ns=hello.ahead_ms * MS,
        idle_ns=_PAGE_IDLE_NS,
        answer=answer,
    )


def open_by(openers: Sequence[Opener], data: Data, asked: Mapping[str, str]) -> Opening:
    """What a first message comes to, by the first that understands it. Raises ``Refusal`` (400)."""
    for opener in openers:
        opening = opener(data, asked)
        if opening is not None:
            return opening
    raise Refusal(400, "bad_hello", "The first message is none that this address understands.", _REMEDY)


def bearer_in(subprotocols: Sequence[str]) -> str:
    """The token among the subprotocols that a handshake offers; empty without one."""
    for offered in subprotocols:
        if offered.startswith(_BEARER) and len(offered) < 12_000:
            written = offered.removeprefix(_BEARER)
            try:
                return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()
            except (binascii.Error, ValueError):
                return ""
    return ""


def _coding(which: Literal["in", "out"], wanted: SoundFormat) -> Coding:
    try:
        return Coding(wanted.encoding, wanted.rate).checked()
    except CodingError as error:
        raise Refusal(400, "bad_hello", f"`{which}`: {sentence(error)}", _REMEDY) from None


_REMEDY = (
    'Say {"type": "hello", "in": {"encoding": "pcm16", "rate": 16000}, "out": {"encoding": "pcm16", "rate": 16000}} '
    "first; docs/websocket.md has all of it."
)
