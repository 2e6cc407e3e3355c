"""RTVI: what a client is told, in which order, and what it may say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import livegraph.server.protocol as say
from livegraph.server.pipecat.dialect import PROTOCOL, Rtvi
from livegraph.server.protocol import EndReason, FromServer
from livegraph.server.tongues import AnyDialect

NOW = "2030-01-02T03:04:05.006+00:00"
READY = say.Ready(version=1, agent="desk", live="local", report="full")
PARTING = {"type": "signalling", "message": {"type": "peerLeft"}}


def message(kind: str, data: object = None, id: str = "m1") -> dict[str, Any]:
    """What a client sends."""
    return {"label": "rtvi-ai", "type": kind, "id": id, "data": data}


def client_ready(version: object = "2.1.0") -> dict[str, Any]:
    """Its first message."""
    return message("client-ready", {"version": version, "about": {"library": "test"}}, "r1")


def connected(version: object = "2.2.0", report: Any = "full") -> Rtvi:
    """A client that was greeted."""
    dialect = Rtvi(lambda: NOW)
    assert list(dialect.read(client_ready(version))) == []
    list(dialect.spell(say.Ready(version=1, agent="desk", live="local", report=report)))
    list(dialect.replies())
    return dialect


def told(dialect: Rtvi, *messages: FromServer) -> list[tuple[str, Any]]:
    """Types and data of what is told of these."""
    spelt = [one for each in messages for one in dialect.spell(each)]
    return [(one["type"], one.get("data")) for one in spelt]


@pytest.mark.parametrize("server_first", [True, False])
def test_both_sides_are_ready_before_anything_is_told(server_first: bool) -> None:
    """``bot-ready`` repeats the id and comes first, whoever was first; what happened meanwhile follows."""
    dialect = Rtvi(lambda: NOW)
    spelt: list[Any] = []
    if server_first:
        spelt += dialect.spell(READY)
        spelt += dialect.spell(say.Speech(speaking=True))
    assert spelt == []
    assert list(dialect.read(client_ready())) == []
    spelt += dialect.replies()
    if not server_first:
        spelt += dialect.spell(READY)
        spelt += dialect.spell(say.Speech(speaking=True))
    assert spelt == [
        {
            "label": "rtvi-ai",
            "type": "bot-ready",
            "id": "r1",
            "data": {"version": PROTOCOL, "about": {"agent": "desk"}},
        },
        {"label": "rtvi-ai", "type": "user-started-speaking"},
    ]
    assert list(dialect.replies()) == []


@pytest.mark.parametrize(
    ("version", "answered", "refused"),
    [
        ("2.2.0", PROTOCOL, False),
        ("2.0", PROTOCOL, False),
        ("1.0.0", "1.0.0", False),
        ("1.4.2", "1.4.2", False),
        ("3.0.0", PROTOCOL, True),
        ("0.9", PROTOCOL, True),
        ("two", PROTOCOL, True),
        ("", PROTOCOL, True),
        (None, PROTOCOL, True),
        (2, PROTOCOL, True),
    ],
)
def test_versions(version: object, answered: str, refused: bool) -> None:
    """Majors 1 and 2 are spoken, an old client is told its own version; to another it is said, and goes on."""
    dialect = Rtvi(lambda: NOW)
    list(dialect.spell(READY))
    list(dialect.read(client_ready(version)))
    replies = list(dialect.replies())
    assert [reply["type"] for reply in replies] == ["error-response"] * refused + ["bot-ready"]
    assert replies[-1]["data"]["version"] == answered
    assert {reply["id"] for reply in replies} == {"r1"}


def said(text: str, final: bool = False, utterance: int = 1, role: Any = "agent") -> say.Transcript:
    """One state of an utterance."""
    return say.Transcript(role=role, text=text, final=final, turn=1, utterance=utterance)


def test_a_turn_of_the_agent() -> None:
    """Started, the words as they are heard, stopped: each once, in Pipecat's order."""
    dialect = connected()
    found = told(
        dialect,
        say.State(state="thinking"),
        say.State(state="speaking"),
        said("Good mor"),
        said("Good morning, Ann."),
        said("Good morning, Ann.", final=True),
        say.State(state="listening"),
    )
    assert [kind for kind, _ in found if not kind.startswith("bot-output")] == [
        *("bot-llm-started", "bot-tts-started", "bot-started-speaking"),
        *(
            "bot-llm-text",
            "bot-tts-text",
            "bot-llm-text",
            "bot-tts-text",
            "bot-tts-text",
            "bot-transcription",
        ),
        *("bot-tts-stopped", "bot-llm-stopped", "bot-stopped-speaking"),
    ]
    assert "".join(data["text"] for kind, data in found if kind == "bot-llm-text") == "Good morning, Ann."
    assert [data["text"] for kind, data in found if kind == "bot-tts-text"] == ["Good", "morning,", "Ann."]
    outputs = [data for kind, data in found if kind == "bot-output"]
    assert [(each["text"], each["spoken_status"]) for each in outputs] == [
        (text, status) for text in ("Good", "morning,", "Ann.") for status in ("new", "completed")
    ]
    assert [each["segment_id"] for each in outputs] == [1, 1, 2, 2, 3, 3]
    assert outputs[0]["spoken_progress"] == {"accumulated_text": "", "remaining_text": "Good"}
    assert outputs[1]["spoken_progress"] == {"accumulated_text": "Good", "remaining_text": ""}


