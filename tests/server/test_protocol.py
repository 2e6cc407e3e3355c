"""The protocol between a server and its callers: one list of messages, for both sides."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import livegraph.server.protocol as say
from livegraph.transports.webrtc.rtp.statistics import MediaStatistics

CLIENT = Path(say.__file__).parents[2] / "client"


def tags(union: Any) -> set[str]:
    """The ``type`` of every message of one side."""
    return {kind.__struct_config__.tag for kind in get_args(union)}


def test_the_page_knows_only_what_there_is() -> None:
    """Every type in its list is one of ours, and what it may say is all that is read."""
    text = (CLIENT / "protocol.js").read_text("utf-8")
    lists = {
        name: set(re.findall(r'"(\w+)"', body))
        for name, body in re.findall(r"export const (\w+) = Object.freeze\(\{(.*?)\}\)", text, re.DOTALL)
    }
    assert lists["FromServer"] == tags(say.FromServer)
    assert lists["ToServer"] == tags(say.FromCaller)


def test_the_line_has_every_number_of_the_media() -> None:
    """A new number of the media is a new field of the message."""
    assert say.LineNumbers.__struct_fields__ == tuple(
        field.name for field in dataclasses.fields(MediaStatistics)
    )
    assert say.to_json(say.LineNumbers()) == {"type": "line", **dataclasses.asdict(MediaStatistics())}


def test_what_has_nothing_to_say_is_left_out() -> None:
    """Fields at their defaults are not sent, and every other one is, empty or not."""
    assert say.to_json(say.End(reason=say.EndReason.IDLE)) == {"type": "end", "reason": "idle"}
    assert say.to_json(say.ToolCall(id="", name="x", args={})) == {
        "type": "tool_call",
        "id": "",
        "name": "x",
        "args": {},
    }


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"type": "text", "text": "hello"}, say.Text(text="hello")),
        ({"type": "text", "text": "hello", "colour": "red"}, say.Text(text="hello")),
        ({"type": "playout", "delay_ms": 20}, say.Playout(delay_ms=20.0)),
        ({"type": "hangup"}, say.HangUp()),
        ({"type": "text"}, None),
        ({"type": "text", "text": 5}, None),
        ({"type": "playout", "delay_ms": "20"}, None),
        ({"type": "dance"}, None),
        ({"type": ["text"]}, None),
        ({}, None),
    ],
)
def test_what_a_caller_says_is_read_or_nothing(given: dict[str, Any], read: object) -> None:
    """What is unknown or malformed means nothing, and raises nothing."""
    assert say.read_message(given) == read
    assert list(say.Native().read(given)) == ([] if read is None else [read])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["type", "text", "delay_ms", "x"]), json_values))
def test_nothing_that_a_caller_says_raises(message: dict[str, Any]) -> None:
    """Whatever JSON it is."""
    say.read_message(message)
