"""Traces of the real service (and of its older versions), message by message: what follows from each."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import ServerMessage, decode_server
from livegraph.processors.gemini_live.answers.decisions import AskAgain
from livegraph.processors.gemini_live.answers.policy import AnswerPolicy
from livegraph.processors.gemini_live.answers.watch import AnswerWatch
from livegraph.processors.gemini_live.dialogue.calls import Late, ToolRules
from livegraph.processors.gemini_live.dialogue.outcomes import (
    Answer,
    Audio,
    CallTool,
    CancelTools,
    Code,
    CodeOutput,
    Consumed,
    Cut,
    EndSound,
    EndWords,
    Failed,
    Generated,
    GoingAway,
    Grounded,
    Interaction,
    LateWords,
    Media,
    Note,
    Opened,
    Outcome,
    PagesRead,
    Remark,
    StartTurn,
    Transcribed,
    TurnComplete,
    Used,
    UserEnded,
    UserPreview,
    UserSpeech,
    UserWords,
    Words,
)
from livegraph.processors.gemini_live.dialogue.protocol import LiveProtocol
from support.wire import messages

CLOCK = itertools.count(0, 10_000_000)
"""Messages come 10 ms apart."""
PCM_40_MS = b"\x01\x00" * 960


def protocol(*functions: str, **rules: Any) -> LiveProtocol:
    known = dict.fromkeys(functions) if functions else None
    return LiveProtocol(itertools.count(1).__next__, ToolRules(known, **rules))


def feed(live: LiveProtocol, *sent: dict[str, Any]) -> list[Outcome]:
    """All that follows for the conversation, without the ends of utterances that were not begun."""
    return [one for one in everything(live, *sent) if not isinstance(one, _ASIDE)]


def everything(live: LiveProtocol, *sent: dict[str, Any]) -> list[Outcome]:
    return [outcome for one in sent for outcome in live.receive(decode_server(json.dumps(one)), next(CLOCK))]


def answers(live: LiveProtocol, call_id: str, body: dict[str, Any], scheduling: str = "", **more: Any) -> Any:
    """What is sent for a result, which goes out once."""
    given = live.result(call_id, body, scheduling, now_ns=0, **more)
    assert given is None or isinstance(given, list)
    return given


_ASIDE = (UserEnded, Generated, Transcribed, Opened, Interaction)


def sound(pcm: bytes = PCM_40_MS, mime: str = "audio/pcm;rate=24000") -> dict[str, Any]:
    blob = {"mimeType": mime, "data": base64.b64encode(pcm).decode()}
    return {"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}}


def content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


MS = 1_000_000


def test_a_simple_turn() -> None:
    """16.1: every piece has its place in the turn's sound, the sound ends before the turn."""
    live = protocol()
    assert feed(live, {"setupComplete": {}}) == []
    assert feed(live, {"sessionResumptionUpdate": {"newHandle": "h1", "resumable": True}}) == []
    assert live.handle == "h1"
    assert feed(live, {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.280s"}}) == [
        UserSpeech(True, 280 * MS)
    ]
    assert live.busy
    assert feed(
        live,
        content(inputTranscription={"text": "Hi, can you hear me?"}),
        {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "2.840s"}},
    ) == [UserWords("Hi, can you hear me?"), UserSpeech(False, 2840 * MS)]
    assert live.busy, "an answer is due"
    assert feed(live, sound()) == [StartTurn(1), Audio(1, PCM_40_MS, 24_000, 0)]
    assert feed(live, content(outputTranscription={"text": "Yes, I can hear "})) == [
        Words(1, "Yes, I can hear ", 40 * MS)
    ]
    assert feed(live, sound()) == [Audio(1, PCM_40_MS, 24_000, 40 * MS)]
    assert feed(live, content(generationComplete=True)) == [EndSound(1)]
    assert live.busy
    done = {**content(turnComplete=True), "usageMetadata": {"totalTokenCount": 819}}
    outcomes = feed(live, done)
    assert outcomes[:2] == [EndWords(1, 80 * MS), TurnComplete(1)]
    assert isinstance(outcomes[2], Used) and outcomes[2].usage.total_token_count == 819
    assert not live.busy


