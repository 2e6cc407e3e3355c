"""Sixty rounds of conversation on virtual time: nothing of a session grows with its length."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from livegraph.pipeline import SECOND, TextFrame, run_virtual
from livegraph.processors.gemini_live.dialogue.history import History, HistoryEntry
from livegraph.processors.gemini_live.options.groups import ContextCompression
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.scenario_file import parse_scenario
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from support.conversation import RATE, Conversation, Wire, converse, plan_of
from support.speech import recorded

ROUNDS = 60
ROUND_S = 30
"""What happens in one takes so long; more would only be silence, which the simulator has to hear like anything else."""
LOOKS_AT = (20, 40, 60)
RENEW_AFTER = "255s"
"""Half of the usual, for rounds of half a minute."""
CHUNK_S = 0.1
"""The microphone's frames: of 100 ms, the longest that the service advises, so that there are few of them."""
SCRIPT = parse_brain("""
version: 1
rules:
  - hear: work
    call: {tool: work, args: {text: now}}
    say_result: "That was number {result.number}."
  - hear: story
    say: >-
      Once there was a keeper of a lighthouse. Every evening she climbed the stairs. Every night she lit the lamp. And
      every morning she went to bed.
fallback: "You said: {heard}. Tell me more."
""")
# Besides what the client itself replaces.
TROUBLE = parse_scenario("""
version: 1
scenes:
  - when: {time: 150s, connection: 2}
    do: [{close: {code: 1011, reason: Internal error encountered.}}]
  - when: {time: 210s, connection: 3}
    do: [reset]
  - when: {time: 90s, connection: 5}
    do: [{go_away: {left: 10s}}]
""")


def earlier(folder: Path) -> Path:
    """As much of a conversation as is kept: what comes drives out what is oldest."""
    made = History(
        HistoryEntry("tool", name="work", args={"text": "now"}, result={"output": [n]}, time_s=n / 8)
        if n % 11 == 0
        else HistoryEntry("user" if n % 2 else "agent", f"This is sentence number {n}.", time_s=n / 8)
        for n in range(1_000)
    )
    path = folder / "history.jsonl"
    path.write_text(made.to_json_lines(), "utf-8")
    return path


TIMERS = ("asyncio.events.TimerHandle", "_contextvars.Context")
"""Timers that were cancelled: asyncio lets up to a hundred of them lie, or as many as there are others."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is in the process after a round."""

    round: int
    kinds: Counter[str]
    blocks: int
    megabytes: float

    @classmethod
    def now(cls, round: int) -> Look:
        # First, for it makes classes when it is asked for the first time.
        memory = psutil.Process().memory_info().rss / 1e6
        gc.collect()
        blocks = sys.getallocatedblocks()
        # The same names every time: what was taken down before is no growth.
        names = (
            sys.intern(f"{type(each).__module__}.{type(each).__qualname__}") for each in gc.get_objects()
        )
        kinds = Counter(names)
        return cls(round, kinds, blocks, memory)


async def converses(conversation: Conversation, looks: list[Look]) -> None:
    """Each round has the same five parts: a question, a story that is interrupted, a function, a question, silence."""
    chunk = round(RATE * CHUNK_S)
    quiet = np.zeros(ROUND_S * RATE, np.int16)
    voice = recorded("go_forward").pcm
    for second in (1, 20):
        quiet[second * RATE : second * RATE + len(voice)] = voice
    said = {8: "Tell me a story.", 11: "Stop it.", 15: "Do your work."}
    clock = conversation.call.clock
    for number in range(1, ROUNDS + 1):
        for at in range(0, len(quiet), chunk):
            if at % RATE == 0 and (text := said.get(at // RATE)) is not None:
                await conversation.mic.send(TextFrame(text, time_ns=clock.now_ns()))
            await conversation.speak(quiet[at : at + chunk], chunk=chunk, keep=False)
        if number in LOOKS_AT:
            looks.append(Look.now(number))
    await conversation.finish()


@pytest.mark.timeout(300)
def test_sixty_rounds_leave_no_more_behind_than_twenty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects of every type, and all blocks of memory, are as many after all of them as after a third.

    In a process of its own: what other tests left in this one grows and shrinks by itself.
    """
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    with capsys.disabled():
        print(f"\n{done.stdout}", end="")
    assert done.returncode == 0, done.stderr


def soak(tmp_path: Path) -> None:
    """Converse, print what there is at each look, and hold it to its bounds."""
    looks: list[Look] = []
    options = {
        "context_compression": ContextCompression(4_000, 2_000),
        "history": earlier(tmp_path),
        "renew_after": RENEW_AFTER,
    }

    async def main() -> Conversation:
        async with no_tasks_left():
            return await converse(
                lambda conversation: converses(conversation, looks),
                plan_of(options, {"work": 1.5}, keeps=False),
                simulator={
                    "script": SCRIPT,
                    "scenario": TROUBLE,
                    "ears": NoEars(),
                    "voice": TonesVoice(),
                    "strict": True,
                },
                wire=Wire(keeps=False),
                watched=(),
            )

    over = run_virtual(main())
    first, _, last = looks
    rounds = last.round - first.round
    more = {kind: count for kind, count in (last.kinds - first.kinds).items() if kind not in TIMERS}
    blocks = (last.blocks - first.blocks) / rounds
    slope = (last.kinds.total() - first.kinds.total()) / rounds
    lasted = over.call.clock.now_ns() / SECOND / 60
    print(f"soak: {lasted:.1f} min, {over.speaker.turns} turns heard, {over.wire.connections} connections,")
    print(f"  {len(over.tools.called)} calls, {len(over.live.history)} entries of history")
    for look in looks:
        print(
            f"  round {look.round}: {look.kinds.total()} objects, {look.blocks} blocks, {look.megabytes:.1f} MB"
        )
    print(f"  a round of the last {rounds}: {slope:+.2f} objects, {blocks:+.1f} blocks; more {more}")
    assert over.speaker.turns >= 3 * ROUNDS and len(over.tools.called) == ROUNDS
    assert over.wire.connections >= 7
    # Each round is like the one before: what one leaves behind forty do. A few classes are made when they are first
    # needed; and of what is kept of the conversation, calls are objects to the collector, and words are not.
    kept = {kind for kind in more if kind.endswith((".HistoryEntry", "builtins.dict"))}
    assert all(count <= (rounds if kind in kept else rounds * 3 / 4) for kind, count in more.items()), more
    assert all(last.kinds[kind] < 400 for kind in TIMERS)
    assert abs(slope) < 5
    assert abs(blocks) < 60, "about 4 KB a round; caches of the interpreter still fill"


if __name__ == "__main__":
    soak(Path(sys.argv[1]))
