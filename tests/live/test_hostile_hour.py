"""An hour with a hostile service, whose connections die every 20 s: nobody waits in vain, and nothing is done twice.

On virtual time, with the real box and the real simulator. The user writes, now and then into an answer, and a silent
microphone runs. The agent's voice can be read (`support.legible`), and no answer has a word of another, so it is known
which words were heard. What the service does is a matter of the seed.

``LIVEGRAPH_HOUR_MINUTES`` and ``LIVEGRAPH_HOUR_SEEDS`` make it another: the whole is ``60`` of ``"1 2 3 4"``.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import re
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import livegraph
from livegraph.audio import write_wav
from livegraph.pipeline import SECOND, Event, TextFrame, run_virtual
from livegraph.pipeline.events import ServiceChanged, Transcript
from livegraph.processors.gemini_live.dialogue.history import HistoryEntry
from livegraph.processors.gemini_live.events import AnswerMissing, AnswerStalled
from livegraph.processors.gemini_live.link_tap import LinkTap
from livegraph.processors.gemini_live.options.groups import AnswerWait
from livegraph.processors.gemini_live.session import outbox
from livegraph.simulator.brain import Script, parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.faults import HangUp
from livegraph.simulator.scenario import Scenario, Scene, When
from livegraph.simulator.usage import Utterance
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from support.conversation import RATE, Conversation, Wire, converse, graph_of
from support.legible import Ear, LegibleVoice, Tap, Unrepeated

MINUTES = float(os.environ.get("LIVEGRAPH_HOUR_MINUTES", "5"))
"""Of each seed. The whole hour is for when nobody waits for it."""
SEEDS = [int(seed) for seed in os.environ.get("LIVEGRAPH_HOUR_SEEDS", "1 2 3").split()]
WHOLE = MINUTES >= 60
LIMIT_S = 120 + 30 * MINUTES
EVERY_S = 30
"""From one question to the next: what is wrong with one is over by then, or is said aloud."""
DIES_NS = 20 * SECOND
CHUNK = RATE // 10
SCRIPT = parse_brain("""
version: 1
rules:
  - hear: work
    call: {tool: work, args: {text: now}}
    say_result: "The work is done, and that was number {result.number}."
fallback: "You have said a number. Tell me another one."
""")
UNREPEATED = parse_brain("""
version: 1
rules:
  - hear: "your work number {number:number}"
    call: {tool: work, args: {text: "{number}"}}
    say_result: "Replaced."
fallback: "Replaced."
""")
FALLBACK = "I am sorry, I did not get that."
FALLBACK_NUMBER = 32_000
KIND_HOUR = Path(__file__).parent / "kind_hour.jsonl"
"""What both sides said in an hour with a kind service, and which functions were called, an entry a line. It was
made at commit 31e0776, before anybody watched over answers."""
PACKAGE = str(Path(livegraph.__file__).parent)


def unrepeated() -> Script:
    """A mind that says nothing twice: short answers, and long ones that are talked over."""
    count = itertools.count(1)
    short: Any = Unrepeated(count, 12)
    long: Any = Unrepeated(count, 60)
    (rule,) = UNREPEATED.rules
    rule = replace(rule, say_result=(short,))
    return replace(UNREPEATED, rules=(rule,), fallback=(short, long), by_id={rule.id: rule})


@dataclass(frozen=True, slots=True)
class Question:
    """One that the user wrote."""

    number: int
    at_ns: int
    works: bool
    over: bool
    """Whether the next one comes before this is answered in full."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is in the process."""

    kinds: Counter[str]
    """Objects of our own classes that the collector knows, by class."""
    bytes: int
    """What our own code has allocated; only in the whole hour, for it takes its time."""

    @classmethod
    def now(cls) -> Look:
        gc.collect()
        kinds = Counter(
            f"{type(each).__module__}.{type(each).__qualname__}"
            for each in gc.get_objects()
            if str(type(each).__module__).startswith("livegraph.")
        )
        held = 0
        if tracemalloc.is_tracing():
            ours = tracemalloc.take_snapshot().filter_traces(
                [
                    tracemalloc.Filter(True, f"{PACKAGE}/*"),
                    tracemalloc.Filter(False, f"{PACKAGE}/tests/*"),
                    tracemalloc.Filter(False, f"{PACKAGE}/.venv/*"),
                    # What waits to be confirmed or answered has a bound of its own, which is looked at by number.
                    tracemalloc.Filter(False, str(Path(outbox.__file__))),
                ]
            )
            held = sum(trace.size for trace in ours.traces)
        return cls(kinds, held)