def test_every_field_of_one_message_counts() -> None:
    """3.x models put several fields into one message; none hides another."""
    live = protocol()
    message = sound()
    message["serverContent"] |= {
        "outputTranscription": {"text": "Yes."},
        "inputTranscription": {"text": "Now?"},
        "generationComplete": True,
        "turnComplete": True,
    }
    assert feed(live, message) == [
        StartTurn(1),
        Audio(1, PCM_40_MS, 24_000, 0),
        UserWords("Now?", answered=True),
        Words(1, "Yes.", 0),
        EndSound(1),
        EndWords(1, 40 * MS),
        TurnComplete(1),
    ]


def test_barge_in_while_the_model_generates() -> None:
    """16.2 a: the turn is cut once; what still comes of its words is not heard; the next content is a new turn."""
    live = protocol()
    feed(live, sound(), content(outputTranscription={"text": "One, two, "}))
    assert feed(live, content(interrupted=True)) == [Cut(1)]
    assert feed(live, content(outputTranscription={"text": "three"})) == []
    assert feed(live, sound()) == [], "sound belongs to the cut turn too"
    assert feed(live, content(turnComplete=True)) == [TurnComplete(1, cut=True)]
    assert live.busy, "what cut it wants an answer"
    assert feed(live, sound()) == [StartTurn(2), Audio(2, PCM_40_MS, 24_000, 0)]


def test_sound_in_the_message_that_interrupts_belongs_to_the_cut_turn() -> None:
    """Whether it comes first or beside it."""
    live = protocol()
    feed(live, sound())
    message = sound()
    message["serverContent"] |= {"interrupted": True, "outputTranscription": {"text": "three"}}
    assert feed(live, message) == [Cut(1)]


def test_half_a_sample_is_completed_by_the_next_piece() -> None:
    """No byte is lost, and none is out of place."""
    live = protocol()
    made = feed(live, sound(b"\x01\x02\x03"), sound(b"\x04"), sound(b""), sound(b"\x05\x06"))
    assert [one.pcm for one in made if isinstance(one, Audio)] == [b"\x01\x02", b"\x03\x04", b"\x05\x06"]


def test_words_of_the_agent_after_its_turn_join_it() -> None:
    """Nothing holds the call up for them, and no turn begins."""
    live = protocol()
    feed(live, sound(), content(outputTranscription={"text": "We open at"}), content(generationComplete=True))
    feed(live, content(turnComplete=True))
    assert feed(live, content(outputTranscription={"text": " nine."})) == [LateWords(1, " nine.", 40 * MS)]
    assert not live.busy


def test_words_of_an_answer_that_run_ahead_of_its_sound_are_no_late_ones() -> None:
    """Where something waits for an answer."""
    live = protocol()
    feed(live, sound(), content(generationComplete=True), content(turnComplete=True))
    live.user_started(0)
    feed(live, content(inputTranscription={"text": "And on Sunday?"}))
    assert feed(live, content(outputTranscription={"text": "Closed."})) == [
        StartTurn(2),
        Words(2, "Closed.", 0),
    ]


def test_words_of_the_user_after_the_answer_are_what_was_answered() -> None:
    """They wait for nothing; unless the user was heard to speak since."""
    live = protocol()
    feed(live, sound(), content(generationComplete=True), content(turnComplete=True))
    assert feed(live, content(inputTranscription={"text": "When?"})) == [UserWords("When?", answered=True)]
    assert not live.busy
    live.user_started(0)
    assert feed(live, content(inputTranscription={"text": "Why?"})) == [UserWords("Why?")]
    assert live.busy


def test_what_an_audio_model_writes_instead_of_speaking_is_told() -> None:
    """In a turn of its own, when nothing of it sounded; and it is asked to speak."""
    live = protocol()
    live.asked("text", 0)
    note = {"modelTurn": {"parts": [{"text": "We open at nine."}]}}
    assert feed(live, content(**note), content(turnComplete=True)) == [
        Note(0, "We open at nine.", False),
        StartTurn(1),
        Words(1, "We open at nine.", 0),
        EndSound(1),
        EndWords(1, 0),
        TurnComplete(1),
        AskAgain("text_only", 1, "We open at nine."),
    ]


