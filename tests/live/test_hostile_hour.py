"""An hour with a hostile service, whose connections die every 20 s: nobody waits in vain, and nothing is done twice.

On virtual time, with the real box and the real simulator. The user writes, and a silent microphone runs. What the
service does is a matter of the seed; ``LIVEGRAPH_HOUR_MINUTES`` makes the hour another length.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.audio import write_wav
from livegraph.pipeline import SECOND, Graph, TextFrame, run_virtual
from livegraph.pipeline.events import ServiceChanged, Transcript
from livegraph.processors.gemini_live.events import AnswerMissing, AnswerStalled
from livegraph.processors.gemini_live.options.groups import AnswerWait
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.faults import HangUp
from livegraph.simulator.scenario import Scenario, Scene, When
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from support.conversation import RATE, Conversation, Wire, converse, graph_of

MINUTES = float(os.environ.get("LIVEGRAPH_HOUR_MINUTES", "6"))
"""Of each seed. The whole hour is for when nobody waits for it."""
SEEDS = [int(seed) for seed in os.environ.get("LIVEGRAPH_HOUR_SEEDS", "1 2 3").split()]
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
FALLBACK = "I am sorry, I did not get that."


@dataclass(slots=True)
class Hour:
    """What came of it."""

    asked: list[int] = field(default_factory=list)
    """When each question was asked."""
    works: int = 0
    blocks: list[int] = field(default_factory=list)


def hour(seed: int, personality: str, folder: Path) -> tuple[Conversation, Hour]:
    sound = folder / "sorry.wav"
    write_wav(sound, (np.sin(np.arange(24_000) / 20) * 8_000).astype(np.int16), 24_000)
    options: dict[str, Any] = {"answer": AnswerWait(fallback=FALLBACK, sound=sound)}
    made = Hour()
    quiet = np.zeros(RATE * EVERY_S, np.int16)

    async def body(conversation: Conversation) -> None:
        clock = conversation.call.clock
        number = 0
        while clock.now_ns() < MINUTES * 60 * SECOND:
            number += 1
            works = number % 3 == 0
            made.works += works
            made.asked.append(clock.now_ns())
            text = f"Do your work, number {number}." if works else f"This is number {number}."
            await conversation.mic.send(TextFrame(text, time_ns=clock.now_ns()))
            await conversation.speak(quiet, chunk=CHUNK, keep=False)
            gc.collect()
            made.blocks.append(sys.getallocatedblocks())
        await conversation.finish()

    dies = (Scene(When("time", at_ns=DIES_NS), (HangUp(reset=True),)),) if personality == "hostile" else ()

    async def main() -> Conversation:
        graph: Graph = graph_of(options, {"work": 1.0}, keeps=True)
        async with no_tasks_left():
            return await converse(
                body,
                graph.plan(),
                simulator={
                    "script": SCRIPT,
                    "scenario": Scenario(dies),
                    "voice": TonesVoice(),
                    "ears": NoEars(),
                    "personality": personality,
                    "seed": seed,
                },
                wire=Wire(keeps=True),
                watched=(ServiceChanged, Transcript, AnswerMissing, AnswerStalled),
            )

    return run_virtual(main()), made


def heard_after(conversation: Conversation, at_ns: int, until_ns: int) -> int:
    """Sound that was heard of turns that began to be heard between these, in ns."""
    return sum(
        len(piece.samples) * SECOND // 24_000
        for piece in conversation.speaker.played
        if at_ns <= piece.at_ns < until_ns
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_question_is_answered_or_its_absence_said_aloud(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every tool ran once for each wish, and what was heard is in the history once, in its order."""
    conversation, made = hour(seed, "hostile", tmp_path)
    ends = [*made.asked[1:], conversation.call.clock.now_ns() + 1]
    silent = [
        number
        for number, (at_ns, until_ns) in enumerate(zip(made.asked, ends, strict=True), 1)
        if heard_after(conversation, at_ns, until_ns) < SECOND // 4
    ]
    missing = Counter(e.why for e in conversation.events if isinstance(e, AnswerMissing))
    stalled = sum(isinstance(e, AnswerStalled) for e in conversation.events)
    history = conversation.live.history.entries
    calls = Counter(entry.role for entry in history)
    changes = conversation.changes()
    with capsys.disabled():
        print(f"\nhostile, seed {seed}: {MINUTES:g} min, {len(made.asked)} questions, silence after {silent}")
        print(f"  missing {dict(missing)}, stalled {stalled}, connections {dict(changes)}")
        print(f"  works asked {made.works}, run {len(conversation.tools.called)}, history {dict(calls)}")
        print(f"  blocks {made.blocks[len(made.blocks) // 3]} after a third, {made.blocks[-1]} at the end")
    assert silent == []
    assert changes["lost"] >= MINUTES * 60 / 25
    # What was never answered may never have been asked for; nothing is run twice.
    assert made.works - missing.total() <= len(conversation.tools.called) <= made.works
    told = [entry.text for entry in history if entry.role == "user"]
    numbers = [int(re.findall(r"\d+", text)[0]) for text in told]
    assert numbers == list(range(1, len(made.asked) + 1))
    finals = [
        e.text for e in conversation.events if isinstance(e, Transcript) and e.role == "agent" and e.final
    ]
    kept = [entry.text for entry in history if entry.role == "agent"]
    assert len(kept) <= len(finals), "an utterance is in the history once"


@pytest.mark.timeout(600)
def test_a_kind_service_is_never_asked_twice(tmp_path: Path) -> None:
    """With one connection and its word kept, the watch does nothing at all."""
    conversation, made = hour(1, "kind", tmp_path)
    assert not [e for e in conversation.events if isinstance(e, AnswerMissing | AnswerStalled)]
    assert conversation.changes() == {"connected": 1, "closed": 1} or MINUTES > 7
    texts = [m.client_content for _, m in conversation.wire.client if m.client_content]
    assert texts == []
    assert len(conversation.tools.called) == made.works
    agent = [e.text for e in conversation.live.history.entries if e.role == "agent"]
    assert len(agent) == len(made.asked)
