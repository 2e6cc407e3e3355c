"""An agent that hears itself does not interrupt itself; a caller who speaks over it does."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np
import pytest

from livegraph.audio.pcm import Pcm
from livegraph.pipeline import MS, AudioFrame, TurnEndFrame, TurnStartFrame, run_virtual
from livegraph.pipeline.events import Event, Interrupted, SpeechChanged, StateChanged
from livegraph.processors import VadGate
from livegraph.testing import live_processor
from livegraph.transports.speaker import Speaker
from support.speech import recorded

RATE = 16_000


async def say(speaker: Speaker, turn: int) -> None:
    """The agent says one long turn."""
    voice: Pcm = np.concatenate(
        [np.asarray(recorded(name).pcm) for name in ("go_forward", "do_something", "amiable")]
    )
    speaker.mark(TurnStartFrame(turn=turn))
    for at in range(0, len(voice), 1_600):
        await speaker.play(AudioFrame(voice[at : at + 1_600], RATE, turn=turn))
    speaker.mark(TurnEndFrame(turn=turn))


def happened(*, echo_db: float, voice_at: float | None = None, guard: bool = True) -> list[str]:
    """The states of the conversation, and ``speech`` and ``cut`` where those were told.

    The gate hears what the loudspeaker plays, an eighth of a second later and softer, beside a caller.
    """
    voice = np.zeros(RATE * 20, np.float64)
    if voice_at is not None:
        words = np.asarray(recorded("numbers").pcm).astype(np.float64)
        at = int(voice_at * RATE)
        voice[at:][: len(words)] = words[: len(voice) - at]

    async def main() -> list[Event]:
        async with live_processor(VadGate, echo_guard=guard) as box:
            speaker = Speaker(box.conversation, RATE)
            saying = asyncio.create_task(say(speaker, box.conversation.next_turn()))
            delayed: deque[Pcm] = deque([np.zeros(320, np.int16)] * 6)
            for number in range(7 * 50):
                delayed.append(speaker.pull(320))
                at = number * 320
                heard = delayed.popleft().astype(np.float64) * 10 ** (echo_db / 20) + voice[at : at + 320]
                samples = np.clip(heard, -32_768, 32_767).astype(np.int16)
                await box.send(AudioFrame(samples, RATE, time_ns=box.clock.now_ns()))
                await box.clock.sleep_until_ns((number + 1) * 20 * MS)
            saying.cancel()
        return box.events

    seen = []
    for event in run_virtual(main()):
        if isinstance(event, StateChanged):
            seen.append(event.state)
        elif isinstance(event, SpeechChanged) and event.speaking:
            seen.append("speech")
        elif isinstance(event, Interrupted):
            seen.append("cut")
    return seen


@pytest.mark.parametrize("echo_db", [-20, -10])
def test_its_own_voice_does_not_stop_it(echo_db: float) -> None:
    seen = happened(echo_db=echo_db)
    assert "paused" not in seen and "cut" not in seen


def test_without_the_guard_it_would() -> None:
    """The echo is loud enough to be taken for speech."""
    assert "paused" in happened(echo_db=-10, guard=False)


@pytest.mark.parametrize("echo_db", [-20, -10])
def test_a_caller_over_the_echo_is_heard(echo_db: float) -> None:
    assert "cut" in happened(echo_db=echo_db, voice_at=2.5)