def test_a_translator_ends_no_turns_and_silence_cuts_its_utterances() -> None:
    """Silence that it sends is none of an utterance, and 1.2 s without a voice end one."""
    live = LiveProtocol(itertools.count(1).__next__, watch=AnswerWatch(AnswerPolicy(None)), ends_turns=False)
    blob = {"mimeType": "audio/pcm", "data": base64.b64encode(bytes(960)).decode()}
    silence = {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}
    loud = sound(b"\x00\x10" * 960)

    def at(now_ms: int, message: dict[str, Any]) -> list[Outcome]:
        return live.receive(decode_server(json.dumps(message)), now_ms * MS)

    assert at(0, silence) == [] and live.deadline_ns is None
    assert at(10, loud)[0] == StartTurn(1)
    at(20, content(outputTranscription={"text": "Good morning."}))
    at(40, silence)
    assert live.deadline_ns == 1_220 * MS and live.busy
    ended = live.tick(1_220 * MS)
    assert ended[:2] == [EndSound(1), EndWords(1, 60 * MS)] and not live.busy
    assert at(1_300, loud)[0] == StartTurn(2)


def test_barge_in_after_generation_complete() -> None:
    """Between generationComplete and turnComplete the sound is still playing: it is cut all the same."""
    live = protocol()
    feed(live, sound(), content(generationComplete=True))
    assert feed(live, content(interrupted=True), content(turnComplete=True)) == [
        Cut(1),
        TurnComplete(1, cut=True),
    ]


def test_interrupted_without_turn_complete_ends_the_turn() -> None:
    """Older models may not send one: sound a second after the interruption belongs to a new turn."""
    live = protocol()
    feed(live, sound(), content(interrupted=True))
    for _ in range(100):
        next(CLOCK)
    assert feed(live, sound(), content(outputTranscription={"text": "So?"})) == [
        StartTurn(2),
        Audio(2, PCM_40_MS, 24_000, 0),
        Words(2, "So?", 40 * MS),
    ]


def test_interrupting_nothing_does_nothing() -> None:
    """16.2 d: no turn, no cut; and no turn is cut twice."""
    live = protocol()
    assert feed(live, content(interrupted=True)) == []
    feed(live, sound())
    live.void(1, 0)
    assert feed(live, content(interrupted=True)) == []


def test_a_turn_that_we_cut_stays_silent_until_the_server_ends_it() -> None:
    """Our own detector is faster: what the server still sends of that turn is not heard, the next turn is."""
    live = protocol()
    feed(live, sound())
    live.void(1, 0)
    assert feed(live, sound(), content(outputTranscription={"text": "and"})) == []
    assert feed(live, content(generationComplete=True), content(turnComplete=True)) == [
        TurnComplete(1, cut=True)
    ]
    assert feed(live, sound()) == [StartTurn(2), Audio(2, PCM_40_MS, 24_000, 0)]


def test_a_blocking_call_keeps_the_turn_open() -> None:
    """16.3: the result goes back by its id, once."""
    live = protocol("book_slot")
    call = {"id": "fc_1", "name": "book_slot", "args": {"slot": "tomorrow 3pm"}}
    [asked] = feed(live, {"toolCall": {"functionCalls": [call]}})
    assert isinstance(asked, CallTool) and asked.key
    assert (asked.id, asked.name, asked.args) == ("fc_1", "book_slot", {"slot": "tomorrow 3pm"})
    assert live.busy
    [response] = answers(live, "fc_1", {"output": {"status": "booked"}}, "WHEN_IDLE")
    assert (response.id, response.name, response.response) == (
        "fc_1",
        "book_slot",
        {"output": {"status": "booked"}},
    )
    assert response.scheduling == "", "it is for functions that do not block"
    assert live.busy, "an answer is due"
    assert answers(live, "fc_1", {}) is None
    assert feed(live, sound())[0] == StartTurn(1)


def test_several_calls_in_one_message_and_the_same_id_twice() -> None:
    """Each is asked for once."""
    live = protocol("a", "b")
    calls = [{"id": "1", "name": "a"}, {"id": "2", "name": "b", "args": {}}, {"id": "1", "name": "a"}]
    outcomes = feed(live, {"toolCall": {"functionCalls": calls}})
    assert [(one.id, one.name) for one in outcomes if isinstance(one, CallTool)] == [("1", "a"), ("2", "b")]
    assert isinstance(outcomes[2], Remark) and len(outcomes) == 3