@dataclass(slots=True)
class Hour:
    """What came of it."""

    questions: list[Question] = field(default_factory=list)
    voice: LegibleVoice = field(default_factory=LegibleVoice)
    tap: Tap = field(default_factory=Tap)
    looks: list[Look] = field(default_factory=list)
    finals: dict[int, tuple[int, str, bool]] = field(default_factory=dict)
    """What the agent was told to have said, by utterance: the turn, the words, and whether it was cut."""
    missing: list[AnswerMissing] = field(default_factory=list)
    stalled: int = 0
    changes: Counter[str] = field(default_factory=Counter)

    def watch(self, event: Event) -> None:
        """Keep what matters, in little room."""
        match event:
            case Transcript(role="agent", final=True):
                self.finals[event.utterance] = (int(event.turn), event.text, event.interrupted)
            case AnswerMissing():
                self.missing.append(event)
            case AnswerStalled():
                self.stalled += 1
            case ServiceChanged():
                self.changes[event.state] += 1


def converses(seed: int, personality: str, folder: Path) -> tuple[Conversation, Hour]:
    """The user writes a question each half minute; every fourth is followed by another before it is answered."""
    sound = folder / "sorry.wav"
    write_wav(sound, np.full(24_000, FALLBACK_NUMBER, np.int16), 24_000)
    options: dict[str, Any] = {"answer": AnswerWait(fallback=FALLBACK, sound=sound)}
    made = Hour()
    hostile = personality == "hostile"
    quiet = np.zeros(RATE * EVERY_S, np.int16)

    async def ask(conversation: Conversation, *, over: bool = False) -> None:
        number = len(made.questions) + 1
        works = number % 3 == 0
        now_ns = conversation.call.clock.now_ns()
        made.questions.append(Question(number, now_ns, works, over))
        text = f"Do your work, number {number}." if works else f"This is number {number}."
        await conversation.mic.send(TextFrame(text, time_ns=now_ns))

    async def body(conversation: Conversation) -> None:
        clock = conversation.call.clock
        end_ns = round(MINUTES * 60 * SECOND)
        while clock.now_ns() < end_ns:
            over = hostile and len(made.questions) % 5 == 3
            await ask(conversation, over=over)
            if over:
                await conversation.speak(quiet[: RATE * 4], chunk=CHUNK, keep=False)
                await ask(conversation)
            await conversation.speak(quiet, chunk=CHUNK, keep=False)
            if clock.now_ns() >= end_ns * (len(made.looks) + 1) // 4:
                made.looks.append(Look.now())
        await conversation.finish()

    async def main() -> Conversation:
        graph = graph_of(options, {"work": 1.0}, keeps=False, speaker=Ear)
        simulator: dict[str, Any] = {"ears": NoEars(), "personality": personality, "seed": seed}
        if hostile:
            scenes = (Scene(When("time", at_ns=DIES_NS), (HangUp(reset=True),)),)
            # As many handles as anybody asks for: what the service remembers is no matter of ours.
            simulator |= {
                "voice": made.voice,
                "script": unrepeated(),
                "scenario": Scenario(scenes),
                "max_handles": 8,
            }
        else:
            simulator |= {"voice": TonesVoice(), "script": SCRIPT}
        async with no_tasks_left():
            return await converse(
                body,
                graph.plan(),
                simulator=simulator,
                wire=Wire(keeps=not hostile),
                watched=(),
                subscribers=dict.fromkeys(
                    (ServiceChanged, Transcript, AnswerMissing, AnswerStalled), made.watch
                ),
                resources={LinkTap: made.tap} if hostile else {},
            )

    if WHOLE and hostile:
        tracemalloc.start()
    try:
        return run_virtual(main()), made
    finally:
        tracemalloc.stop()


# What was heard, and what was told of it -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """One turn of the agent: the words that were heard, and those that the history has of it."""

    turn: int
    heard: list[str]
    kept: list[str]
    came: list[bool]
    """Of each word that was heard, whether it had come as text."""
    cut: bool
    wrote: bool
    """Whether the model wrote it and said nothing: it is in the conversation, though nobody has heard it."""
    strays: list[str]
    """Words of a turn that was cut, which came when this one sounded: nobody has heard them, and nothing tells."""


