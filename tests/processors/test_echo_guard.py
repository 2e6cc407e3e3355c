"""An agent that hears itself does not interrupt itself; a caller who speaks over it does."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from livegraph.audio.pcm import Pcm
from livegraph.pipeline import (
    MS,
    AudioFrame,
    Graph,
    In,
    Marker,
    Out,
    Processor,
    TurnEndFrame,
    TurnStartFrame,
    run_virtual,
)
from livegraph.pipeline.events import Interrupted, SpeechChanged, StateChanged
from livegraph.processors import VadGate
from livegraph.transports.speaker import Speaker
from support.speech import recorded

RATE = 16_000


class Shared:
    """What stands in one room."""

    speaker: Speaker


class Loudspeaker(Processor):
    """Plays what the microphone asks for: they have one clock."""

    kind = "sink"
    sound: In[AudioFrame] = In(rate=RATE, channels=1)

    async def start(self) -> None:
        shared = self.call.resource(Shared)
        assert shared is not None
        self._speaker = shared.speaker = Speaker(self.call.conversation, RATE)

    async def on_sound(self, frame: AudioFrame) -> None:
        await self._speaker.play(frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        self._speaker.mark(frame)


class Microphone(Processor):
    """Hears what the loudspeaker plays, an eighth of a second later and softer, beside a caller."""

    kind = "source"
    mic: Out[AudioFrame] = Out(rate=RATE, channels=1)

    def __init__(self, *, echo_db: float, voice_at: float | None = None) -> None:
        self._echo = 10 ** (echo_db / 20)
        self._voice = np.zeros(RATE * 20, np.float64)
        if voice_at is not None:
            words = np.asarray(recorded("numbers").pcm).astype(np.float64)
            self._voice[int(voice_at * RATE) :][: len(words)] = words[
                : len(self._voice) - int(voice_at * RATE)
            ]

    async def run(self) -> None:
        shared, clock = self.call.resource(Shared), self.call.clock
        assert shared is not None
        delayed: deque[Pcm] = deque([np.zeros(320, np.int16)] * 6)
        for number in range(7 * 50):
            delayed.append(shared.speaker.pull(320))
            at = number * 320
            heard = delayed.popleft().astype(np.float64) * self._echo + self._voice[at : at + 320]
            samples = np.clip(heard, -32_768, 32_767).astype(np.int16)
            self.mic.emit(AudioFrame(samples, RATE, time_ns=clock.now_ns()))
            await clock.sleep_until_ns((number + 1) * 20 * MS)
        self.call.end("enough")


class Agent(Processor):
    """Says one long turn."""

    kind = "source"
    out: Out[AudioFrame] = Out(rate=RATE, channels=1)

    async def run(self) -> None:
        voice: Pcm = np.concatenate(
            [np.asarray(recorded(name).pcm) for name in ("go_forward", "do_something", "amiable")]
        )
        turn = self.call.conversation.next_turn()
        await self.out.send(TurnStartFrame(turn=turn))
        for at in range(0, len(voice), 1_600):
            await self.out.send(AudioFrame(voice[at : at + 1_600], RATE, turn=turn))
        await self.out.send(TurnEndFrame(turn=turn))


def happened(*, echo_db: float, voice_at: float | None = None, guard: bool = True) -> list[str]:
    """The states of the conversation, and ``speech`` and ``cut`` where those were told."""

    async def main() -> list[str]:
        graph = Graph()
        graph.add("agent", Agent)
        graph.add("ear", Loudspeaker)
        graph.add("mouth", Microphone, echo_db=echo_db, voice_at=voice_at)
        graph.add("gate", VadGate, echo_guard=guard)
        graph.connect("agent", "ear")
        graph.connect("mouth", "gate")
        call = graph.plan().call(resources={Shared: Shared()})
        seen: list[str] = []
        call.events.subscribe(StateChanged, lambda event: seen.append(event.state))
        call.events.subscribe(SpeechChanged, lambda event: seen.append("speech") if event.speaking else None)
        call.events.subscribe(Interrupted, lambda event: seen.append("cut"))
        await call.run()
        return seen

    return run_virtual(main())


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
