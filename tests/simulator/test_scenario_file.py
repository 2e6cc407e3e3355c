"""A scenario is read whole or refused, with the place of every fault."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from livegraph.simulator.actions import CallTool, Say, Show, Silent, Think
from livegraph.simulator.faults import HangUp, RawBytes, RawMessage, Stall
from livegraph.simulator.scenario import (
    CancelCalls,
    Close,
    Cut,
    ForgetSession,
    GoAway,
    Interrupt,
    RefuseConnection,
    RefuseResume,
    SetOddities,
    Wait,
    When,
)
from livegraph.simulator.scenario_acts import ACTIONS
from livegraph.simulator.scenario_file import ScenarioError, load_scenario, parse_scenario

MS = 1_000_000


def acts(text: str, when: str = "connect") -> list[Any]:
    """What a list of actions is read as."""
    (scene,) = parse_scenario(f"version: 1\nscenes:\n  - when: {when}\n    do: {text}\n").scenes
    return list(scene.do)


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("say: Hello there.", Say("Hello there.")),
        ("say: 42", Say("42")),
        ("think: Hm.", Think("Hm.")),
        ("call: book", CallTool("book", {}, "")),
        (
            "call: {tool: book, args: {day: 2026-11-01, n: 3, list: [a, {b: null}]}, id: x}",
            CallTool("book", {"day": "2026-11-01", "n": 3, "list": ["a", {"b": None}]}, "", "x"),
        ),
        ("silent", Silent()),
        ("wait: 1.5s", Wait(1_500 * MS)),
        ("wait: 0", Wait(0)),
        ("close: 1000", Close(1_000)),
        ("close: {}", Close(1_011)),
        ("close: {code: 3000, reason: Enough., half: true}", Close(3_000, "Enough.", True)),
        ("reset", HangUp(reset=True)),
        ("reset: {half: true}", Cut(reset=True)),
        ("hang_up", HangUp(reset=False)),
        ("hang_up: {half: true}", Cut(reset=False)),
        ("stall: 3s", Stall(True, True, 3_000 * MS)),
        ("stall: forever", Stall(True, True, None)),
        ("stall: {for: 20ms, reading: false}", Stall(False, True, 20 * MS)),
        ("send: {serverContent: {x: 1}}", RawMessage(b'{"serverContent": {"x": 1}}')),
        ("send: '{nonsense'", RawMessage("{nonsense")),
        ("go_away: 5s", GoAway(5_000 * MS)),
        ("go_away: {left: 5s, close: false}", GoAway(5_000 * MS, False)),
        ("interrupt", Interrupt()),
        ("cancel_calls", CancelCalls()),
        ("forget_session", ForgetSession()),
        ("refuse: 503", RefuseConnection(503)),
        ("refuse_resume: 3", RefuseResume(3)),
        ("refuse_resume: {code: 1008, reason: Enough.}", RefuseResume(1, 1_008, "Enough.")),
        (
            "set: {setup_after: 2s, chunk_bytes: [2, 19200], ids: missing, burst: true, turn_complete: false}",
            SetOddities(
                {
                    "setup_after_ns": 2_000 * MS,
                    "chunk_bytes": (2, 19_200),
                    "ids": "missing",
                    "burst": True,
                    "turn_complete": False,
                }
            ),
        ),
    ],
)
def test_every_action_is_read(text: str, act: Any) -> None:
    assert acts(f"[{text}]" if ":" not in text else f"[{{{text}}}]") == [act]


def test_other_actions_carry_content() -> None:
    """What the model shows besides speech, and garbage that is no JSON."""
    ground, code, pages, garbage, outside = acts(
        """
      - ground: {queries: [boats], sources: [{uri: "https://a", title: A}]}
      - run_code: {code: print(1), output: "1"}
      - read_pages: ["https://b"]
      - garbage: 10
      - garbage: {bytes: 20, outside: true}"""
    )
    assert isinstance(ground, Show) and isinstance(code, Show) and isinstance(pages, Show)
    assert (
        ground.content.grounding_metadata and code.content.model_turn and pages.content.url_context_metadata
    )
    assert isinstance(garbage, RawMessage) and len(garbage.data) == 10
    assert isinstance(outside, RawBytes) and len(outside.data) == 20


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("connect", When("connect")),
        ("turn", When("turn")),
        ("{connect: 2}", When("connect", number=2)),
        ("{connect: each, times: 3}", When("connect", times=3)),
        ("{turn: 4, connection: 2}", When("turn", number=4, connection=2)),
        ("{time: 5s}", When("time", at_ns=5_000 * MS)),
        ("{every: 5s, times: 2}", When("time", at_ns=5_000 * MS, every=True, times=2)),
        ("{audio: 300ms}", When("audio", at_ns=300 * MS)),
        ("{tool_response: book, nth: 2}", When("tool_response", "book", 2)),
        ("{tool_response: each}", When("tool_response")),
        ("{sent: audio, nth: 3}", When("sent", "audio", 3)),
        ("{received: each, nth: 10}", When("received", "", 10)),
    ],
)
def test_every_event_is_read(text: str, when: When) -> None:
    (scene,) = parse_scenario(f"version: 1\nscenes:\n  - when: {text}\n    do: [silent]\n").scenes
    assert scene.when == when


def test_settings_are_options_of_the_simulator() -> None:
    scenario = parse_scenario(
        "version: 1\nsettings: {strict: true, time_scale: 0.5, keys: [a], connection: 20s, session: none,"
        " cancellation: false, models: [x]}\n"
    )
    assert scenario.settings == {
        "strict": True,
        "time_scale": 0.5,
        "keys": ["a"],
        "connection_ns": 20_000 * MS,
        "session_ns": None,
        "send_cancellation": False,
        "models": ["x"],
    }


SCENE = "version: 1\nscenes:\n  - when: connect\n    do:\n      - "


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1:1: empty; expected a mapping with 'version: 1' and 'scenes'"),
        ("[", "1:2: not YAML"),
        ("version: 2", "1:10: unknown version; expected 1"),
        ("scenes: []", "1:1: expected 'version: 1'"),
        ("version: 1\nscense: []", "2:1: unknown key 'scense'; did you mean 'scenes'?"),
        ("version: 1\nsettings: {strickt: true}", "2:12: unknown key 'strickt'; did you mean 'strict'?"),
        ("version: 1\nsettings: {strict: maybe}", "2:20: expected true or false"),
        ("version: 1\nsettings: {connection: 5}", "2:24: expected a duration"),
        ("version: 1\nsettings: {time_scale: fast}", "2:24: expected a factor from 0 to 100"),
        ("version: 1\nbrain: nowhere.yaml", "2:8: nowhere.yaml cannot be read: No such file or directory"),
        ("version: 1\nscenes:\n  - do: [silent]", "3:5: expected 'when': what sets the scene off"),
        ("version: 1\nscenes:\n  - when: connect", "3:5: expected 'do': what happens"),
        (
            "version: 1\nscenes:\n  - {when: conect, do: silent}",
            "3:12: unknown event without a value 'conect'; did",
        ),
        (
            "version: 1\nscenes:\n  - {when: {trun: 1}, do: silent}",
            "3:13: unknown key 'trun'; did you mean 'turn'?",
        ),
        ("version: 1\nscenes:\n  - {when: {turn: 0}, do: silent}", "3:19: expected a whole number from 1"),
        ("version: 1\nscenes:\n  - {when: {turn: 1, time: 3s}, do: silent}", "3:22: a scene has one event"),
        (
            "version: 1\nscenes:\n  - {when: {turn: 1, nth: 3}, do: silent}",
            "3:22: 'nth' does not go with 'turn'",
        ),
        (
            "version: 1\nscenes:\n  - {when: {sent: adio}, do: silent}",
            "3:19: unknown kind of message 'adio'; did you",
        ),
        (
            "version: 1\nscenes:\n  - {when: {every: 0}, do: silent}",
            "3:20: expected more than no time at all",
        ),
        (SCENE + "sya: hello", "5:9: unknown key 'sya'; did you mean 'say'?"),
        (SCENE + "rest", "5:9: unknown action 'rest'; did you mean 'reset'?"),
        (SCENE + "say", "5:9: 'say' needs a value: {say: ...}"),
        (SCENE + "{say: a, wait: 3s}", "5:9: expected one action in each item"),
        (SCENE + "say: ''", "5:14: expected a text, found nothing"),
        (SCENE + "call: {args: {}}", "5:15: expected 'tool'"),
        (SCENE + "call: {tool: f, args: [1]}", "5:31: expected arguments by name: a mapping"),
        (SCENE + "call: {tool: f, args: {a: .inf}}", "5:35: expected a number that JSON can hold"),
        (
            SCENE + "close: 1006",
            "5:16: 1006 is never sent: for a connection that is lost write 'reset' or 'hang_up'",
        ),
        (SCENE + "close: 2000", "5:16: 2000 is no close code"),
        (SCENE + "close: {reason: " + "x" * 130 + "}", "5:25: a reason has at most 123 bytes, this one 130"),
        (SCENE + "stall: {reading: false, writing: false}", "5:16: expected that reading or writing stops"),
        (SCENE + "set: {chunk_bytes: 1}", "5:28: expected a whole number from 2"),
        (
            SCENE + "set: {ids: duplicated}",
            "5:20: unknown kind of ids 'duplicated'; did you mean 'duplicate'?",
        ),
        (
            SCENE + "set: {turn_compleet: false}",
            "5:15: unknown key 'turn_compleet'; did you mean 'turn_complete'?",
        ),
        (
            "version: 1\nscenes:\n  - {when: turn, do: [refuse: 503]}",
            "3:23: 'refuse' belongs to a scene with",
        ),
    ],
)
def test_a_fault_is_reported_at_its_place(text: str, fault: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(text, "s.yaml")
    assert str(error.value).startswith(f"s.yaml:{fault}"), str(error.value)


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    """In their order, those of the brain that it names with the brain's own place."""
    (tmp_path / "b.yaml").write_text("version: 1\nfallbak: x\n")
    path = tmp_path / "s.yaml"
    path.write_text(
        "version: 1\nbrain: b.yaml\nscenes:\n  - when: {turn: x}\n    do: [nothing, {wait: long}]\n"
    )
    with pytest.raises(ScenarioError) as error:
        load_scenario(path)
    places = [(Path(fault.file).name, fault.line, fault.column) for fault in error.value.faults]
    assert places == [("b.yaml", 2, 1), ("s.yaml", 4, 18), ("s.yaml", 5, 10), ("s.yaml", 5, 26)]


WORDS = st.sampled_from(
    [
        *ACTIONS,
        "when",
        "do",
        "version",
        "scenes",
        "settings",
        "brain",
        "turn",
        "sent",
        "nth",
        "1",
        "3s",
        "each",
        "a",
    ]
)
TREES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@given(TREES, st.booleans())
def test_any_tree_is_read_or_refused(tree: Any, wrapped: bool) -> None:
    """Whatever stands in the file: a scenario, or faults with places in it."""
    if wrapped:
        tree = {"version": 1, "scenes": [{"when": "connect", "do": tree}]}
    text = yaml.safe_dump(tree)
    try:
        parse_scenario(text)
    except ScenarioError as error:
        assert error.faults
        assert all(1 <= fault.line <= text.count("\n") + 1 and fault.column >= 1 for fault in error.faults)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_scenario(text)
    except ScenarioError as error:
        assert error.faults
