"""Whether what happened is what was expected: order, times, states, gaps; and that a verdict stands."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.events import Interrupted, StateChanged, ToolCalled, Transcript
from livegraph.pipeline.units import MS, SECOND
from livegraph.testing import Entry, Timeline, Verdict, judge
from livegraph.testing.checks import Contains, Equals, Subset
from livegraph.testing.judging import first_match
from livegraph.testing.model import AnyOrder, Expectation, Gaps, Never, Occurs, Pattern, State, When


def tool(name: str, at_ms: int, **args: object) -> Entry:
    return Entry.of_event(ToolCalled(time_ns=at_ms * MS, id="1", name=name, args=args))


def state(name: str, at_ms: int) -> Entry:
    return Entry.of_event(StateChanged(time_ns=at_ms * MS, state=name, turn=1))


def fed(name: str, place: str, at_ms: int) -> Entry:
    return Entry(at_ms * MS, "feed", name, place, {"verb": "say", "what": ""})


def sound(name: str, at_ms: int, kind: str = "sound", turn: int = 1) -> Entry:
    return Entry(at_ms * MS, kind, name, "out", {"turn": turn})  # type: ignore[arg-type]  # one of two kinds


def timeline(*entries: Entry) -> Timeline:
    made = Timeline()
    for entry in entries:
        made.add(entry)
    return made


def calls(name: str, **when: int | str) -> Occurs:
    return Occurs(when=When(**when), what=Pattern("event", "tool_called", {"name": Equals(name)}))  # type: ignore[arg-type]


def outcomes(
    expected: list[Expectation], entries: Timeline, until_ms: int = 10_000, over: bool = True
) -> list[str]:
    return [verdict.outcome for verdict in judge(expected, entries, until_ms * MS, over=over)]


def only(expected: Expectation, *entries: Entry, until_ms: int = 10_000, over: bool = True) -> Verdict:
    return judge([expected], timeline(*entries), until_ms * MS, over=over)[0]


def test_things_happen_in_order() -> None:
    """Each expectation looks on from where the one before was met, and what met one does not meet another."""
    happened = timeline(tool("a", 100), tool("b", 200), tool("a", 300))
    assert outcomes([calls("a"), calls("b"), calls("a")], happened) == ["met"] * 3
    assert outcomes([calls("b"), calls("b")], happened) == ["met", "failed"]
    assert outcomes([calls("b"), calls("a"), calls("a")], happened) == ["met", "met", "failed"]
    assert outcomes([calls("c"), calls("a")], happened) == ["failed", "open"]


def test_of_one_moment_the_order_does_not_matter() -> None:
    """What a box does in one step is told in an order of its own."""
    assert outcomes([calls("b"), calls("a")], timeline(tool("a", 100), tool("b", 100))) == ["met", "met"]


def test_fields_may_be_asked_for_in_part() -> None:
    """Arguments that are not named may be there; those that are must be equal."""
    what = Pattern("event", "tool_called", {"args": Subset({"city": Equals("Oslo")})})
    assert only(Occurs(what=what), tool("a", 1, city="Oslo", days=2)).outcome == "met"
    assert only(Occurs(what=what), tool("a", 1, city="Bergen")).outcome == "failed"
    exact = replace(what, fields={"args": Equals({"city": "Oslo"})})
    assert only(Occurs(what=exact), tool("a", 1, city="Oslo", days=2)).outcome == "failed"


def test_times_count_from_what_was_met_before() -> None:
    """`within` and `not_before`, to the nanosecond."""
    happened = timeline(tool("a", 1000), tool("b", 1500))
    for within_ms, expected in ((500, "met"), (499, "failed")):
        verdict = judge([calls("a"), calls("b", within_ns=within_ms * MS)], happened, 10 * SECOND, over=True)[
            1
        ]
        assert verdict.outcome == expected
    assert verdict.reason == "it came too late, after 500ms"
    late = judge([calls("a"), calls("b", not_before_ns=501 * MS)], happened, 10 * SECOND)[1]
    assert (late.outcome, late.reason) == ("failed", "it came too early, after 500ms")


def test_times_count_from_a_name() -> None:
    """Of a step, of its end, of an expectation that was met."""
    happened = timeline(fed("q", "began", 100), fed("q", "ended", 900), tool("a", 1000), tool("b", 1200))
    assert only(calls("a", since="q.end", within_ns=100 * MS), *happened).outcome == "met"
    assert only(calls("a", since="q", within_ns=100 * MS), *happened).outcome == "failed"
    named = replace(calls("a"), name="first")
    assert outcomes([named, calls("b", since="first", within_ns=200 * MS)], happened) == ["met", "met"]
    never_came = only(calls("a", since="z"), *happened)
    assert (never_came.outcome, never_came.reason) == ("failed", "`z` never came")


def test_a_deadline_that_passed_is_a_failure_at_once() -> None:
    """Nobody waits for the end of the call to learn it."""
    expected = calls("a", within_ns=500 * MS)
    assert only(expected, until_ms=499, over=False).outcome == "pending"
    failed = only(expected, until_ms=500, over=False)
    assert (failed.outcome, failed.at_ns, failed.reason) == ("failed", 500 * MS, "it did not happen")


def test_a_state_holds_for_its_time() -> None:
    """Shorter spells do not count, and say how long they were."""
    speaking = Occurs(when=When(for_ns=SECOND), what=State("state", "speaking"))
    short = (state("speaking", 100), state("listening", 500))
    failed = only(speaking, *short)
    assert (failed.outcome, failed.reason) == ("failed", "it held for 400ms at most")
    met = only(speaking, *short, state("speaking", 2000), state("listening", 3000))
    assert (met.outcome, met.at_ns) == ("met", 2000 * MS)
    assert only(speaking, state("speaking", 100), until_ms=1099, over=False).outcome == "pending"
    assert only(speaking, state("speaking", 100), until_ms=1100, over=False).outcome == "met"


def test_a_state_that_holds_already_is_met_at_once() -> None:
    """A call begins listening, and in silence."""
    assert only(Occurs(what=State("state", "listening"))).at_ns == 0
    assert only(Occurs(what=State("silence", "out"))).at_ns == 0
    assert only(Occurs(what=State("sound", "out"))).outcome == "failed"


def test_barge_in_is_silence_soon_enough_and_long_enough() -> None:
    """The time counts from the caller's first sound to the last sample of the agent."""
    silence = Occurs(
        when=When(within_ns=250 * MS, for_ns=300 * MS, since="stop"), what=State("silence", "out")
    )
    before = (sound("began", 100), fed("stop", "began", 1000))
    assert only(silence, *before, sound("ended", 1249)).outcome == "met"
    assert only(silence, *before, sound("ended", 1251)).outcome == "failed"
    # A pause between two words is not the end of the sound.
    pause = only(silence, *before, sound("ended", 1100), sound("began", 1200), sound("ended", 3000))
    assert (pause.outcome, pause.reason) == ("failed", "it came too late, after 2s")


