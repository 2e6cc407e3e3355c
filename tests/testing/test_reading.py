"""The section `tests` of a file: what it may say, and every fault in its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegraph.language import Diagnostic
from livegraph.language.origins import Tree
from livegraph.language.source import parse_document
from livegraph.pipeline import (
    AudioFrame,
    Graph,
    In,
    Out,
    Processor,
    TextFrame,
    ToolCallFrame,
    ToolResultFrame,
)
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.units import MS, SECOND
from livegraph.testing import Case, Scene, read_cases
from livegraph.testing.model import (
    AnyOrder,
    Disconnect,
    Gaps,
    Never,
    Occurs,
    Outcome,
    Pattern,
    Play,
    Say,
    Send,
    State,
)


class Mic(Processor):
    audio: Out[AudioFrame] = Out(rate=16_000, channels=1)


class Model(Processor):
    audio: In[AudioFrame] = In()
    text: In[TextFrame] = In(required=False)
    tool_results: In[ToolResultFrame] = In(required=False, feedback=True)
    out: Out[AudioFrame] = Out(rate=24_000, channels=1)
    tool_calls: Out[ToolCallFrame] = Out()

    def on_audio(self, frame: AudioFrame) -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...

    def on_tool_results(self, frame: ToolResultFrame) -> None: ...


class Tools(Processor):
    calls: In[ToolCallFrame] = In()
    results: Out[ToolResultFrame] = Out()

    def on_calls(self, frame: ToolCallFrame) -> None: ...


class Ear(Processor):
    audio: In[AudioFrame] = In()

    def on_audio(self, frame: AudioFrame) -> None: ...


def scene() -> Scene:
    graph = Graph()
    for name, kind in (("mic", Mic), ("live", Model), ("tools", Tools), ("ear", Ear), ("other", Ear)):
        graph.add(name, kind)
    graph.connect("mic", "live.audio")
    graph.connect("live.out", "ear")
    graph.connect("live.tool_calls", "tools")
    graph.connect("tools", "live.tool_results")
    return Scene(
        graph,
        microphones=("mic",),
        loudspeakers=("ear",),
        services=("live",),
        tools={"tools": ("get_weather", "get_time"), "more": ("get_time",)},
        inputs={"caller": InputSpec(max_length=5, default="")},
        voices=("Kore", "Puck"),
    )


def read(text: str, folder: Path = Path("/nowhere")) -> tuple[list[Case], list[Diagnostic]]:
    """The tests of a text, and what is wrong with it, placed."""
    document = parse_document(text, "t.yaml", folder=folder)
    assert not document.faults, document.faults
    tree = Tree.of(document)
    cases, problems = read_cases(tree.get(("tests",)), folder=tree.folder, scene=scene())
    return cases, [tree.locate(problem) for problem in problems]


def one(body: str, folder: Path = Path("/nowhere")) -> Case:
    """A test without a fault."""
    cases, found = read(f"tests:\n  - name: it\n{body}", folder)
    assert found == []
    return cases[0]


# What can be said ------------------------------------------------------------------------------


def test_steps(tmp_path: Path) -> None:
    """Each kind of step, its place, its moment and its name."""
    (tmp_path / "a.wav").write_bytes(b"")
    case = one(
        """
    inputs: {caller: Ada}
    feed:
      - say: Hello.
        voice: Puck
        length: 200ms
        at: 2s
        name: hello
      - play: a.wav
        after: {transcript: {role: agent}}
        wait: 300ms
      - text: Hi
      - frame: {type: tool_result, id: x, name: f, result: {a: 1}}
        to: live
      - disconnect: {code: 1011, reason: gone}
      - disconnect: true
    expect: [interrupted]