def test_calls_cancelled_by_an_interruption_are_not_answered() -> None:
    """16.4: only calls that wait are withdrawn; their late results are dropped."""
    live = protocol("book_slot")
    feed(live, {"toolCall": {"functionCalls": [{"id": "fc_1", "name": "book_slot", "args": {}}]}})
    assert feed(live, content(interrupted=True)) == []
    cancel = {"toolCallCancellation": {"ids": ["fc_1", "fc_0"]}}
    assert feed(live, cancel) == [CancelTools(("fc_1",))]
    assert feed(live, cancel) == []
    assert answers(live, "fc_1", {}) is None
    assert not live.calls


def test_a_non_blocking_call_completes_the_turn() -> None:
    """16.5: the call stays pending over other turns; a silent result makes no answer due."""
    live = protocol("book_slot", blocks=False)
    feed(live, {"toolCall": {"functionCalls": [{"id": "call_5", "name": "book_slot", "args": {}}]}})
    outcomes = feed(live, content(generationComplete=True), content(turnComplete=True))
    assert outcomes == [TurnComplete()]
    assert live.busy, "the call is pending"
    [response] = answers(live, "call_5", {}, "SILENT")
    assert response.scheduling == "SILENT" and response.will_continue is None
    assert not live.busy


def test_a_function_that_answers_several_times() -> None:
    """Each answer says whether more follow; where the model takes one, they are sent together."""
    live = protocol("a", blocks=False)
    feed(live, {"toolCall": {"functionCalls": [{"id": "1", "name": "a"}]}})
    sent = [*answers(live, "1", {"n": 1}, continues=True), *answers(live, "1", {"n": 2}, continues=True)]
    sent += answers(live, "1", {}, "SILENT")
    assert [(r.response, r.will_continue) for r in sent] == [({"n": 1}, True), ({"n": 2}, True), ({}, False)]
    assert answers(live, "1", {}) is None
    for rules in ({"blocks": True}, {"blocks": False, "continuing": False}):
        live = protocol("a", **rules)
        feed(live, {"toolCall": {"functionCalls": [{"id": "1", "name": "a"}]}})
        assert answers(live, "1", {"n": 1}, continues=True) == []
        [response] = answers(live, "1", {"n": 2})
        assert (response.response, response.will_continue) == ({"output": [{"n": 1}, {"n": 2}]}, None)


def test_a_call_that_is_repeated_after_an_interruption_is_made_once() -> None:
    """16.4: a blocking model may ask again under a new id. Both ids are answered; two equal calls at once are two."""
    live = protocol("book")
    first, second = ({"id": f"fc_{n}", "name": "book", "args": {"slot": "3pm"}} for n in (1, 2))
    assert len(feed(live, {"toolCall": {"functionCalls": [first, second]}})) == 2
    live = protocol("book")
    feed(live, {"toolCall": {"functionCalls": [first]}}, content(interrupted=True))
    again = feed(live, {"toolCall": {"functionCalls": [second]}})
    assert [type(outcome) for outcome in again] == [Remark]
    assert [response.id for response in answers(live, "fc_1", {"output": 1})] == ["fc_1", "fc_2"]
    assert not live.calls
    live = protocol("book")
    feed(live, {"toolCall": {"functionCalls": [first]}}, content(interrupted=True))
    feed(live, {"toolCall": {"functionCalls": [second]}})
    assert feed(live, {"toolCallCancellation": {"ids": ["fc_2"]}}) == []
    assert feed(live, {"toolCallCancellation": {"ids": ["fc_1"]}}) == [CancelTools(("fc_1",))]
    assert answers(live, "fc_1", {}) is None


def test_a_call_without_an_id_gets_one_that_the_server_never_sees() -> None:
    """Vertex may leave ids out: the server then goes by the name."""
    live = protocol("a")
    calls = [
        call
        for call in feed(live, {"toolCall": {"functionCalls": [{"name": "a"}]}})
        if isinstance(call, CallTool)
    ]
    [response] = answers(live, calls[0].id, {})
    assert response.id == "" and response.name == "a"


def test_a_function_that_nobody_has_is_answered_at_once() -> None:
    """The model must not wait for ever."""
    live = protocol("a")
    outcomes = feed(live, {"toolCall": {"functionCalls": [{"id": "7", "name": "b", "args": {}}]}})
    answers = [outcome.response for outcome in outcomes if isinstance(outcome, Answer)]
    assert [(answer.id, answer.name, list(answer.response or {})) for answer in answers] == [
        ("7", "b", ["error"])
    ]
    assert not live.calls and not any(isinstance(outcome, CallTool) for outcome in outcomes)