def test_what_must_never_happen() -> None:
    """From the expectation before to the end, or for a while."""
    no_b = Never(what=Pattern("event", "tool_called", {"name": Equals("b")}))
    happened = timeline(tool("b", 100), tool("a", 200), tool("b", 900))
    assert outcomes([calls("a"), no_b], happened) == ["met", "failed"]
    brief = replace(no_b, when=When(within_ns=600 * MS))
    assert outcomes([calls("a"), brief], happened) == ["met", "met"]
    assert outcomes([calls("a"), brief], happened, until_ms=799, over=False) == ["met", "pending"]
    assert outcomes([calls("a"), no_b], timeline(tool("a", 200)), over=False) == ["met", "pending"]
    assert only(Never(what=State("state", "paused")), state("paused", 5)).outcome == "failed"


def test_gaps_are_holes_in_one_turn() -> None:
    """Between turns nobody expects sound."""
    played = [sound("began", 0, "playing"), sound("ended", 1000, "playing")]
    gap = Gaps(node="out", longest_ns=40 * MS)
    assert only(gap, *played, sound("began", 1040, "playing")).outcome == "met"
    failed = only(gap, *played, sound("began", 1041, "playing"))
    assert (failed.outcome, failed.reason) == ("failed", "there was a gap of 41ms")
    assert only(gap, *played, sound("began", 3000, "playing", turn=2)).outcome == "met"
    assert only(replace(gap, node="other"), *played, sound("began", 3000, "playing")).outcome == "met"


def test_any_order() -> None:
    """All of them, each once, whichever comes first; then it goes on from the last."""
    group = AnyOrder(items=(calls("b"), calls("a")))
    happened = timeline(tool("a", 100), tool("b", 200), tool("c", 150))
    assert outcomes([group, calls("c")], happened) == ["met", "failed"]
    assert outcomes([group], happened) == ["met"]
    twice = AnyOrder(items=(calls("a"), calls("a")))
    assert outcomes([twice], happened) == ["failed"]
    assert outcomes([twice], happened, over=False) == ["pending"]