""",
        tmp_path,
    )
    say, play, text, frame, closed, lost = case.feed
    assert isinstance(say, Say) and (say.text, say.voice, say.length_ns) == ("Hello.", "Puck", 200 * MS)
    assert (say.trigger.at_ns, say.name, say.to) == (2 * SECOND, "hello", "mic")
    assert isinstance(play, Play) and play.file == tmp_path / "a.wav"
    assert isinstance(play.trigger.after, Pattern) and play.trigger.wait_ns == 300 * MS
    assert isinstance(text, Send) and text.to == "live.text" and isinstance(text.frame, TextFrame)
    assert isinstance(frame, Send) and frame.to == "live.tool_results"
    assert isinstance(frame.frame, ToolResultFrame) and frame.frame.result == {"a": 1}
    assert isinstance(closed, Disconnect) and (closed.code, closed.reason) == (1011, "gone")
    assert isinstance(lost, Disconnect) and lost.code == 0
    assert case.inputs == {"caller": "Ada"}


def test_expectations() -> None:
    """Everything that can be expected, in the words of a failure's message."""
    case = one("""
    feed:
      - say: Hello.
        name: hello
    expect:
      - transcript: {role: agent, contains: a, matches: '^b', final: false}
        name: words
      - tool_called: {name: get_weather, args: {city: Oslo, days: {above: 1}}}
        within: 200ms
        since: hello.end
      - tool_finished: get_weather
        not_before: 1.5s
        since: words
      - state: speaking
        for: 1s
      - silence:
        for: 0.5s
      - sound: ear
      - frame: {at: live.tool_calls, type: tool_call, name: {one_of: [a, b]}}
      - frame: {at: tools}
      - never: interrupted
        within: 1s
      - never: {node_failed: {}}
      - no_gap_longer_than: 40ms
      - any_order:
          - speech_changed: true
          - service_changed: {state: {not: lost}}
        within: 2s
      - interrupted
    """)
    texts = [expectation.text for expectation in case.expect]
    assert texts == [
        'transcript {role: "agent", final: false, text: containing "a" and matching /^b/}',
        'tool_called {name: "get_weather", args: {city: "Oslo", days: above 1.0}} within 200ms since hello.end',
        'tool_finished {name: "get_weather"} not before 1.5s since words',
        "state speaking for 1s",
        "silence at ear for 500ms",
        "sound at ear",
        'frame tool_call at live.tool_calls {name: "a" or "b"}',
        "a frame at tools",
        "never interrupted within 1s",
        "never node_failed",
        "no gap longer than 40ms at ear",
        "in any order: speech_changed {speaking: true} within 2s; "
        'service_changed {state: not "lost"} within 2s within 2s',
        "interrupted",
    ]
    kinds = [type(expectation) for expectation in case.expect]
    assert kinds == [*[Occurs] * 8, Never, Never, Gaps, AnyOrder, Occurs]
    probe = case.expect[7]
    assert isinstance(probe, Occurs) and isinstance(probe.what, Pattern)
    assert probe.what.places == ("tools.calls", "tools.results")
    quiet = case.expect[4]
    assert isinstance(quiet, Occurs) and quiet.what == State("silence", "ear")


def test_mocks() -> None:
    """A value, an instruction, or a list of them; the node may be left out where the tool is the only one."""
    case = one("""
    mock:
      get_weather: {temp_c: 4}
      tools.get_time: [{delay: 2s, returns: {at: 3}}, {error: down}, {hang: true}, 7]
    expect: [interrupted]
    """)
    weather, time = case.mocks
    assert (weather.node, weather.tool, weather.outcomes) == (
        "tools",
        "get_weather",
        (Outcome({"temp_c": 4}),),
    )
    assert time.outcomes == (
        Outcome({"at": 3}, None, 2 * SECOND),
        Outcome(error="down"),
        Outcome(hang=True),
        Outcome(7),
    )


def test_names_are_not_checked_for_an_agent_that_cannot_be_read() -> None:
    """Its own faults are told; that nothing of it is known is none of the tests'."""
    document = parse_document(
        "tests: [{name: it, feed: [{say: a, to: x}], expect: [{silence: y}, {frame: {at: z.w}}]}]", "t.yaml"
    )
    cases, problems = read_cases(document.data["tests"], folder=lambda _: Path())
    assert problems == [] and len(cases) == 1


