"""Records of calls over the real network stack: what the caller heard and said, beside each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import numpy as np
import pytest

from livegraph.audio import Pcm, read_wav
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.frames import AudioFrame, TurnEndFrame
from livegraph.pipeline.graph.graph import Graph
from livegraph.pipeline.ports import In, Out
from livegraph.pipeline.processor import Processor
from livegraph.pipeline.units import SECOND
from livegraph.testing import no_tasks_left
from livegraph.transports.record import Recorder
from livegraph.transports.webrtc.opus import OpusEncoder
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.raw_caller import MemoryNetwork, RawCaller
from support.webrtc import Caller, Tone

RATE = 24_000


class Chirps(Processor):
    """Says ten seconds at once: noise that is like nothing else."""

    out: Out[AudioFrame] = Out(rate=RATE, channels=1)

    async def run(self) -> None:
        number = self.call.conversation.next_turn()
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
                    call.processor("voice", Chirps).call.conversation.user_started()
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


class Ears(Processor):
    """Takes what the caller says."""

    audio: In[AudioFrame] = In(rate=16_000, channels=1)

    def on_audio(self, frame: AudioFrame) -> None:
        pass


def test_a_caller_who_was_away_is_silent_in_the_record(tmp_path: Path) -> None:
    """Both sides stand where they were: a second of speech, ten out of reach, in which the agent waits, another one."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller = RawCaller(network)
            peer = await Peer.accept(caller.offer(), network=network)
            await caller.connect(peer)
            graph = Graph()
            graph.add("caller", WebRTCIn, resume_within=30 * SECOND)
            graph.add("ears", Ears)
            graph.add("voice", Chirps)
            graph.add("ear", WebRTCOut)
            graph.add("record", Recorder, path=tmp_path / "r.wav")
            graph.connect("caller.audio", "ears")
            graph.connect("voice", "ear")
            async with graph.plan().call(resources={Peer: peer}) as call:
                await asyncio.sleep(1)
                said_ns.append(call.clock.now_ns())
                await say(caller, 0)
                hear, network._there = network._there, {}
                await asyncio.sleep(10)
                assert peer.state == "away"
                network._there = hear
                caller.check()
                said_ns.append(call.clock.now_ns())
                await say(caller, 50)
                await asyncio.sleep(1)
            await peer.close()
            await caller.close()

    async def say(caller: RawCaller, first: int) -> None:
        encoder = OpusEncoder(16_000)
        sound = np.round(9_000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.int16)
        for number, piece in enumerate(sound.reshape(50, -1), first):
            caller.say(number, encoder.encode(piece))
            await asyncio.sleep(0.02)

    said_ns: list[int] = []
    run_virtual(main())
    record, _ = read_wav(tmp_path / "r.wav")
    assert len(record) / RATE == pytest.approx(14, abs=0.1)
    # By blocks of 10 ms that sound throughout: a decoder may let out the last milliseconds of a word later.
    blocks = np.abs(record[: len(record) // 240 * 240, 0].reshape(-1, 240))
    loud = np.flatnonzero(blocks.mean(axis=1) > 3_000) / 100
    (pause,) = np.flatnonzero(np.diff(loud) > 0.5)
    begins = [float(loud[0]), float(loud[pause + 1])]
    # A packet of 20 ms is heard from where it begins, and a decoder takes a moment to begin with.
    assert begins == pytest.approx([at_ns / SECOND for at_ns in said_ns], abs=0.045)
    agent = np.flatnonzero(np.abs(record[:, 1]) > 200) / RATE
    (pause,) = np.flatnonzero(np.diff(agent) > 1)
    # It fell silent when the caller was missed, and goes on where it was as soon as there is somebody again.
    assert 5 < agent[pause] < 8 and agent[pause + 1] == pytest.approx(said_ns[1] / SECOND, abs=0.1)


@pytest.mark.parametrize("gap_s", [0.3, 0.6, 8.0])
@pytest.mark.parametrize("way", ["restart", "resume", "reload"])
def test_a_caller_who_comes_by_a_new_connection_goes_on_in_the_same_record(
    way: str, gap_s: float, tmp_path: Path
) -> None:
    """ICE restarted from another address, a new connection with the token, a page that said that it goes: one record,
    in which each word stands where it was said, however long nothing came in between."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller = RawCaller(network)
            peer = await Peer.accept(caller.offer(), network=network)
            peer.resumes = True
            await caller.connect(peer)
            graph = Graph()
            graph.add("caller", WebRTCIn, resume_within=30 * SECOND)
            graph.add("ears", Ears)
            graph.add("voice", Chirps)
            graph.add("ear", WebRTCOut)
            graph.add("record", Recorder, path=tmp_path / "r.wav")
            graph.connect("caller.audio", "ears")
            graph.connect("voice", "ear")
            async with graph.plan().call(resources={Peer: peer}) as call:
                await asyncio.sleep(1)
                said_ns.append(call.clock.now_ns())
                await say(caller, 0)
                again = await comes_back(network, caller, peer)
                said_ns.append(call.clock.now_ns())
                # Its own packets go on counting while they are lost on the way; another connection has its own.
                await say(again, 50 + round(50 * gap_s) if again is caller else 7_000)
                await asyncio.sleep(1)
            await peer.close()
            for one in {caller, again}:
                await one.close()

    async def comes_back(network: MemoryNetwork, caller: RawCaller, peer: Peer) -> RawCaller:
        other = ("203.0.113.9", 6_000)
        if way == "restart":
            caller.move(other)
            await asyncio.sleep(gap_s)
            caller.renew()
            caller.answered((await peer.renegotiate(caller.offer())).sdp)
            caller.check()
            return caller
        if way == "reload":
            peer.leave(10 * SECOND)
            await caller.close()
        else:
            caller.vanish()
        await asyncio.sleep(gap_s)
        again = RawCaller(network, other)
        again.answered((await peer.resume(peer.resume_token, again.offer())).sdp)
        shaking = asyncio.create_task(again.secure.start())
        again.check()
        await shaking
        await asyncio.sleep(0.05)
        return again

    async def say(caller: RawCaller, first: int) -> None:
        encoder = OpusEncoder(16_000)
        sound = np.round(9_000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.int16)
        for number, piece in enumerate(sound.reshape(50, -1), first):
            caller.say(number, encoder.encode(piece), ssrc=77 if first < 7_000 else 78)
            await asyncio.sleep(0.02)

    said_ns: list[int] = []
    run_virtual(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.jsonl", "r.wav"]
    record, _ = read_wav(tmp_path / "r.wav")
    whole_s = said_ns[1] / SECOND + 2
    assert len(record) / RATE == pytest.approx(whole_s, abs=0.1)
    blocks = np.abs(record[: len(record) // 240 * 240, 0].reshape(-1, 240))
    loud = np.flatnonzero(blocks.mean(axis=1) > 3_000) / 100
    (pause,) = np.flatnonzero(np.diff(loud) > 0.05)
    begins = [float(loud[0]), float(loud[pause + 1])]
    assert begins == pytest.approx([at_ns / SECOND for at_ns in said_ns], abs=0.045)
    ends = [float(loud[pause]), float(loud[-1])]
    assert ends == pytest.approx([at_ns / SECOND + 0.98 for at_ns in said_ns], abs=0.045)
