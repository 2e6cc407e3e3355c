"""What providers say on their streams: every documented message, and whatever else might come in its place."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.transports.socket.codings import Coding
from livegraph.transports.socket.signals import BadSignal, Left, Marked, Pressed, Signal, Sound, Unclear
from livegraph.transports.socket.voice import SocketVoice
from livegraph.transports.telephone.started import Provider, Started
from livegraph.transports.telephone.words import codec_of, is_greeting, read_start
from support.malformed import NO_OBJECTS, mutants

PIECE = bytes(range(160))
SOUND = base64.b64encode(PIECE).decode()

TWILIO_START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"caller": "+49301", "floor": "3"},
    },
    "streamSid": "MZ1",
}
TELNYX_START = {
    "event": "start",
    "sequence_number": "1",
    "start": {
        "user_id": "user-1",
        "call_control_id": "v3:1",
        "call_session_id": "session-1",
        "from": "+49301",
        "to": "+49302",
        "tags": [],
        "client_state": "",
        "media_format": {"encoding": "L16", "sample_rate": 16000, "channels": 1},
    },
    "stream_id": "MZ1",
}
PLIVO_START = {
    "sequenceNumber": 0,
    "event": "start",
    "start": {
        "callId": "CA1",
        "streamId": "MZ1",
        "accountId": "MA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
    },
    "extra_headers": "X-PH-caller=+49301,floor=3",
}
STARTS = [TWILIO_START, TELNYX_START, PLIVO_START]

MESSAGES: dict[Provider, list[dict[str, Any]]] = {
    "twilio": [
        {
            "event": "media",
            "sequenceNumber": "3",
            "streamSid": "MZ1",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": SOUND},
        },
        {
            "event": "dtmf",
            "sequenceNumber": "5",
            "streamSid": "MZ1",
            "dtmf": {"track": "inbound_track", "digit": "1"},
        },
        {"event": "mark", "sequenceNumber": "4", "streamSid": "MZ1", "mark": {"name": "0-1"}},
        {
            "event": "stop",
            "sequenceNumber": "5",
            "streamSid": "MZ1",
            "stop": {"accountSid": "AC1", "callSid": "CA1"},
        },
    ],
    "telnyx": [
        {
            "event": "media",
            "sequence_number": "4",
            "stream_id": "MZ1",
            "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": SOUND},
        },
        {
            "event": "dtmf",
            "stream_id": "MZ1",
            "occurred_at": "2026-11-28T12:00:00Z",
            "sequence_number": "5",
            "dtmf": {"digit": "1"},
        },
        {"event": "mark", "sequence_number": "4", "stream_id": "MZ1", "mark": {"name": "0-1"}},
        {"event": "error", "stream_id": "MZ1", "payload": {"code": 100002, "title": "t", "detail": "d"}},
        {"event": "stop", "sequence_number": "5", "stream_id": "MZ1", "stop": {"user_id": "user-1"}},
    ],
    "plivo": [
        {
            "sequenceNumber": 1,
            "event": "media",
            "streamId": "MZ1",
            "media": {"track": "inbound", "timestamp": "1688", "chunk": 1, "payload": SOUND},
            "extra_headers": "{}",
        },
        {
            "event": "dtmf",
            "streamId": "MZ1",
            "dtmf": {"track": "inbound", "digit": "1", "timestamp": "1690"},
        },
        {"sequenceNumber": 9, "event": "playedStream", "streamId": "MZ1", "name": "0-1"},
        {"sequenceNumber": 10, "event": "clearedAudio", "streamId": "MZ1"},
        {"event": "stop", "streamId": "MZ1"},
    ],
}
GOOD = [(provider, message) for provider, messages in MESSAGES.items() for message in messages]


def read(provider: Provider, text: str | bytes) -> list[Signal]:
    """What a message says on a stream that has begun."""
    return list(codec_of(Started(provider, "MZ1", "CA1")).read(text))


def test_each_provider_is_known_by_its_start() -> None:
    """Ids, numbers, coding and parameters stand where its documentation has them."""
    twilio, telnyx, plivo = (read_start(json.dumps(start)) for start in STARTS)
    assert twilio == Started(
        "twilio", "MZ1", "CA1", "AC1", "+49301", parameters={"caller": "+49301", "floor": "3"}
    )
    assert telnyx == Started("telnyx", "MZ1", "v3:1", "user-1", "+49301", "+49302", Coding("pcm16", 16_000))
    assert plivo == Started(
        "plivo", "MZ1", "CA1", "MA1", "+49301", parameters={"caller": "+49301", "floor": "3"}
    )


def test_documented_messages_say_what_they_say() -> None:
    """Sound with its place, keys, marks, the end; what tells nothing new says nothing."""
    found = {
        f"{provider} {message['event']}": read(provider, json.dumps(message)) for provider, message in GOOD
    }
    assert found == {
        "twilio media": [Sound(PIECE, 1, 20)],
        "twilio dtmf": [Pressed("1")],
        "twilio mark": [Marked("0-1")],
        "twilio stop": [Left()],
        "telnyx media": [Sound(PIECE, 2, 5)],
        "telnyx dtmf": [Pressed("1")],
        "telnyx mark": [Marked("0-1")],
        "telnyx error": [Unclear("telnyx says 100002: t")],
        "telnyx stop": [Left()],
        "plivo media": [Sound(PIECE, 1, 1688)],
        "plivo dtmf": [Pressed("1")],
        "plivo playedStream": [Marked("0-1")],
        "plivo clearedAudio": [],
        "plivo stop": [Left()],
    }


def test_what_is_sent_is_as_documented() -> None:
    """Field by field."""
    said = {}
    for provider in MESSAGES:
        codec = codec_of(Started(provider, "MZ1", "CA1"))
        words = [codec.sound(PIECE), codec.mark("0-1"), codec.clear(), codec.key("5")]
        said[provider] = [json.loads(one) for one in words if one is not None]
    assert said == {
        "twilio": [
            {"event": "media", "streamSid": "MZ1", "media": {"payload": SOUND}},
            {"event": "mark", "streamSid": "MZ1", "mark": {"name": "0-1"}},
            {"event": "clear", "streamSid": "MZ1"},
        ],
        "telnyx": [
            {"event": "media", "media": {"payload": SOUND}},
            {"event": "mark", "mark": {"name": "0-1"}},
            {"event": "clear"},
        ],
        "plivo": [
            {
                "event": "playAudio",
                "streamId": "MZ1",
                "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": SOUND},
            },
            {"event": "checkpoint", "streamId": "MZ1", "name": "0-1"},
            {"event": "clearAudio", "streamId": "MZ1"},
            {"event": "sendDTMF", "dtmf": "5"},
        ],
    }


@pytest.mark.parametrize("provider", list(MESSAGES))
def test_whatever_is_wrong_with_a_message_nothing_is_raised(provider: Provider) -> None:
    """It says what it says all the same, or is dropped as unclear; its sound is heard whatever its numbers are."""
    codec = codec_of(Started(provider, "MZ1", "CA1"))
    unclear = 0
    for message in (*MESSAGES[provider], *STARTS):
        for name, text in (*mutants(message), *NO_OBJECTS.items()):
            voice = SocketVoice(codec.coding_in, lambda: 0)
            voice.listen(16_000)
            for signal in codec.read(text):
                assert isinstance(signal, Sound | Pressed | Marked | Left | Unclear), name
                unclear += isinstance(signal, Unclear)
                if isinstance(signal, Sound):
                    voice.receive(signal)
                    voice.receive(Sound(PIECE, 2, 40))
                    assert voice.lost <= 1_000, name
    assert unclear > 100
    assert [type(one) for one in codec.read(json.dumps(STARTS[0]))] == [Unclear]
    for odd in (b"", b"\0\xff", json.dumps(MESSAGES[provider][0]).encode(), "x" * 300_000):
        assert [type(signal) for signal in read(provider, odd)] == [Unclear]


@pytest.mark.parametrize("start", STARTS, ids=["twilio", "telnyx", "plivo"])
def test_a_start_is_whole_or_refused_in_words(start: dict[str, Any]) -> None:
    """What it gives can stand in messages as it is."""
    for name, text in (*mutants(start), *NO_OBJECTS.items()):
        is_greeting(text)
        try:
            started = read_start(text)
        except BadSignal as refused:
            assert 10 < len(str(refused)) < 400, name
            continue
        if started is not None:
            codec = codec_of(started)
            assert json.loads(codec.sound(PIECE))["media"]["payload"] == SOUND, name
            for known in (started.caller, started.called, *started.parameters.values()):
                assert len(known) <= 1_000


@pytest.mark.parametrize(("provider", "message"), GOOD, ids=lambda value: str(value)[:30])
def test_messages_of_another_stream_concern_nobody(provider: Provider, message: dict[str, Any]) -> None:
    """They are dropped, also a goodbye."""
    other = {name: "other" if value == "MZ1" else value for name, value in message.items()}
    assert {type(signal) for signal in read(provider, json.dumps(other))} <= {Unclear}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=6,
)
EVENTS = ["media", "dtmf", "mark", "stop", "error", "playedStream", "start", "connected", "x"]
FIELDS = ["media", "dtmf", "mark", "name", "payload", "streamSid", "stream_id", "streamId", "start"]
PARTS = ["payload", "chunk", "timestamp", "track", "digit", "name", "callSid", "call_control_id", "callId"]


@given(
    st.sampled_from(list(MESSAGES)),
    st.sampled_from(EVENTS),
    st.dictionaries(
        st.sampled_from(FIELDS),
        json_values | st.dictionaries(st.sampled_from(PARTS), json_values),
        max_size=4,
    ),
)
def test_any_object_is_read_or_dropped(provider: Provider, event: str, fields: dict[str, Any]) -> None:
    """Whatever stands in it."""
    text = json.dumps({"event": event, **fields})
    read(provider, text)
    try:
        read_start(text)
    except BadSignal:
        assert event == "start" or "start" in fields


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *[
            ("7", 7),
            (7, 7),
            ("007", 7),
            (-7, None),
            ("-7", None),
            (1.5, None),
            ("1.5", None),
            (1 << 60, None),
        ],
        *[("9" * 30, None), ("\u00b2", None), ("\u0661", None), ("", None), (None, None)],
    ],
    ids=ascii,
)
def test_a_number_that_counts_nothing_is_none(written: object, number: int | None) -> None:
    """Its sound is taken as it comes."""
    media = {"payload": SOUND, "chunk": written, "timestamp": written}
    assert read("twilio", json.dumps({"event": "media", "media": media})) == [Sound(PIECE, number, number)]
