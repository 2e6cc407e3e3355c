"""A file that is read as fast as possible waits for the Live box: nothing of it is lost, however long it is."""

from pathlib import Path

import numpy as np

from livegraph.audio import write_wav
from livegraph.pipeline import Graph
from livegraph.pipeline.clock import run_virtual
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.faults import Stall
from livegraph.simulator.recording import WireEvent
from livegraph.simulator.scenario import Scenario, Scene, When
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.transports.file_in import FileIn

RATE = 16_000
SECOND = 1_000_000_000
SECONDS = 150


def test_a_long_file_at_pace_fast_arrives_whole(tmp_path: Path) -> None:
    """Two and a half minutes: more than the box would keep."""
    rng = np.random.default_rng(1)
    write_wav(tmp_path / "q.wav", rng.integers(-50, 50, SECONDS * RATE).astype(np.int16), RATE)
    sent: list[int] = []

    def note(event: WireEvent) -> None:
        if event.kind == "message" and event.direction == "in":
            text = event.data if isinstance(event.data, str) else event.data.decode()
            if '"audio"' in text:
                sent.append(len(text))

    async def main() -> None:
        script = parse_brain("version: 1\nuse_tools: false\nfallback: Yes.\n")
        # The service takes nothing for a while, as one does that is busy.
        busy = Scene(When("audio", at_ns=SECOND), (Stall(reading=True, writing=False, for_ns=3 * SECOND),))
        scenario = Scenario((busy,))
        async with Simulator(
            ears=NoEars(), voice=TonesVoice(), script=script, scenario=scenario, record=note
        ) as simulator:
            graph = Graph()
            graph.add("play", FileIn, path=tmp_path / "q.wav", pace="fast")
            graph.add("live", GeminiLive, endpoint="local")
            graph.connect("play", "live.audio")
            await graph.plan().call(resources={LiveConnector: simulator.connector()}).run()

    run_virtual(main())
    bytes_sent = sum(round(size * 3 / 4) for size in sent)
    assert bytes_sent / 2 / RATE > SECONDS * 0.99
