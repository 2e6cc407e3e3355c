"""An agent without a model, for tests of callers: written to, it tells a long story, and who speaks over it cuts it."""

from collections.abc import Iterator

import numpy as np

from livegraph.audio import Pcm
from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor, TextFrame
from livegraph.pipeline.frames import TurnEndFrame, TurnStartFrame
from livegraph.processors import VadGate
from livegraph.server.calls import ServedAgent
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut

__all__ = ["storyteller"]


class Storyteller(Processor):
    """Written to, it says half a minute of a tone; at "bye" it ends the call."""

    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    text: In[TextFrame] = In()
    out: Out[AudioFrame | TurnStartFrame | TurnEndFrame] = Out(rate=24_000, channels=1)

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing: the gate in front hears that somebody speaks."""

    def on_text(self, frame: TextFrame) -> Iterator[AudioFrame | TurnStartFrame | TurnEndFrame]:
        """A turn, all at once, as a model sends it."""
        if frame.text == "bye":
            self.call.end("completed", "Goodbye.")
            return
        turn, now_ns = self.call.conversation.next_turn(), self.call.clock.now_ns()
        yield TurnStartFrame(time_ns=now_ns, turn=turn)
        for _ in range(30):
            yield AudioFrame(_tone(24_000), 24_000, time_ns=now_ns, turn=turn)
        yield TurnEndFrame(time_ns=now_ns, turn=turn)


def storyteller() -> ServedAgent:
    """It, behind a gate that notices a voice."""
    graph = Graph("storyteller")
    graph.add("mic", WebRTCIn)
    graph.add("gate", VadGate)
    graph.add("teller", Storyteller)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "gate.audio")
    graph.connect("gate.out", "teller.audio")
    graph.connect("mic.text", "teller.text")
    graph.connect("teller", "ear")
    return ServedAgent("storyteller", graph.plan())


def _tone(rate: int) -> Pcm:
    """A second of it."""
    samples: Pcm = (8_000 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype(np.int16)
    return samples
