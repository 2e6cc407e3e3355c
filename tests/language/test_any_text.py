"""Whatever is in a file, reading it ends with a report."""

import copy
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.language import check_text, render, to_data

GOOD = """
version: 1
name: x
title: t
nodes:
  mic: {use: webrtc_in}
  gate: {use: vad_gate, from: mic, threshold: 0.6, pre_roll: 200ms}
  live: {use: gemini_live, from: [gate, mic.text], voice: Kore, seed: 3}
  tools: {use: tool_router, from: live.tool_calls, to: live.tool_results, tools: [pkg.tools]}
  ear: {use: webrtc_out, from: live.audio}
edges:
  gate -> live: {max_duration: 1s, when_full: block}
turns: {confirm: 300ms, barge_in: true}
simulator: {}
"""

_WORDS = "version: 1|agent:|pipeline:|nodes:|edges:|webrtc_in|vad_gate|use: |from: |to: |as: |a.b|no|012|200ms|${X}|->"
_MARKS = [
    "\n",
    "\n  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ",",
    "'",
    '"',
    "&a",
    "*a",
    "<<",
    "!t",
    "|",
    ">",
    "#",
    "%",
]
_MARKS += ["---", "...", "\t", "?", "${", "\ufeff", "\x85", "\u2028", "\\ud800"]
_pieces = st.sampled_from(_WORDS.split("|") + _MARKS)


def look_at(text: str | bytes) -> None:
    report = check_text(text, environ={"X": "1"})
    assert (report.agent is None) == bool(report.errors)
    render(report.diagnostics)
    to_data(report.diagnostics)
    for found in report.diagnostics:
        assert found.span.line >= 1
        assert found.span.column >= 1


@given(st.lists(_pieces, max_size=40).map("".join))
@settings(deadline=None)
def test_pieces_of_yaml(text: str) -> None:
    look_at(text)


@given(st.binary(max_size=60) | st.text(max_size=60))
@settings(deadline=None)
def test_anything(text: str | bytes) -> None:
    look_at(text)


_odd = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "a", "a.b", "x -> y", "${X}", "${Y}"])
)
_value = st.recursive(
    _odd,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abuse"), inner, max_size=2),
)


@given(data=st.data())
@settings(deadline=None)
def test_a_right_file_with_something_else_in_one_place(data: st.DataObject) -> None:
    """Any value of the file replaced by any other, or any key removed or renamed."""
    tree: Any = copy.deepcopy(yaml.safe_load(GOOD))
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])

    walk(tree)
    node, key = data.draw(st.sampled_from(places))
    action = data.draw(st.sampled_from(["replace", "remove", "rename"]))
    if action == "replace" or isinstance(node, list):
        node[key] = data.draw(_value)
    else:
        value = node.pop(key)
        if action == "rename":
            node[data.draw(st.sampled_from(["thresold", "edge", "x"]))] = value
    look_at(yaml.safe_dump(tree, sort_keys=False))


@given(data=st.data())
@settings(deadline=None)
def test_a_name_that_does_not_exist_never_passes(data: st.DataObject) -> None:
    """One name of a right file misspelt is always an error."""
    names = [
        "webrtc_in",
        "vad_gate",
        "threshold:",
        "from:",
        "live.tool_calls",
        "voice:",
        "Kore",
        "gate -> live",
    ]
    names += [
        "max_duration:",
        "when_full: block",
        "confirm:",
        "turns:",
        "nodes:",
        "edges:",
        "seed:",
        "200ms",
    ]
    name = data.draw(st.sampled_from(names))
    at = data.draw(st.integers(0, len(name.rstrip(":")) - 1))
    wrong = name[:at] + "q" + name[at:]
    report = check_text(GOOD.replace(name, wrong, 1), environ={})
    assert report.errors, wrong