def test_the_first_match_of_a_trigger() -> None:
    """Events at or after a time; of a state that holds, that time itself."""
    happened = timeline(tool("a", 100), state("speaking", 200), tool("a", 300))
    what = Pattern("event", "tool_called")
    assert first_match(what, happened, SECOND) == 100 * MS
    assert first_match(what, happened, SECOND, 101 * MS) == 300 * MS
    assert first_match(what, happened, 299 * MS, 101 * MS) is None
    assert first_match(State("state", "speaking"), happened, SECOND, 250 * MS) == 250 * MS


def test_transcripts_are_compared_as_people_read_them() -> None:
    """Spaces do not count; of a part neither does the case."""
    assert Equals("Hello  there")("Hello there ")
    assert Contains("hello there")("Oh, Hello  There!")
    assert not Equals("hello")("Hello")
    assert not Equals(1)(True)


TIMES = st.integers(0, 40).map(lambda number: number * 50)
ENTRIES = st.one_of(
    st.builds(tool, st.sampled_from(["a", "b"]), TIMES),
    st.builds(state, st.sampled_from(["speaking", "listening", "paused"]), TIMES),
    st.builds(sound, st.sampled_from(["began", "ended"]), TIMES),
    st.builds(lambda at, turn: sound("began", at, "playing", turn), TIMES, st.integers(1, 2)),
    st.builds(lambda at, turn: sound("ended", at, "playing", turn), TIMES, st.integers(1, 2)),
    st.builds(fed, st.just("q"), st.sampled_from(["began", "ended"]), TIMES),
    st.builds(lambda at: Entry.of_event(Interrupted(time_ns=at * MS, turn=1)), TIMES),
    st.builds(
        lambda at: Entry.of_event(
            Transcript(time_ns=at * MS, role="user", utterance=1, text="x", final=True)
        ),
        TIMES,
    ),
)
WHATS = st.one_of(
    st.sampled_from(["a", "b"]).map(lambda name: Pattern("event", "tool_called", {"name": Equals(name)})),
    st.just(Pattern("event", "interrupted")),
    st.sampled_from(["speaking", "paused"]).map(lambda name: State("state", name)),
    st.sampled_from(["sound", "silence"]).map(lambda kind: State(kind, "out")),  # type: ignore[arg-type]
)
WHENS = st.builds(
    lambda within, early, held, since: When(
        None if within is None else (within + early) * MS, early * MS, held * MS, since
    ),
    st.none() | TIMES,
    st.sampled_from([0, 0, 100]),
    st.sampled_from([0, 0, 150]),
    st.sampled_from(["", "", "q", "q.end"]),
)
EXPECTED: st.SearchStrategy[Expectation] = st.one_of(
    st.builds(lambda what, when: Occurs(what=what, when=when), WHATS, WHENS),
    st.builds(lambda what, when: Never(what=what, when=when), WHATS, WHENS),
    st.builds(lambda longest, when: Gaps(node="out", longest_ns=longest * MS, when=when), TIMES, WHENS),
    st.builds(
        lambda items: AnyOrder(items=tuple(items)),
        st.lists(
            st.builds(lambda what, when: Occurs(what=what, when=when), WHATS, WHENS), min_size=1, max_size=3
        ),
    ),
)


@given(st.lists(ENTRIES, max_size=14), st.lists(EXPECTED, min_size=1, max_size=4))
def test_a_verdict_stands_whatever_follows(entries: list[Entry], expected: list[Expectation]) -> None:
    """What is decided at one moment is decided the same at every later one; at the end nothing is pending."""
    happened = timeline(*entries)
    decided: dict[int, str] = {}
    for until_ms in range(0, 5000, 250):
        for number, outcome in enumerate(outcomes(expected, happened, until_ms, over=False)):
            if number in decided:
                assert outcome == decided[number]
            elif outcome != "pending":
                decided[number] = outcome
    final = outcomes(expected, happened, 5000)
    assert "pending" not in final
    for number, outcome in decided.items():
        assert final[number] == outcome


@given(st.lists(ENTRIES, max_size=14))
def test_entries_are_in_order_of_time_however_they_come(entries: list[Entry]) -> None:
    """Sound is told late; the timeline puts it where it belongs."""
    happened = timeline(*entries)
    times = [entry.time_ns for entry in happened]
    assert times == sorted(times) and len(happened) == len(entries)
    assert [one.time_ns for one in happened.until(SECOND)] == [one for one in times if one <= SECOND]