def test_version_1_gets_sentences_twice() -> None:
    """That one is there, and that it was spoken."""
    found = told(connected("1.2.0"), said("One two. Thr"), said("One two. Three.", final=True))
    outputs = [(data["text"], data["spoken"]) for kind, data in found if kind == "bot-output"]
    assert outputs == [("One two.", False), ("One two.", True), ("Three.", False), ("Three.", True)]
    assert [data["text"] for kind, data in found if kind == "bot-transcription"] == ["One two.", "Three."]


def test_what_the_user_says_and_types() -> None:
    """Speech is told with its time, since 2.2 twice; typing is shown by the client, and told as the model's input."""
    found = told(connected(), said("hel", role="user"), said("hello", final=True, role="user"))
    assert [kind for kind, _ in found] == [
        *("user-input", "user-transcription"),
        *("user-input", "user-transcription", "user-llm-text"),
    ]
    assert found[3][1] == {"text": "hello", "timestamp": NOW, "final": True, "user_id": ""}
    older = connected("2.1.0")
    assert [kind for kind, _ in told(older, said("hel", role="user"))] == ["user-transcription"]
    list(older.read(message("send-text", {"content": " typed "})))
    assert told(older, said("typed", final=True, role="user")) == [("user-llm-text", {"text": "typed"})]


def test_an_interruption() -> None:
    """The agent is told to be silent once, however many messages of ours say so."""
    dialect = connected()
    told(dialect, say.State(state="speaking"))
    found = told(
        dialect,
        say.Speech(speaking=True),
        say.State(state="paused"),
        say.Interrupted(turn=1),
        say.State(state="interrupted"),
        say.State(state="listening"),
        say.Speech(speaking=False),
    )
    assert [kind for kind, _ in found] == [
        *("user-started-speaking", "bot-interrupted", "bot-tts-stopped", "bot-llm-stopped"),
        *("bot-stopped-speaking", "user-stopped-speaking"),
    ]


def test_tools_of_the_server_are_told_and_run_nowhere_else() -> None:
    """Started, in progress, stopped; names without arguments where that is all that is told."""
    found = told(
        connected(),
        say.ToolCall(id="c1", name="find", args={"what": "it"}),
        say.ToolResult(id="c1", name="find", ok=True, result={"found": 1}, duration_ms=3),
        say.ToolCall(id="c2", name="find", args={}),
        say.ToolCancelled(id="c2", name="find"),
    )
    assert found == [
        ("llm-function-call-started", {"function_name": "find"}),
        (
            "llm-function-call-in-progress",
            {"tool_call_id": "c1", "function_name": "find", "arguments": {"what": "it"}},
        ),
        (
            "llm-function-call-stopped",
            {"tool_call_id": "c1", "function_name": "find", "cancelled": False, "result": {"found": 1}},
        ),
        ("llm-function-call-started", {"function_name": "find"}),
        ("llm-function-call-in-progress", {"tool_call_id": "c2", "function_name": "find", "arguments": {}}),
        ("llm-function-call-stopped", {"tool_call_id": "c2", "function_name": "find", "cancelled": True}),
    ]


@pytest.mark.parametrize("report", ["none", "names", "full"])
@pytest.mark.parametrize(
    ("version", "word"), [("2.1.0", "llm-function-call-in-progress"), ("1.0.0", "llm-function-call")]
)
def test_a_function_of_the_page_is_asked_for_once(report: Any, version: str, word: str) -> None:
    """With its arguments at every level, by the word that makes this version's client run it; its answer is read."""
    dialect = connected(version, report)
    asked: list[FromServer] = [say.RunTool(id="c1", name="show", args={"city": "Paris"})]
    if report != "none":
        args = {"city": "Paris"} if report == "full" else {}
        asked.insert(0, say.ToolCall(id="c1", name="show", args=args, kind="page"))
    found = told(dialect, *asked)
    assert [kind for kind, _ in found] == ["llm-function-call-started", word]
    named = found[1][1]
    assert (named["tool_call_id"], named["function_name"]) == ("c1", "show")
    assert named.get("arguments", named.get("args")) == {"city": "Paris"}
    result = {"function_name": "show", "tool_call_id": "c1", "arguments": {}, "result": {"shown": 1}}
    read = list(dialect.read(message("llm-function-call-result", result)))
    assert read == [say.ToolAnswer(id="c1", ok=True, result={"shown": 1})]
    stopped = [reply["type"] for reply in dialect.replies()]
    if report != "none":
        stopped += [
            kind
            for kind, _ in told(
                dialect, say.ToolResult(id="c1", name="show", ok=True, result={"shown": 1}, duration_ms=1)
            )
        ]
    assert stopped == ["llm-function-call-stopped"]


