"""What of a server's message is not what it should be is left out and told; everything else of it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import ServerMessage, WireError, decode_server

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def read(message: Any) -> tuple[ServerMessage, list[str]]:
    """A message, and where something of it was left out."""
    told: list[WireError] = []
    return decode_server(json.dumps(message), on_misfit=told.append), [error.path for error in told]


@pytest.mark.parametrize(
    ("beside", "path"),
    [
        ({"usageMetadata": {"promptTokenCount": 1.5}}, "usage_metadata.prompt_token_count"),
        ({"usageMetadata": {"totalTokenCount": "many"}}, "usage_metadata.total_token_count"),
        ({"usageMetadata": {"promptTokensDetails": [{"tokenCount": "x"}]}}, None),
        ({"usageMetadata": [1]}, "usage_metadata"),
        ({"goAway": "soon"}, "go_away"),
        ({"interactionStatus": {"is": "IDLE"}}, "interaction_status"),
        ({"sessionResumptionUpdate": {"newHandle": ["h"], "resumable": True}}, None),
        ({"voiceActivity": "ACTIVITY_START"}, "voice_activity"),
        ({"error": "bad"}, "error"),
        ({"toolCallCancellation": {"ids": [{}]}}, "tool_call_cancellation.ids[0]"),
    ],
)
def test_the_end_of_a_turn_is_not_lost_with_what_stands_beside_it(
    beside: dict[str, Any], path: str | None
) -> None:
    """Whatever it is; without somebody to tell, the whole message is refused."""
    message = {"serverContent": {"turnComplete": True}, **beside}
    content, told = read(message)
    assert content.server_content is not None and content.server_content.turn_complete
    assert len(told) == 1 and path in (None, told[0])
    with pytest.raises(WireError):
        decode_server(json.dumps(message))


@pytest.mark.parametrize("data", ["A", "!!!!", 7, None, {"a": 1}, ["AAAA"]])
def test_sound_that_is_none_takes_no_other_part_along(data: Any) -> None:
    """Nor a part that is no part."""
    good = {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}
    bad = {"inlineData": {"mimeType": "audio/pcm", "data": data}}
    content, _ = read(
        {"serverContent": {"modelTurn": {"parts": [None, bad, "said", good]}, "interrupted": 1}}
    )
    assert content.server_content is not None and content.server_content.interrupted
    assert content.server_content.model_turn is not None
    sounds = [part.inline_data.data for part in content.server_content.model_turn.parts if part.inline_data]
    assert sounds[-1] == b"\0\0\0" and len(sounds) <= 2


def test_what_can_only_mean_one_thing_means_it() -> None:
    """Other servers' spellings of true, of an id, of arguments, and of a time."""
    content, told = read(
        {
            "setupComplete": True,
            "serverContent": {"turnComplete": "true", "interrupted": 0, "generationComplete": "FALSE"},
            "toolCall": {"functionCalls": {"id": 7, "name": "book", "args": '{"day": 1}'}},
            "goAway": {"timeLeft": 5},
        }
    )
    assert told == [] and content.setup_complete is not None
    assert content.server_content is not None and content.server_content.turn_complete
    assert not content.server_content.interrupted and not content.server_content.generation_complete
    assert content.tool_call is not None
    (call,) = content.tool_call.function_calls
    assert (call.id, call.args) == ("7", {"day": 1})
    assert content.go_away is not None and content.go_away.time_left == "5"


@pytest.mark.parametrize("args", [[], "tomorrow", 3, "[1]"])
def test_a_function_is_not_called_with_half_of_what_was_asked(args: Any) -> None:
    """Without its arguments it would be another call; the others are made."""
    calls = [{"id": "a", "name": "book", "args": args}, {"id": "b", "name": "look", "args": {}}]
    content, told = read({"toolCall": {"functionCalls": calls}})
    assert content.tool_call is not None and [call.id for call in content.tool_call.function_calls] == ["b"]
    assert told == ["tool_call.function_calls[0].args"]


@pytest.mark.parametrize(
    ("text", "left_s"),
    [("50s", 50), ("0.5s", 0.5), ("-3s", None), ("7", None), ("1h", None), ("", None), ("s", None)],
)
def test_how_long_a_connection_has_left(text: str, left_s: float | None) -> None:
    """What cannot be read is not known."""
    content, _ = read({"goAway": {"timeLeft": text}})
    assert content.go_away is not None
    assert content.go_away.time_left_ns == (None if left_s is None else left_s * 1e9)


@given(
    st.sampled_from(
        ["usageMetadata", "goAway", "toolCall", "sessionResumptionUpdate", "voiceActivity", "error", "x"]
    ),
    JSON,
    JSON,
)
def test_whatever_stands_beside_it(name: str, value: Any, inner: Any) -> None:
    """One field of one message is never worth the rest."""
    message = {
        "serverContent": {
            "turnComplete": True,
            "outputTranscription": inner,
            "modelTurn": {"parts": [{"text": "kept"}, {"inlineData": inner}]},
            "groundingMetadata": {"groundingChunks": [inner], "webSearchQueries": inner},
        },
        name: value,
    }
    content, _ = read(message)
    assert content.server_content is not None and content.server_content.turn_complete
    assert content.server_content.model_turn is not None
    assert content.server_content.model_turn.parts[0].text == "kept"


def test_what_is_hardly_a_message_is_refused() -> None:
    """More misfits than a message has fields are no oddity, and take no time."""
    ids = [{} for _ in range(10_000)]
    for raw in ({"toolCallCancellation": {"ids": ids}}, [], "text", 5, None):
        with pytest.raises(WireError):
            read(raw)
