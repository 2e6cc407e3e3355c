"""Records of calls over the real network stack: what the caller heard and said, beside each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import numpy as np
import pytest

from livegraph.audio import Pcm, read_wav
from livegraph.pipeline.frames import AudioFrame, TurnEndFrame
from livegraph.pipeline.graph.graph import Graph
from livegraph.pipeline.ports import Out
from livegraph.pipeline.processor import Processor
from livegraph.testing import no_tasks_left
from livegraph.transports.record import Recorder
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.webrtc import Caller, Tone

RATE = 24_000


class Chirps(Processor):
    """Says ten seconds at once: noise that is like nothing else."""

    out: Out[AudioFrame] = Out(rate=RATE, channels=1)

    async def run(self) -> None:
        number = self.call.turns.next_turn()
        sound = np.random.default_rng(5).integers(-8_000, 8_000, 10 * RATE).astype(np.int16)
        smooth = np.convolve(sound, np.ones(8) / 8, "same").astype(np.int16)
        for piece in np.split(smooth, 100):
            await self.out.send(AudioFrame(samples=piece, rate=RATE, turn=number))
        await self.out.send(TurnEndFrame(turn=number))  # type: ignore[arg-type]  # markers pass any port


class Noise(Tone):
    """A voice that is like itself at no other time."""

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        sound = np.random.default_rng(self._at).integers(-9_000, 9_000, 960)
        smooth = np.convolve(sound, np.ones(16) / 4, "same").astype(np.int16)
        made = av.AudioFrame.from_ndarray(smooth.reshape(1, -1), format="s16", layout="mono")
        made.sample_rate, made.time_base, made.pts = frame.sample_rate, frame.time_base, frame.pts
        return made


def lag_ms(one: Pcm, other: Pcm) -> float:
    """By how many milliseconds ``one`` comes later, by correlation."""
    size = 1 << (len(one) + len(other)).bit_length()
    spectrum = np.fft.rfft(one.astype(float), size) * np.conj(np.fft.rfft(other.astype(float), size))
    found = int(np.fft.irfft(spectrum, size).argmax())
    return (found if found < size // 2 else found - size) * 1_000 / RATE


def test_an_echo_is_as_late_in_the_record_as_it_was(tmp_path: Path) -> None:
    """What the caller says goes straight to its ear. Both sides of the record are the same sound, and the agent's comes
    as much later as it lay in the playout's cushion: by correlation, and never earlier than it was said."""

    async def main() -> None:
        async with no_tasks_left():
            graph = Graph()
            graph.add("caller", WebRTCIn)
            graph.add("ear", WebRTCOut)
            graph.add("record", Recorder, path=tmp_path / "r.wav")
            graph.connect("caller.audio", "ear")
            caller = Caller(voice=Noise(0.0))
            peer = await caller.call()
            try:
                async with graph.plan().call(resources={Peer: peer}):
                    await asyncio.sleep(3)
            finally:
                await peer.close()
                await caller.hang_up()

    asyncio.run(main())
    record, _ = read_wav(tmp_path / "r.wav")
    assert len(record) / RATE == pytest.approx(3, abs=0.7)
    part = record[RATE : RATE * 5 // 2]
    # 40 ms of cushion, up to 20 of beat, and what a busy machine holds up.
    assert 0 < lag_ms(part[:, 1], part[:, 0]) < 320


def test_a_barge_in_is_cut_as_the_caller_heard_it(tmp_path: Path) -> None:
    """Ten seconds were sent, about one was heard: the record has what came out at the caller's end, at its place."""

    async def main() -> None:
        async with no_tasks_left():
            graph = Graph()
            graph.add("caller", WebRTCIn)
            graph.add("voice", Chirps)
            graph.add("ear", WebRTCOut)
            graph.add("record", Recorder, path=tmp_path / "r.wav")
            graph.connect("voice", "ear")
            caller = Caller()
            peer = await caller.call()
            try:
                async with graph.plan().call(resources={Peer: peer}) as call:
                    await asyncio.sleep(1.2)
                    call.processor("voice", Chirps).call.turns.user_started()
                    await asyncio.sleep(1.0)
                    heard.append(np.concatenate(caller.heard))
            finally:
                await peer.close()
                await caller.hang_up()

    heard: list[Pcm] = []
    asyncio.run(main())
    record, _ = read_wav(tmp_path / "r.wav")
    loud = np.flatnonzero(np.abs(record[:, 1]) > 200)
    kept_s = (loud[-1] - loud[0]) / RATE
    outside = np.flatnonzero(np.abs(heard[0]) > 200)
    heard_s = (outside[-1] - outside[0]) / 48_000
    assert kept_s == pytest.approx(heard_s, abs=0.15) and 0.4 < kept_s < 2
    # Behind the fade there is nothing.
    assert not record[loud[-1] + RATE // 100 :, 1].any()