def pieces(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"toolCall": {"functionCalls": list(calls)}}


def day(text: str) -> dict[str, Any]:
    return {"id": "c1", "partialArgs": [{"jsonPath": "$.day", "stringValue": text}], "willContinue": True}


BOOK = [
    pieces({"id": "c1", "name": "book", "willContinue": True}),
    pieces(day("Fri")),
    pieces(day("day")),
    pieces({"id": "c1"}),
]


def test_a_call_in_pieces_is_made_when_it_is_whole() -> None:
    """Nothing is asked for before; until then something is under way, and no renewal comes between."""
    live = protocol("book")
    for piece in BOOK[:-1]:
        assert feed(live, piece) == [] and live.talking
    assert feed(live, BOOK[-1])[0] == CallTool("c1", "book", {"day": "Friday"}, live.calls._pending["c1"].key)
    (response,) = answers(live, "c1", {"output": "booked"})
    assert (response.id, response.name) == ("c1", "book")


@pytest.mark.parametrize(
    "between",
    [content(interrupted=True), content(turnComplete=True), {"toolCallCancellation": {"ids": ["c1"]}}],
    ids=["interrupted", "the turn ended", "withdrawn"],
)
def test_a_call_that_was_cut_in_the_middle_is_not_made(between: dict[str, Any]) -> None:
    """And what comes of it afterwards begins a call of its own, which nobody can make: the model is told."""
    live = protocol("book")
    made = feed(live, *BOOK[:-1], between)
    assert not any(isinstance(one, CallTool | Answer) for one in made)
    assert not any(isinstance(one, CallTool) for one in feed(live, BOOK[-1]))
    again = [{**piece} for piece in BOOK]
    assert sum(isinstance(one, CallTool) for one in feed(live, *again)) == 1, "asked for anew it is made"


def test_pieces_on_a_connection_that_is_lost_go_with_it() -> None:
    live = protocol("book")
    feed(live, *BOOK[:2])
    live.lost(next(CLOCK))
    assert not live.calls.pieces
    assert sum(isinstance(one, CallTool) for one in feed(live, *BOOK)) == 1


def test_a_call_of_which_a_part_was_not_understood_is_refused() -> None:
    """It would be another call: the model is told, and may ask again."""
    live = protocol("book")
    feed(live, *BOOK[:2])
    live.unreadable()
    (answer,) = [one for one in feed(live, *BOOK[2:]) if isinstance(one, Answer)]
    assert answer.response.id == "c1" and "pieces" in str(answer.response.response)


def test_extended_thinking_is_busy_until_idle() -> None:
    """16.5, last: turnComplete ends an utterance there, not the interaction."""
    live = protocol("a")
    feed(live, sound(), content(turnComplete=True, interactionStatus="IN_PROGRESS"))
    assert live.busy
    feed(live, sound(), content(turnComplete=True, interactionStatus="IDLE"))
    assert not live.busy


def test_handles_and_going_away() -> None:
    """16.6: the newest resumable handle counts, one that is not resumable does not."""
    live = protocol()
    feed(live, {"sessionResumptionUpdate": {"newHandle": "H1", "resumable": True}})
    feed(live, {"sessionResumptionUpdate": {}}, {"sessionResumptionUpdate": {"newHandle": "H2"}})
    assert live.handle == "H1" and not live.resumable
    transparent = {"newHandle": "H3", "resumable": True, "lastConsumedClientMessageIndex": "12"}
    assert feed(live, {"sessionResumptionUpdate": transparent}) == [Consumed(12)]
    assert live.handle == "H3" and live.resumable
    assert feed(live, {"goAway": {"timeLeft": "50s"}}) == [GoingAway(50_000 * MS)]
    assert feed(live, {"goAway": {}}) == [GoingAway(None)]


def test_a_lost_connection_ends_what_it_carried() -> None:
    """The turn's sound so far is played and its words told; calls stay pending, the user is not speaking."""
    live = protocol("a")
    feed(live, sound(), content(outputTranscription={"text": "I am"}))
    feed(live, {"voiceActivity": {"type": "ACTIVITY_START"}})
    feed(live, {"toolCall": {"functionCalls": [{"id": "1", "name": "a"}]}})
    assert live.lost(0) == [EndSound(1), EndWords(1, 40 * MS, broken=True), UserSpeech(False)]
    assert answers(live, "1", {})
    assert live.lost(0) == []