# What is wrong -----------------------------------------------------------------------------------


def whole(body: str) -> str:
    return f"tests:\n  - name: it\n    {body}"


def expect(item: str) -> str:
    return whole(f"expect:\n      - {item}")


def feed(item: str) -> str:
    return whole(f"feed:\n      - {item}\n    expect: [interrupted]")


def mock(body: str) -> str:
    return whole(f"mock: {body}\n    expect: [interrupted]")


FAULTS = [
    # code, a part of the message, a part of the hint, the text with § where the fault is
    ("LG102", "must be a list", "", "§tests: {}"),
    ("LG501", "there are no tests", "- name:", "§tests: []"),
    ("LG101", "unknown key `fed`", "did you mean `feed`", whole("§fed: []\n    expect: [interrupted]")),
    ("LG103", "needs `expect`", "", "tests:\n  - §name: it\n    feed: [{text: a}]"),
    ("LG503", "nothing is expected", "", whole("§expect: []")),
    ("LG503", "says nothing", "write one of", expect("§{}")),
    ("LG503", "`interrupted` and `state`", "one item for each", expect("{interrupted: , §state: paused}")),
    ("LG503", "`never` and `state`", "one item for each", expect("{never: interrupted, §state: paused}")),
    ("LG503", "the group is empty", "", expect("§any_order: []")),
    ("LG503", "cannot stand in a group", "before or after", expect("any_order: [§{never: interrupted}]")),
    ("LG503", "`say` and `text` in one step", "two steps", feed("{say: a, §text: b}")),
    ("LG503", "feeds nothing", "say, play", feed("§{at: 1s}")),
    ("LG503", "does nothing", "returns", mock("{§get_weather: []}")),
    ("LG504", "nothing that happens", "`transcript`", expect("§transcrypt: {role: user}")),
    ("LG504", "nothing that happens", "`interrupted`", expect("§interupted")),
    ("LG504", "nothing that happens", "`interrupted`", expect("never: §interupted")),
    ("LG504", "nothing that can be fed", "`say`", feed("§sey: a")),
    ("LG504", "there is no frame `tool_cal`", "`tool_call`", expect("frame: {at: live, type: §tool_cal}")),
    ("LG504", "no frame `audio` can be written", "frames:", feed("frame: {type: §audio}")),
    ("LG504", "no frame `audio` can be written", "frames:", feed("frame: §audio")),
    ("LG505", "no field `rolle`", "`role`", expect("transcript: {§rolle: user}")),
    ("LG505", "has no field `nam`", "`name`", feed("frame: {type: tool_result, §nam: x}")),
    ("LG505", "frames of every type", "type:", expect("frame: {at: live, §name: x}")),
    ("LG103", "needs the field `text`", "", feed("§frame: {type: text}")),
    ("LG102", "`at` must be text", "node.port", expect("§frame: {type: text}")),
    ("LG506", "never `speeking`", "`speaking`", expect("state: §speeking")),
    ("LG506", "cannot be compared by", "`contains`", expect("transcript: {text: {§containz: a}}")),
    ("LG506", "not a regular expression", "", expect("transcript: {matches: §'('}")),
    ("LG506", "can be said", "words", feed("say: §'...'")),
    ("LG506", "takes a mapping of fields", "", expect("call_started: §7")),
    ("LG206", "must be `user`", "", expect("transcript: {role: §usr}")),
    ("LG206", "must be", "`speaking`", expect("state_changed: §speeking")),
    ("LG207", "not a boolean", "write `true`", expect("speech_changed: {speaking: §yes}")),
    ("LG507", "no node `liev`", "`live`", expect("frame: {at: §liev.out}")),
    ("LG507", "no port `tool_call`", "`tool_calls`", expect("frame: {at: §live.tool_call}")),
    ("LG507", "no output `eer`", "`ear`", expect("silence: §eer")),
    ("LG507", "no microphone `mik`", "`mic`", feed("{say: a, to: §mik}")),
    ("LG507", "no voice `Pluck`", "`Puck`", feed("{say: a, voice: §Pluck}")),
    ("LG507", "no tool `get_wether`", "`get_weather`", mock("{§get_wether: 1}")),
    ("LG507", "runs no tools", "`tools`", mock("{§toolz.get_weather: 1}")),
    ("LG507", "no input of `mic`", "no inputs", feed("{text: a, to: §mic}")),
    ("LG508", "several nodes", "`tools.get_time`", mock("{§get_time: 1}")),
    ("LG508", "no input takes", "to:", feed("§frame: {type: usage}")),
    ("LG509", "lasts no time", "state", expect("{interrupted: , §for: 1s}")),
    ("LG509", "over before", "earliest", expect("{interrupted: , not_before: 2s, within: §1s}")),
    ("LG509", "`at` and `after`", "one or the other", feed("{say: a, at: 1s, §after: interrupted}")),
    ("LG509", "makes no sense", "within", expect("{never: interrupted, §not_before: 1s}")),
    ("LG205", "has no unit", "250ms", expect("{interrupted: , within: §250}")),
    ("LG203", "between 1ms and 10min", "", feed("{say: a, length: §0s}")),
    ("LG510", "nothing is called", "give a step", expect("{interrupted: , since: §hello}")),
    (
        "LG510",
        "nothing is called",
        "x",
        expect("{interrupted: , name: x}\n      - {interrupted: , since: §x.end}"),
    ),
    ("LG510", "a step `a` already", "another", feed("{say: a, name: a}\n      - {say: b, name: §a}")),
    ("LG510", "no moment", "", expect("{never: interrupted, §name: a}")),
    ("LG511", "no file `no.wav`", "looked in", feed("play: §no.wav")),
    ("LG511", "no file", "looked in", whole("live: §no.jsonl\n    expect: [interrupted]")),
    ("LG511", "no file", "looked in", whole("brain: §no.yaml\n    expect: [interrupted]")),
    ("LG514", "`returns` and `error`", "list", mock("{get_weather: {returns: 1, §error: x}}")),
    ("LG176", "no input `calller`", "`caller`", whole("inputs: {§calller: b}\n    expect: [interrupted]")),
    ("LG178", "10 characters", "", whole("inputs: {caller: §Methuselah}\n    expect: [interrupted]")),
]


