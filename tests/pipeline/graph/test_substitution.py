"""A box is exchanged for another: what both can do stays connected, the rest is left out."""

import pytest

from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor, TextFrame
from livegraph.pipeline.graph.substitution import substitute
from support.boxes import Collect, Hear, Tone


class Mic(Processor):
    """A source with sound and text."""

    kind = "source"
    ages = True
    out: Out[AudioFrame]
    text: Out[TextFrame]


class Model(Processor):
    """Takes both, gives both."""

    audio: In[AudioFrame] = In()
    text: In[TextFrame] = In(required=False)
    voice: Out[AudioFrame] = Out(rate=24_000, channels=1)
    words: Out[TextFrame]

    def on_audio(self, frame: AudioFrame) -> None:
        """Nothing."""

    def on_text(self, frame: TextFrame) -> None:
        """Nothing."""


class Sound(Processor):
    """A source whose output has another name."""

    kind = "source"
    audio: Out[AudioFrame] = Out(rate=16_000, channels=1)


def edges(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def agent(*joined: tuple[str, str]) -> Graph:
    graph = Graph("agent")
    graph.add("mic", Mic)
    graph.add("model", Model)
    graph.add("out", Hear)
    for source, target in joined:
        graph.connect(source, target)
    return graph


def test_bare_edges_carry_what_is_left() -> None:
    """`mic -> model` joined sound and text; with a file it joins the sound, and the graph still checks."""
    graph = agent(("mic", "model"), ("model", "out"))
    made = substitute(graph, "mic", Tone, {"frames": 2})
    assert edges(made) == {("mic", "model"), ("model", "out")}
    assert made.check() == []
    assert made.nodes["mic"].options == {"frames": 2}
    assert made.nodes["mic"].path == graph.nodes["mic"].path
    assert graph.nodes["mic"].processor is Mic


def test_named_ports_are_found_by_what_they_carry() -> None:
    """`mic.out` becomes the only port that carries sound; `mic.text`, which a file has not, is left out."""
    graph = agent(("mic.out", "model.audio"), ("mic.text", "model.text"), ("model", "out"))
    made = substitute(graph, "mic", Sound, {})
    assert edges(made) == {("mic.audio", "model.audio"), ("model", "out")}
    assert made.check() == []


def test_policies_stay() -> None:
    """What an edge says about its queue is kept."""
    graph = agent(("model", "out"))
    graph.connect("mic.out", "model", when_full="drop_oldest")
    made = substitute(graph, "mic", Sound, {})
    assert [edge.change for edge in made.edges] == [edge.change for edge in graph.edges]


def test_a_fault_stays_a_fault() -> None:
    """An edge that was wrong before is not hidden by the exchange."""
    made = substitute(agent(("mic", "modle"), ("model", "out")), "mic", Sound, {})
    assert "LG301" in {problem.code for problem in made.check()}


def test_sinks_are_exchanged_too() -> None:
    """A sink of another kind takes only what it can: an edge of sound into a sink of text goes."""
    made = substitute(agent(("mic.out", "model"), ("model.voice", "out")), "out", Collect, {})
    assert edges(made) == {("mic.out", "model")}


def test_unknown_node() -> None:
    """Exchanging what is not there is a mistake of the caller."""
    with pytest.raises(KeyError):
        substitute(agent(), "speaker", Hear, {})