def test_a_session_begun_anew_is_told_of_results_in_words() -> None:
    """It has never asked for them, and the functions have their consequences all the same."""
    live = protocol("a")
    feed(live, {"sessionResumptionUpdate": {"newHandle": "H1", "resumable": True}})
    feed(live, {"toolCall": {"functionCalls": [{"id": "1", "name": "a"}]}})
    live.afresh()
    assert live.handle == ""
    assert live.result("1", {"output": 7}, now_ns=0) == Late(
        '[The function a, called before, has now returned {"output": 7}.]'
    )
    assert live.result("1", {}, now_ns=0) is None


def test_text_over_the_agent_is_still_due_after_the_cut_turn() -> None:
    """16.2 b: the turnComplete of the turn that was cut is no answer to the text."""
    live = protocol()
    feed(live, sound())
    live.asked("text", 0)
    feed(live, content(interrupted=True), content(turnComplete=True))
    assert live.busy
    feed(live, sound(), content(turnComplete=True))
    assert not live.busy


def test_everything_beside_the_speech_is_told() -> None:
    """Thoughts, code, sources, pages, pictures, states: none of it is heard, none of it is lost."""
    live = protocol()
    parts = [
        {"text": "The user wants ...", "thought": True},
        {"text": "**Looking it up**"},
        {"executableCode": {"language": "PYTHON", "code": "print(1)", "id": "c1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1", "id": "c1"}},
    ]
    assert feed(live, content(modelTurn={"parts": parts})) == [
        Note(0, "The user wants ...", True),
        Note(0, "**Looking it up**", False),
        Code(0, "print(1)", "PYTHON", "c1"),
        CodeOutput(0, "OUTCOME_OK", "1", "c1"),
    ]
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAEC"}}
    assert feed(live, content(modelTurn={"parts": [picture]})) == [
        StartTurn(1),
        Media(1, "image/png", b"\x00\x01\x02"),
    ]
    message = content(
        groundingMetadata={"webSearchQueries": ["q"]},
        urlContextMetadata={"urlMetadata": [{"retrievedUrl": "u"}]},
        generationComplete=True,
        turnComplete=True,
        turnCompleteReason="NEED_MORE_INPUT",
        waitingForInput=True,
        interactionStatus="IDLE",
    )
    outcomes = everything(live, message)
    kinds = [
        type(outcome) for outcome in outcomes if not isinstance(outcome, UserEnded | EndSound | EndWords)
    ]
    assert kinds == [Grounded, PagesRead, Generated, TurnComplete, Interaction, Remark]
    assert TurnComplete(1, "NEED_MORE_INPUT", True) in outcomes and Interaction("IDLE") in outcomes
    assert everything(live, {"setupComplete": {"sessionId": "s1"}}) == [Opened("s1")]


def test_a_model_that_writes_its_answers() -> None:
    """16.8: its text is what it says; thoughts are not."""
    live = LiveProtocol(itertools.count(1).__next__, writes=True)
    outcomes = feed(
        live,
        content(modelTurn={"parts": [{"text": "hm", "thought": True}]}),
        content(modelTurn={"parts": [{"text": "Hello"}]}),
        content(modelTurn={"parts": [{"text": "! How can I help?"}]}),
        content(generationComplete=True),
        content(turnComplete=True),
    )
    assert outcomes == [
        Note(0, "hm", True),
        StartTurn(1),
        Words(1, "Hello", None),
        Words(1, "! How can I help?", None),
        EndSound(1),
        EndWords(1, 0),
        TurnComplete(1),
    ]


def test_states_of_speech() -> None:
    """Vertex tells whether there is speech with each message: only changes count."""
    live = protocol()
    told = ("NON_SPEECH", "SPEECH", "SPEECH", "NON_SPEECH")
    assert feed(live, *(content(speechState=state) for state in told)) == [
        UserSpeech(True),
        UserSpeech(False),
    ]


def test_odd_audio() -> None:
    """A rate of its own, none at all, a single sample, half a sample."""
    live = protocol()
    assert feed(live, sound(b"\x01\x00", "audio/pcm"))[1] == Audio(1, b"\x01\x00", 24_000, 0)
    assert feed(live, sound(b"\x01\x00" * 16, "audio/pcm;rate=16000")) == [
        Audio(1, b"\x01\x00" * 16, 16_000, 41_666)
    ]
    assert feed(live, sound(b"\x01")) == []