def turns_of(conversation: Conversation, made: Hour) -> list[Told]:
    """Every turn of which anything was heard or told, in order."""
    ear = conversation.call.processor("speaker", Ear)
    by_turn = {turn: (text.split(), cut) for turn, text, cut in made.finals.values()}
    said: dict[int, Counter[str]] = {}
    found = []
    for turn in sorted(ear.heard.keys() | by_turn.keys()):
        heard, came = [], []
        for number in ear.heard.get(turn, []):
            if number == FALLBACK_NUMBER:
                heard += FALLBACK.split()
                came += [True] * len(FALLBACK.split())
                continue
            word, connection = made.voice.words[number], made.tap.connection[number]
            times = said.setdefault(connection, Counter())
            times[word] += 1
            heard.append(word)
            came.append(made.tap.written[connection][word] >= times[word])
        kept, cut = by_turn.get(turn, ([], False))
        strays: list[str] = []
        while found and heard and kept and kept[0] not in heard:
            # The last words of a turn that come when the next one sounds: nothing tells whose they are.
            word = kept.pop(0)
            (found[-1].kept if word in found[-1].heard else strays).append(word)
        wrote = not heard and " ".join(kept) in " ".join("".join(made.tap.notes).split())
        found.append(Told(turn, heard, kept, came, cut, wrote, strays))
    return found


def faults(told: Told) -> list[str]:
    """What is wrong with the history of a turn.

    It has the words that were heard, in their order, from the first to the last that had come as text. Where a turn was
    cut, nobody knows to the word up to where: it may have one more, or one less.
    """
    known = [word for word, came in zip(told.heard, told.came, strict=True) if came]
    if told.kept == known or told.wrote:
        return []
    if told.cut and abs(len(told.kept) - len(known)) <= 1:
        shorter = min(len(told.kept), len(known))
        if told.kept[:shorter] == known[:shorter]:
            return []
    pairs = enumerate(itertools.zip_longest(known, told.kept))
    same = next(index for index, (one, other) in pairs if one != other)
    return [
        f"turn {told.turn}{' (cut)' if told.cut else ''}: {len(told.heard)} words heard, {len(known)} known, "
        f"{len(told.kept)} kept; after {same} heard {known[same : same + 4]}, kept {told.kept[same : same + 4]}"
    ]


