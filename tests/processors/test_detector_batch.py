"""Many calls are judged together, each exactly as if it were alone; one that is alone waits for nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.audio import SileroVad, silero
from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Frame,
    Graph,
    In,
    Out,
    Processor,
    SpeechEndFrame,
    SpeechStartFrame,
    run_virtual,
)
from livegraph.processors import detector_batch
from livegraph.processors.vad_gate import VadGate
from support.pcm import noise
from support.speech import RATE, recorded

Pcm = npt.NDArray[np.int16]


class Microphone(Processor):
    """A recording in frames of 20 ms, in its time, from ``late_ms`` on."""

    out: Out[AudioFrame] = Out(rate=RATE, channels=1)

    def __init__(self, *, pcm: Pcm, late_ms: int) -> None:
        self.pcm, self.late_ns = pcm, late_ms * MS

    async def run(self) -> None:
        for start in range(0, len(self.pcm) - 319, 320):
            time_ns = self.late_ns + start * SECOND // RATE
            await self.call.clock.sleep_until_ns(time_ns + 20 * MS)
            self.out.emit(AudioFrame(self.pcm[start : start + 320], RATE, time_ns=time_ns))


class Listener(Processor):
    """Keeps all with the time at which it came."""

    audio: In[AudioFrame]
    speech: In[SpeechStartFrame | SpeechEndFrame]

    def __init__(self) -> None:
        self.came: list[tuple[int, Frame]] = []

    def on_audio(self, frame: AudioFrame) -> None:
        self.came.append((self.call.clock.now_ns(), frame))

    def on_speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> None:
        self.came.append((self.call.clock.now_ns(), frame))


def sentence(seed: int) -> Pcm:
    return np.concatenate(
        [noise(RATE // 2 + 160 * seed, 8.0), recorded("go_forward").pcm, noise(RATE, 8.0, seed=seed)]
    )


def calls(count: int, **options: Any) -> list[list[tuple[int, Frame]]]:
    """What each of so many calls at the same time hears."""

    async def call(number: int) -> list[tuple[int, Frame]]:
        graph = Graph()
        graph.add("mic", Microphone, pcm=sentence(number), late_ms=3 * number)
        graph.add("gate", VadGate, **options)
        graph.add("listener", Listener)
        graph.chain("mic", "gate", "listener")
        running = graph.plan().call()
        await running.run()
        return running.processor("listener", Listener).came

    async def main() -> list[list[tuple[int, Frame]]]:
        return await asyncio.gather(*(call(number) for number in range(count)))

    return run_virtual(main())


def speech(came: list[tuple[int, Frame]]) -> list[tuple[type, int]]:
    return [(type(frame), frame.time_ns) for _, frame in came if not isinstance(frame, AudioFrame)]


def sound(came: list[tuple[int, Frame]]) -> bytes:
    return b"".join(frame.samples.tobytes() for _, frame in came if isinstance(frame, AudioFrame))


@pytest.mark.parametrize("mode", ["report", "gate"])
def test_each_call_is_judged_as_if_it_were_alone(mode: str) -> None:
    """The same speech at the same time, the same sound, in order; told at most 20 ms later."""
    together = calls(3, mode=mode)
    for number, came in enumerate(together):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{__name__}.sentence", lambda _, number=number: real_sentence(number))
            (alone,) = calls(1, mode=mode)
        shift_ns = 3 * number * MS
        assert sound(came) == sound(alone)
        assert speech(came) == [(kind, at_ns + shift_ns) for kind, at_ns in speech(alone)]
        assert len(speech(came)) >= 2
        late = [
            at_ns - shift_ns - before_ns
            for (at_ns, frame), (before_ns, _) in zip(
                [one for one in came if not isinstance(one[1], AudioFrame)],
                [one for one in alone if not isinstance(one[1], AudioFrame)],
                strict=True,
            )
        ]
        assert all(0 <= by_ns <= 20 * MS for by_ns in late)


real_sentence = sentence


def test_windows_of_several_calls_go_through_the_network_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight calls take less than a third of the passes that their windows are."""
    passes: list[int] = []
    forward = silero._forward

    def counted(windows: Any, *rest: Any) -> Any:
        passes.append(len(windows))
        return forward(windows, *rest)

    monkeypatch.setattr(silero, "_forward", counted)
    calls(8)
    assert sum(passes) > 3 * len(passes)


def test_report_mode_never_holds_sound_back() -> None:
    """However many calls there are, each frame passes in the step in which it came."""
    for number, came in enumerate(calls(3)):
        frames = [(at_ns, frame) for at_ns, frame in came if isinstance(frame, AudioFrame)]
        assert all(at_ns == frame.time_ns + 20 * MS for at_ns, frame in frames), number


def test_the_batch_goes_with_its_last_call() -> None:
    """Nothing is kept of loops that are gone, and nothing is told to a call that has left."""
    calls(2)
    assert not detector_batch._batches

    async def main() -> None:
        told: list[object] = []
        first, second = SileroVad(), SileroVad()
        one = detector_batch.take_seat(first, told.append)
        two = detector_batch.take_seat(second, told.append)
        assert one.offer(np.zeros(512, np.int16)) is None
        one.leave()
        assert two.offer(np.zeros(512, np.int16)) is not None
        await asyncio.sleep(0.1)
        two.leave()
        assert told == []

    run_virtual(main())
    assert not detector_batch._batches


def test_whoever_feeds_faster_than_time_passes_is_judged_on_the_way() -> None:
    """What waits is bounded, whatever the clock does."""

    async def main() -> None:
        told: list[list[list[float]]] = []
        seats = [detector_batch.take_seat(SileroVad(), told.append) for _ in range(2)]
        for _ in range(200):
            for seat in seats:
                seat.offer(np.zeros(320, np.int16))
        assert max(map(len, told)) <= 16
        for seat in seats:
            seat.settle()
            seat.leave()
        assert sum(len(probabilities) for chunks in told for probabilities in chunks) >= 240

    run_virtual(main())