@pytest.mark.parametrize(
    ("kind", "data", "meant"),
    [
        ("send-text", {"content": "hello"}, say.Text(text="hello")),
        ("send-text", {"content": "hello", "options": {"run_immediately": True}}, say.Text(text="hello")),
        (
            "send-text",
            {"content": "hello", "options": {"run_immediately": False, "audio_response": False}},
            say.Text(text="hello", reply=False, aloud=False),
        ),
        ("send-text", {"content": "hello", "options": None}, say.Text(text="hello")),
        ("append-to-context", {"role": "user", "content": "a fact"}, say.Text(text="a fact", reply=False)),
        (
            "append-to-context",
            {"role": "user", "content": "hello", "run_immediately": True},
            say.Text(text="hello"),
        ),
        (
            "append-to-context",
            {"role": "user", "content": [{"type": "text", "text": "a fact"}, {"text": "and"}, "another"]},
            say.Text(text="a fact\nand\nanother", reply=False),
        ),
        ("client-message", {"t": "price", "d": {"of": 1}}, say.Ask(id="m1", name="price", data={"of": 1})),
        ("client-message", {"t": "ping"}, say.Ask(id="m1", name="ping")),
        ("dtmf", {"buttons": ["1", "2", "#"]}, say.Keys(keys="12#")),
        ("dtmf", {"button": "*"}, say.Keys(keys="*")),
        ("disconnect-bot", {}, say.HangUp(dismissed=True)),
        ("disconnect-bot", None, say.HangUp(dismissed=True)),
        ("ui-event", {"event": "click"}, None),
        ("ui-snapshot", {"tree": {}}, None),
        ("ui-cancel-job-group", {"job_id": "1"}, None),
    ],
)
def test_what_a_client_may_say(kind: str, data: object, meant: Any) -> None:
    """In our protocol's words, and without an answer of the dialect's own."""
    dialect = connected()
    assert list(dialect.read(message(kind, data))) == ([] if meant is None else [meant])
    assert list(dialect.replies()) == []


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("raw-audio", {"base64Audio": "", "sampleRate": 16_000, "numChannels": 1}),
        ("raw-audio-batch", {}),
        ("send-text", {}),
        ("send-text", {"content": 7}),
        ("send-text", "hello"),
        ("append-to-context", {"role": "assistant", "content": "x"}),
        ("append-to-context", {"role": "user", "content": []}),
        (
            "append-to-context",
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        ),
        ("client-message", {"d": 1}),
        ("llm-function-call-result", {"result": 1}),
        ("dtmf", {"buttons": ["1", "x"]}),
        ("dtmf", {"buttons": []}),
        ("dtmf", {}),
        ("describe-config", {}),
        ("send-file", {"content": "x"}),
        ("", {}),
    ],
)
def test_what_is_not_understood_is_answered(kind: str, data: object) -> None:
    """With the same id and with words, and nothing comes of it."""
    dialect = connected()
    assert list(dialect.read(message(kind, data, "m7"))) == []
    (reply,) = dialect.replies()
    assert (reply["type"], reply["id"]) == ("error-response", "m7")
    assert reply["data"]["error"]


def test_the_program_answers_what_the_page_asks() -> None:
    """``server-response`` repeats the name and the id; a failure is an ``error-response``."""
    dialect = connected()
    list(dialect.read(message("client-message", {"t": "price"}, "q1")))
    list(dialect.read(message("client-message", {"t": "price"}, "q2")))
    assert list(dialect.spell(say.Reply(id="q1", ok=True, data={"eur": 3}))) == [
        {"label": "rtvi-ai", "type": "server-response", "id": "q1", "data": {"t": "price", "d": {"eur": 3}}}
    ]
    assert list(dialect.spell(say.Reply(id="q2", ok=False, data="unknown"))) == [
        {"label": "rtvi-ai", "type": "error-response", "id": "q2", "data": {"error": "unknown"}}
    ]


