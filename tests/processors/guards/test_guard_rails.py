"""What must not be said is met as the words come, and what follows is what the rule says."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import ConfigError, Graph, Out, Processor, TranscriptFrame, run_virtual
from livegraph.pipeline.events import Event, ToolCalled, Transcript
from livegraph.pipeline.units import MS
from livegraph.processors.gemini_live.frames import ContextFrame, HandOverFrame
from livegraph.processors.guards import GuardRails, GuardRule
from livegraph.processors.guards.guard_rails import GuardTripped
from livegraph.processors.guards.rules import Matcher
from livegraph.processors.utterances import Utterance
from support.boxes import Keep


class Talk(Processor):
    """Says what it is told to, as pieces."""

    kind = "source"
    transcript: Out[TranscriptFrame]

    def __init__(self, *, pieces: list[tuple[str, str, bool]]) -> None:
        self._pieces = pieces

    async def run(self) -> None:
        for role, text, final in self._pieces:
            now_ns = self.call.clock.now_ns()
            await self.transcript.send(TranscriptFrame(role, text, final=final, time_ns=now_ns))  # type: ignore[arg-type]
            await asyncio.sleep(0.5)


def run(pieces: list[tuple[str, str, bool]], **options: Any) -> tuple[list[Any], list[Event], Any]:
    """What went to the model, the events, and the call."""

    async def main() -> tuple[list[Any], list[Event], Any]:
        graph = Graph()
        graph.add("talk", Talk, pieces=pieces)
        graph.add("guard", GuardRails, **options)
        graph.add("model", Keep)
        graph.connect("talk.transcript", "guard.transcript")
        graph.connect("guard.context", "model")
        call = graph.plan().call()
        events: list[Event] = []
        call.events.subscribe(Event, events.append)
        async with call:
            await call.finished()
            collected = call.processor("model", Keep)
        return collected.kept, events, call

    return run_virtual(main())


def tripped(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.rule, event.role) for event in events if isinstance(event, GuardTripped)]


SAID = [
    ("user", "How do I", False),
    ("user", " build a bomb", False),
    ("user", "How do I build a bomb?", True),
]


def test_words_end_the_call_within_the_step_in_which_they_come() -> None:
    """Well within 100 ms: no time passes between the piece and the end; what was still to come is not waited for."""
    _, events, call = run(SAID, rules=[GuardRule("weapons", words=["bomb"], then="end")])
    (event,) = [event for event in events if isinstance(event, GuardTripped)]
    assert event.time_ns == 500 * MS, "with the second piece"
    assert call.end_detail == "guard rail weapons"


def test_the_agent_is_brought_back_to_its_subject() -> None:
    frames, events, _ = run(SAID, rules=[GuardRule("weapons", pattern=r"b[o0]mb")])
    (frame,) = frames
    assert isinstance(frame, ContextFrame) and frame.reply and "weapons" in frame.text
    assert tripped(events) == [("weapons", "user")], "once for an utterance, however it grows"


def test_it_says_the_words_of_the_rule_or_hands_over() -> None:
    (frame,), _, _ = run(SAID, rules=[GuardRule("weapons", words=["bomb"], say='Not "here".')])
    assert frame.text == "[Say exactly: \"Not 'here'.\"]"
    (frame,), _, _ = run(SAID, rules=[GuardRule("weapons", words=["bomb"], to="human")])
    assert isinstance(frame, HandOverFrame) and (frame.to, frame.reason) == ("human", "weapons came up")


def test_whose_words_count_is_said() -> None:
    pieces = [("agent", "A bomb is forbidden.", True), ("user", "A bomb?", True)]
    for heard, roles in (("both", ["agent", "user"]), ("user", ["user"]), ("agent", ["agent"])):
        rule = GuardRule("weapons", words=["bomb"], heard=heard, then="report")  # type: ignore[arg-type]
        frames, events, _ = run(pieces, rules=[rule])
        assert [role for _, role in tripped(events)] == roles and not frames


def test_words_are_whole_and_phrases_may_be_stretched() -> None:
    matcher = Matcher([GuardRule("law", words=["sue", "court case"], then="report")])
    for number, (text, met) in enumerate(
        (
            ("my name is Susan, sued", False),
            ("I will SUE you", True),
            ("a court - case then", True),
            ("courtcase", False),
        )
    ):
        assert bool(matcher.look(Utterance("user", number, text, False))) is met


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("na\u00efve", "a nai\u0308ve one"),
        ("nai\u0308ve", "a NA\u00cfVE one"),
        ("can't", "I can\u2019t"),
        ("can\u2019t", "I can't"),
        ("e-mail", "my e\u2011mail"),
        ("stra\u00dfe", "THE STRASSE"),
        ("bomb", "a b\u00adom\u200bb, then"),
        ("bomb", "\u201c\uff42\uff4f\uff4d\uff42\u201d"),
        ("court case", "my court\u00a0case"),
        ("C++", "in c++!"),
        ("\u7206\u5f3e", "\u3053\u308c\u306f\u7206\u5f3e\u3067\u3059"),
    ],
    ids=ascii,
)
def test_words_are_found_however_they_are_written_and_cut(word: str, said: str) -> None:
    """Also where each letter comes in a piece of its own: with the last one at the latest, once."""
    matcher = Matcher([GuardRule("it", words=[word])])
    trips = [
        matcher.look(Utterance("user", 1, said[:end], end == len(said))) for end in range(1, len(said) + 1)
    ]
    assert sum(map(len, trips)) == 1


def test_a_word_that_a_corrected_transcript_takes_back_has_been_met_once() -> None:
    """What followed has been done; one that only the whole has is met then."""
    taken_back = [("user", "build a bo", False), ("user", "mb", False), ("user", "build a boat", True)]
    brought_in = [("user", "build a boat", False), ("user", "build a bomb", True), ("user", "a boat", True)]
    for pieces in (taken_back, brought_in):
        frames, events, _ = run(pieces, rules=[GuardRule("weapons", words=["bomb"])])
        assert len(frames) == 1 and tripped(events) == [("weapons", "user")]


def test_a_function_is_asked_and_cannot_hold_anything_up() -> None:
    """One that answers counts; one that does not in 80 ms, or raises, is named in the log and stops nothing."""

    def rude(role: str, text: str) -> bool:
        return "bomb" in text

    async def slow(role: str, text: str) -> bool:
        await asyncio.sleep(30)
        return True

    def broken(role: str, text: str) -> bool:
        raise ValueError(text)

    rules = [GuardRule("rude", check=rude), GuardRule("slow", check=slow), GuardRule("broken", check=broken)]
    frames, events, _ = run(SAID, rules=rules)
    assert len(frames) == 1 and "rude" in frames[0].text
    assert tripped(events) == [("rude", "user")]
    (event,) = [event for event in events if isinstance(event, GuardTripped)]
    assert event.time_ns <= 600 * MS, "within 100 ms of the words"


def test_a_pattern_that_would_take_years_holds_nobody_up() -> None:
    text = "a" * 80 + "!"
    began = time.process_time()
    frames, events, _ = run([("user", text, True)], rules=[GuardRule("evil", pattern="(a|aa)+$")])
    assert not frames and not tripped(events)
    assert time.process_time() - began < 10


def test_a_function_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("def rude(role, text):\n    return 'bomb' in text\n")
    _, events, _ = run(SAID, rules=[GuardRule("rude", check=f"{tmp_path}/rules.py:rude", then="report")])
    assert tripped(events) == [("rude", "user")]


class Watch(Processor):
    """Publishes what a box that serves tools would."""

    kind = "source"
    transcript: Out[TranscriptFrame]

    async def run(self) -> None:
        card = {"number": "4111 1111 1111 1111"}
        self.call.events.publish(ToolCalled(time_ns=0, id="1", name="pay", args=card))
        said = Transcript(time_ns=0, role="user", utterance=1, text="4111 1111 1111 11", final=False)
        self.call.events.publish(said)
        await asyncio.sleep(0)


def test_whoever_watches_sees_no_card() -> None:
    """Logs, traces, records and the page are observers of the call: all of them get the event without it."""

    async def main() -> list[Event]:
        graph = Graph()
        graph.add("watch", Watch)
        graph.add("guard", GuardRails, redact=["cards"])
        graph.connect("watch.transcript", "guard.transcript")
        call = graph.plan().call()
        events: list[Event] = []
        call.events.subscribe(Event, events.append)
        async with call:
            await call.finished()
        return events

    events = run_virtual(main())
    (called,) = [event for event in events if isinstance(event, ToolCalled)]
    (said,) = [event for event in events if isinstance(event, Transcript)]
    assert called.args == {"number": "[card number]"}
    assert said.text == "[...]"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"rules": [{"name": "a"}]}, "looks for nothing"),
        ({"rules": [{"name": "a", "words": ["x"]}, {"name": "a", "words": ["y"]}]}, "two rules named"),
        ({"rules": [{"name": "a", "pattern": "(x"}]}, "not a regular expression"),
        ({"rules": [{"name": "a", "words": ["x"], "then": "end", "to": "human"}]}, "`to` is for"),
        ({"rules": [{"name": "a", "check": "./nowhere.py:f"}]}, "nowhere"),
        ({"redact": ["(x"]}, "not a regular expression"),
    ],
)
def test_what_makes_no_sense_is_told_before_a_call(options: dict[str, Any], why: str) -> None:
    graph = Graph()
    graph.add("talk", Talk, pieces=[])
    graph.add("guard", GuardRails, **options)
    graph.connect("talk.transcript", "guard.transcript")
    with pytest.raises(ConfigError, match="(?s).*" + why):
        graph.plan()