@pytest.mark.parametrize(
    ("mime", "rate"),
    [
        ("audio/pcm;rate=48000", 48_000),
        ('AUDIO/L16; Rate="44100"', 44_100),
        ("audio/pcm;rate=24001", 24_000),
        ("audio/pcm;rate=4000", 8_000),
        ("audio/pcm;rate=999999", 192_000),
        ("audio/pcm;rate=0000", 24_000),
        ("audio/pcm;rate=0", 24_000),
        ("audio/pcm;rate=fast", 24_000),
        ("", 24_000),
    ],
)
def test_odd_rates(mime: str, rate: int) -> None:
    """Those at which sound comes; what lies beside them means the nearest."""
    assert feed(protocol(), sound(b"\x01\x00", mime))[1] == Audio(1, b"\x01\x00", rate, 0)


def test_sound_that_is_no_pcm_is_no_answer() -> None:
    """Played it would be noise; it is told once, and the answer is still due."""
    live = protocol()
    live.asked("text", next(CLOCK))
    outcomes = feed(live, *(sound(b"OggS", "audio/ogg; codecs=opus") for _ in range(3)))
    assert [type(one) for one in outcomes] == [Remark] and "audio/ogg" in outcomes[0].text
    assert live.watch.waiting


def test_first_words_after_empty_turns_are_an_utterance_of_their_own() -> None:
    """A turn with nothing in it has no late words; nor has one whose connection is no more."""
    live = protocol()
    feed(live, *([content(turnComplete=True)] * 3))
    assert [type(one) for one in feed(live, content(outputTranscription={"text": "All"}))] == [
        StartTurn,
        Words,
    ]
    feed(live, sound(), content(generationComplete=True, turnComplete=True))
    live.lost(next(CLOCK))
    assert Words(2, "Back", 0) in feed(live, content(outputTranscription={"text": "Back"}))


def test_a_message_full_of_words_has_a_bound() -> None:
    """A million characters are no speech."""
    outcomes = feed(protocol(), content(outputTranscription={"text": "word " * 200_000}))
    assert sum(len(one.text) for one in outcomes if isinstance(one, Words)) == 20_000
    assert any(isinstance(one, Remark) for one in outcomes)


def test_previews_and_word_by_word_input() -> None:
    """2.x models send fragments, possibly after the reply has begun; the utterance ends with the generation."""
    live = protocol()
    assert feed(live, content(interimInputTranscription={"text": "hel"})) == [UserPreview("hel")]
    feed(
        live,
        content(inputTranscription={"text": "hello"}),
        sound(),
        content(inputTranscription={"text": " there"}),
    )
    raw = live.receive(decode_server(json.dumps(content(generationComplete=True))), 0)
    assert raw == [UserEnded(), EndSound(1), Generated(1, 40 * MS)]


def test_errors_in_band_and_empty_messages() -> None:
    """The former are fatal, the latter mean nothing."""
    live = protocol()
    assert feed(live, {}, content()) == []
    assert feed(live, {"error": {"code": 13, "message": "m", "status": "INTERNAL"}}) == [
        Failed("INTERNAL 13: m")
    ]
    outcome = feed(live, content(turnComplete=True, turnCompleteReason="MALFORMED_FUNCTION_CALL"))[-1]
    assert isinstance(outcome, Remark) and "MALFORMED_FUNCTION_CALL" in outcome.text


@given(st.lists(messages(ServerMessage, depth=5), max_size=12))
def test_whatever_the_server_says_turns_are_well_formed(sent: list[ServerMessage]) -> None:
    """Sound and words come only within a turn that was started and not ended or cut, and turns never go back."""
    live = protocol()
    started = sounding = cut = ended = 0
    for message in sent:
        for outcome in live.receive(message, 0):
            match outcome:
                case StartTurn(turn):
                    assert turn == started + 1
                    started = sounding = turn
                case Audio(turn):
                    assert turn == sounding > cut
                case EndSound(turn):
                    assert turn == sounding > cut
                    sounding = 0
                case Words(turn):
                    assert turn == started > cut and turn > ended
                case EndWords(turn):
                    assert turn == started > cut and turn > ended
                    ended = turn
                case Cut(turn):
                    assert turn == started > cut
                    cut = turn
                case _:
                    pass