def test_numbers_and_news() -> None:
    """Tokens and waits are metrics; the program's messages, personas and transfers go to the page as they are."""
    found = told(
        connected(),
        say.Usage(node="live", input_tokens=10, output_tokens=5, total_tokens=15),
        say.Waited(what="answer", waited_ms=340, turn=2),
        say.Waited(what="silence", waited_ms=70, turn=2),
        say.Message(data={"price": 3}),
        say.Persona(persona="Ada"),
        say.LineNumbers(),
        say.Thought(turn=1, text="hm"),
    )
    assert found == [
        ("metrics", {"tokens": [{"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}]}),
        ("metrics", {"ttfb": [{"processor": "agent", "value": 0.34}]}),
        ("server-message", {"price": 3}),
        ("server-message", {"type": "persona", "persona": "Ada"}),
    ]


def test_errors_and_the_end() -> None:
    """A fault of a part is told, one that ends the call is fatal; why it is over is told once, and to leave."""
    dialect = connected()
    told(dialect, say.State(state="speaking"))
    failed = say.Error(message="It failed.", remedy="Call again.", fatal=True)
    found = told(dialect, say.Error(message="A part failed.", remedy=""), failed)
    assert [(kind, data["error"], data["fatal"]) for kind, data in found] == [
        ("error", "A part failed.", False),
        ("error", "It failed. Call again.", True),
    ]
    spelt = list(dialect.spell(say.End(reason=EndReason.FAILED)))
    assert [each["type"] for each in spelt] == [
        *("bot-tts-stopped", "bot-llm-stopped", "bot-stopped-speaking", "server-message", "signalling"),
    ]
    assert spelt[-1] == PARTING
    assert list(dialect.farewell()) == []
    assert list(connected().farewell()) == [PARTING]


def test_a_client_that_never_got_ready_is_told_the_end_all_the_same() -> None:
    """Or it would call again."""
    dialect = Rtvi(lambda: NOW)
    list(dialect.spell(say.Speech(speaking=True)))
    assert list(dialect.spell(say.End(reason=EndReason.FAILED)))[-1] == PARTING


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = [
    "client-ready",
    "send-text",
    "client-message",
    "dtmf",
    "llm-function-call-result",
    "disconnect-bot",
    "x",
]


@given(st.lists(st.tuples(st.sampled_from(KINDS), json_values, json_values), max_size=6))
def test_whatever_a_client_says_nothing_is_raised(messages: list[tuple[str, Any, Any]]) -> None:
    """Neither by the dialect nor by whoever looks for it."""
    for dialect in (connected(), AnyDialect(lambda: NOW)):
        for kind, data, id in messages:
            list(dialect.read({"label": "rtvi-ai", "type": kind, "data": data, "id": id}))
            list(dialect.replies())
        list(dialect.spell(READY))


# Which dialect it is -----------------------------------------------------------------------------


def test_a_channel_of_ours_speaks_our_protocol() -> None:
    """At once, without a word of the page; what was told before it opened is told then."""
    dialect = AnyDialect(lambda: NOW)
    assert list(dialect.spell(READY)) == []
    assert list(dialect.opened("livegraph")) == [say.to_json(READY)]
    assert list(dialect.spell(say.Speech(speaking=True))) == [{"type": "speech", "speaking": True}]
    assert list(dialect.read({"type": "text", "text": "hello"})) == [say.Text(text="hello")]
    assert not dialect.is_rtvi


def test_another_channel_speaks_as_its_first_message_does() -> None:
    """RTVI, or ours."""
    dialect = AnyDialect(lambda: NOW)
    list(dialect.spell(READY))
    assert list(dialect.opened("chat")) == []
    assert list(dialect.read({"type": "signalling", "message": {"type": "trackStatus"}})) == []
    assert dialect.is_rtvi
    assert list(dialect.replies()) == []
    list(dialect.read(client_ready()))
    assert [reply["type"] for reply in dialect.replies()] == ["bot-ready"]

    ours = AnyDialect(lambda: NOW)
    list(ours.spell(READY))
    list(ours.opened("chat"))
    assert list(ours.read({"type": "text", "text": "hello"})) == [say.Text(text="hello")]
    assert list(ours.replies()) == [say.to_json(READY)]


def test_rtvi_on_a_channel_of_ours_is_understood() -> None:
    """The first message decides."""
    dialect = AnyDialect(lambda: NOW)
    list(dialect.opened("livegraph"))
    assert list(dialect.spell(READY)) == [say.to_json(READY)]
    list(dialect.read(client_ready()))
    assert [reply["type"] for reply in dialect.replies()] == ["bot-ready"]


def test_who_has_said_nothing_is_told_the_end_in_both_ways() -> None:
    """It is read by whoever it was meant for."""
    dialect = AnyDialect(lambda: NOW)
    end = say.End(reason=EndReason.SHUTDOWN)
    assert list(dialect.spell(end)) == [say.to_json(end), PARTING]
