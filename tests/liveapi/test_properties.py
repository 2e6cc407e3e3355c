"""What we write we read back; every spelling reads alike; no input makes a reader raise anything but
WireError.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.liveapi import (
    ClientMessage,
    ServerMessage,
    WireError,
    WireStruct,
    decode_client,
    decode_server,
    encode_client,
    encode_server,
)
from support.wire import all_types, json_values, messages, respelled


def _strict(data: bytes | str) -> ClientMessage:
    return decode_client(data, strict=True)


@given(messages(ClientMessage))
def test_a_client_message_is_read_back_as_it_was_written(message: ClientMessage) -> None:
    """The lenient reader gives the message; the strict one too, unless it has two kinds."""
    data = encode_client(message)
    assert decode_client(data) == message
    assert decode_client(data.decode()) == message
    if len(message.kinds) < 2:
        assert _strict(data) == message


@given(messages(ServerMessage), st.booleans())
def test_a_server_message_is_read_back_as_it_was_written(message: ServerMessage, pretty: bool) -> None:
    assert decode_server(encode_server(message, pretty=pretty)) == message


@pytest.mark.parametrize("kind", all_types(), ids=lambda kind: kind.__name__)
def test_each_type_survives_the_trip(kind: type[WireStruct]) -> None:
    """Every wire type by itself: those deep in the tree are rare in whole messages."""

    @settings(max_examples=15)
    @given(messages(kind, depth=3))
    def trip(message: WireStruct) -> None:
        assert msgspec.json.decode(msgspec.json.encode(message), type=kind) == message

    trip()


@given(st.data(), messages(ClientMessage))
def test_every_spelling_of_a_client_message_reads_alike(data: st.DataObject, message: ClientMessage) -> None:
    """Casing, base64 alphabet, padding, numbers as text, null, one for a list: the writer's choice."""
    spelled = respelled(data.draw, message, ClientMessage)
    assert decode_client(json.dumps(spelled)) == message


@given(st.data(), messages(ServerMessage))
def test_every_spelling_of_a_server_message_reads_alike(data: st.DataObject, message: ServerMessage) -> None:
    spelled = respelled(data.draw, message, ServerMessage)
    assert decode_server(json.dumps(spelled)) == message


_READERS: list[Callable[[Any], object]] = [decode_client, _strict, decode_server]
_NAMES = sorted(
    {
        name
        for kind in all_types()
        for field in msgspec.structs.fields(kind)
        for name in (field.name, field.encode_name)
    }
)
_almost = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=20,
)


def _only_wire_errors(data: Any) -> None:
    for read in _READERS:
        with contextlib.suppress(WireError):
            read(data)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_wire_errors(data: bytes) -> None:
    _only_wire_errors(data)


@given(st.text(alphabet=st.characters(), max_size=100))
def test_arbitrary_text_raises_only_wire_errors(data: str) -> None:
    """Lone surrogates included."""
    _only_wire_errors(data)


@given(_almost)
def test_arbitrary_json_raises_only_wire_errors(value: Any) -> None:
    """Known names over values of any type, at any depth."""
    _only_wire_errors(json.dumps(value))


@given(messages(ServerMessage), st.data())
def test_a_damaged_message_raises_only_wire_errors(message: ServerMessage, data: st.DataObject) -> None:
    """One byte changed, or the end cut off."""
    raw = bytearray(encode_server(message))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    _only_wire_errors(bytes(raw[: data.draw(st.integers(0, len(raw)))]))


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        '{"a":',
        '{"setup":',
        '{"setup":{"tools":',
        '{"serverContent":[',
        '{"toolCall":{"functionCalls":[{"args":{"a":',
    ],
)
def test_deep_nesting_raises_only_wire_errors(piece: str) -> None:
    for closing in ("", "}", "]"):
        _only_wire_errors(piece * 50_000 + closing)


def test_a_deep_schema_is_refused_and_not_a_crash() -> None:
    """The one type that holds itself: well-formed, canonical or not, at a depth that Python cannot follow."""
    for items in ('{"items":', '{"any_of":['):
        depth = 20_000
        closing = ("]" if items.endswith("[") else "") + "}"
        deep = items * depth + "{}" + closing * depth
        text = '{"setup":{"tools":[{"function_declarations":[{"parameters":' + deep + "}]}]}}"
        for read in _READERS[:2]:
            with pytest.raises(WireError):
                read(text)


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1" * 5000, "NaN", "Infinity", '"NaN"', '"1e999"', "1" + "0" * 30, "1.5"]
)
@pytest.mark.parametrize(
    "shape",
    [
        '{"setup":{"generationConfig":{"topK":%s}}}',
        '{"setup":{"generationConfig":{"temperature":%s}}}',
        '{"toolCall":{"functionCalls":[{"args":{"x":%s}}]}}',
        '{"sessionResumptionUpdate":{"lastConsumedClientMessageIndex":%s}}',
    ],
)
def test_odd_numbers_raise_only_wire_errors(shape: str, number: str) -> None:
    _only_wire_errors(shape % number)