@pytest.mark.parametrize(("code", "message", "hint", "marked"), FAULTS)
def test_every_fault_has_its_code_and_place(code: str, message: str, hint: str, marked: str) -> None:
    """Code, line and column, what is wrong, and what helps."""
    before, _, after = marked.partition("§")
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    found = read(before + after)[1]
    assert [(one.problem.code, (one.span.line, one.span.column)) for one in found] == [(code, place)]
    assert message in found[0].problem.message
    assert hint in found[0].problem.hint


def test_two_tests_have_two_names() -> None:
    """What fails is told by its name."""
    text = "tests:\n  - {name: it, expect: [interrupted]}\n  - {name: it, expect: [interrupted]}"
    found = read(text)[1]
    assert [(one.problem.code, one.span.line, one.span.column) for one in found] == [("LG502", 3, 12)]


def test_a_recording_answers_alone(tmp_path: Path) -> None:
    """A simulator that nobody talks to has no use for rules."""
    (tmp_path / "r.jsonl").write_text("")
    body = "tests: [{name: it, live: r.jsonl, brain: {rules: []}, expect: [interrupted]}]"
    assert [one.problem.code for one in read(body, tmp_path)[1]] == ["LG514"]


def test_all_faults_are_told_at_once() -> None:
    """One does not hide another."""
    text = """tests:
  - name: a
    feed: [{sey: b}, {say: c, voice: Nobody}]
    expect: [{interupted: }, {state: x}]
  - expect: [interrupted]
"""
    codes = [one.problem.code for one in read(text)[1]]
    assert codes == ["LG504", "LG507", "LG504", "LG506", "LG103"]