def in_window(questions: list[Question], end_ns: int) -> list[tuple[Question, int]]:
    """Each question, and until when it has to be answered."""
    ends = [question.at_ns for question in questions[1:]] + [end_ns]
    return list(zip(questions, ends, strict=True))


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_question_is_answered_or_its_absence_said_aloud(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every tool ran once for each wish, and every word that was heard is in the history once, in its order."""
    conversation, made = converses(seed, "hostile", tmp_path)
    ear = conversation.call.processor("speaker", Ear)
    windows = in_window(made.questions, conversation.call.clock.now_ns() + 1)
    began = sorted(at_ns for turn, at_ns in ear.began_ns.items() if ear.heard[turn])
    silent = [
        question.number
        for question, until_ns in windows
        if not question.over and not any(question.at_ns <= at_ns < until_ns for at_ns in began)
    ]
    absent = [
        question.number
        for question, until_ns in windows
        if any(question.at_ns <= event.time_ns < until_ns for event in made.missing)
    ]
    history = conversation.live.history.entries
    turns = turns_of(conversation, made)
    wished = Counter(str(question.number) for question in made.questions if question.works)
    ran = Counter(str(text) for _, text in conversation.tools.wishes)
    words = sum(len(told.heard) for told in turns)
    wordless = sum(not came for told in turns for came in told.came)
    quarter, end = made.looks[0], made.looks[-1]
    aloud = [
        question.number
        for question, until_ns in windows
        if any(question.at_ns <= at_ns < until_ns for at_ns in began)
    ]
    over = [question.number for question in made.questions if question.over]
    faulty = [fault for one in turns for fault in faults(one)]
    with capsys.disabled():
        print(
            f"\nhostile, seed {seed}: {MINUTES:g} min, {len(made.questions)} questions: heard after {len(aloud)}, "
            f"talked over {len(over)}, silence after {silent}"
        )
        print(
            f"  said to be absent {absent} ({dict(Counter(e.why for e in made.missing))}), stalled {made.stalled}"
        )
        print(f"  connections {dict(made.changes)}")
        print(
            f"  works wished {wished.total()}, run once {sum(times == 1 for times in ran.values())}, more than once "
            f"{sorted((ran - wished).elements())}, never {sorted((wished - ran).elements())}"
        )
        print(
            f"  turns {len(turns)}, of them cut {sum(told.cut for told in turns)}; words heard {words}, ",
            end="",
        )
        print(f"that never came as text {wordless}; history {dict(Counter(entry.role for entry in history))}")
        print(f"  turns whose words are not in the history once and in order {len(faulty)}")
        print(
            f"  objects of ours {quarter.kinds.total()} after a quarter, {end.kinds.total()} at the end",
            end="",
        )
        print(f"; {quarter.bytes / 1e6:.2f} and {end.bytes / 1e6:.2f} MB" if WHOLE else "")
    assert silent == [], "nobody waits in vain"
    assert made.changes["lost"] >= MINUTES * 60 / 25
    # Nothing runs twice, and nothing that nobody wished; what never ran was said to be absent, or talked over.
    assert ran <= wished
    excused = {str(n) for n in absent} | {
        str(question.number) for question in made.questions if question.over
    }
    assert set(wished - ran) <= excused
    # The user's side.
    told = [entry.text for entry in history if entry.role == "user"]
    assert [int(re.findall(r"\d+", text)[0]) for text in told] == [
        question.number for question in made.questions
    ]
    # The agent's side.
    assert not faulty, "\n".join(faulty)
    heard = [told for told in turns if told.kept and not told.wrote]
    kept = agent_entries(history, [" ".join(told.kept) for told in turns if told.wrote])
    in_order = [word for told in heard for word in (*told.strays, *told.kept)]
    assert " ".join(text for _, text in kept).split() == in_order, "each once, in its order"
    assert sum(bool(told.strays) for told in turns) <= 1 + len(turns) // 100
    assert out_of_place([place for place, _ in kept], made.questions, ear, heard) == []
    assert_flat(quarter, end, len(history))


def agent_entries(history: tuple[HistoryEntry, ...], written: list[str]) -> list[tuple[int, str]]:
    """What the agent said aloud: behind which question each stands, and its text."""
    found: list[tuple[int, str]] = []
    place, written = 0, [*written]
    for entry in history:
        if entry.role == "user":
            place = int(re.findall(r"\d+", entry.text)[0])
        elif entry.role == "agent" and entry.text in written:
            # Nobody has heard it: it is there as soon as it comes, whatever is still heard of the turn before.
            written.remove(entry.text)
        elif entry.role == "agent":
            found.append((place, entry.text))
    return found


def out_of_place(places: list[int], questions: list[Question], ear: Ear, heard: list[Told]) -> list[int]:
    """Turns that do not stand behind the last question that was asked before they were heard."""
    right = [
        max((q.number for q in questions if q.at_ns <= ear.began_ns[told.turn]), default=0) for told in heard
    ]
    return [told.turn for told, is_at, belongs in zip(heard, places, right, strict=True) if is_at != belongs]


def assert_flat(quarter: Look, end: Look, entries: int) -> None:
    """Nothing of a call grows with its length but its history and the model's context, which have their own bounds."""
    bounded = {f"{kind.__module__}.{kind.__qualname__}" for kind in (HistoryEntry, Utterance)}
    unconfirmed = f"{outbox.__name__}."
    grown = {
        kind: count - quarter.kinds[kind]
        for kind, count in end.kinds.items()
        if kind not in bounded and not kind.startswith(unconfirmed)
    }
    # Two objects a message: of half a minute that was not answered, and of half a minute that no pong has confirmed.
    assert sum(n for kind, n in end.kinds.items() if kind.startswith(unconfirmed)) < 2 * 60 * RATE // CHUNK
    assert {kind: more for kind, more in grown.items() if more > 24} == {}
    if WHOLE:
        assert end.bytes - quarter.bytes < 150_000 + 600 * entries


def transcript(conversation: Conversation) -> list[dict[str, Any]]:
    """What was said and done, with no times."""
    return [
        {k: v for k, v in entry.items() if k != "time_s"} for entry in conversation.live.history.to_list()
    ]


@pytest.mark.timeout(LIMIT_S)
def test_a_kind_service_is_never_asked_twice(tmp_path: Path) -> None:
    """With its word kept the watch does nothing at all, and what is said is what was said when there was none."""
    conversation, made = converses(1, "kind", tmp_path)
    assert made.missing == [] and made.stalled == 0
    assert made.changes == {"connected": 1, "closed": 1} or MINUTES > 7
    assert [m.client_content for _, m in conversation.wire.client if m.client_content] == []
    works = [question.number for question in made.questions if question.works]
    assert len(conversation.tools.called) == len(works)
    expected = [json.loads(line) for line in KIND_HOUR.read_text("utf-8").splitlines()]
    said = transcript(conversation)
    assert said == expected[: len(said)]
    assert len(said) == len(expected) or not WHOLE
