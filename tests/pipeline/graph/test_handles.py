"""Handles: what `graph.add` gives for a node. They name its ports, and nothing else of it is there before a call."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from livegraph.pipeline import (
    AudioFrame,
    CallLimits,
    Graph,
    In,
    Out,
    Processor,
    TextFrame,
    TurnPolicy,
    ms,
    run_virtual,
)
from livegraph.pipeline.graph.handles import node_name
from support.boxes import Collect, Hear, Tone, Upper, Words

_ROOT = Path(__file__).resolve().parents[3]


class Both(Processor):
    """Text and sound."""

    text: In[TextFrame] = In(required=False)
    audio: In[AudioFrame] = In(required=False)
    words: Out[TextFrame]

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame

    def on_audio(self, frame: AudioFrame) -> None:
        return None


def test_ports_are_attributes_and_edges_are_made_of_them() -> None:
    """A handle, a port of it, and a name mean the same."""
    heard: list[str] = []
    graph = Graph()
    words = graph.add(Words, words=["a", "b"])
    upper = graph.add("loud", Upper)
    sink = graph.add(Collect, into=heard)
    graph.connect(words.out, upper.text)
    graph.connect(upper, "collect.text")
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        ("words.out", "loud.text"),
        ("loud", "collect.text"),
    ]
    run_virtual(graph.plan().call().run())
    assert heard == ["A", "B"]
    assert (str(upper), str(upper.text), repr(sink)) == ("loud", "loud.text", "<node 'collect': Collect>")


def test_nodes_without_a_name_are_called_after_their_class() -> None:
    """By the word that agent files have for it; every further one is numbered."""
    from livegraph.transports import WebRTCIn

    graph = Graph()
    nodes = [graph.add(Upper), graph.add(Upper), graph.add(Both), graph.add(Upper), graph.add(WebRTCIn)]
    assert [str(node) for node in nodes] == ["upper", "upper_2", "both", "upper_3", "webrtc_in"]


def test_a_port_that_is_not_there_is_told_with_the_nearest() -> None:
    """And what belongs to the running processor, with how to get at it."""
    gate = Graph().add("gate", Both)
    with pytest.raises(AttributeError, match=r"the Both 'gate' has no port 'texts'; did you mean `text`"):
        _ = gate.texts  # type: ignore[attr-defined]  # what mypy sees as well
    with pytest.raises(AttributeError, match=r"belongs to the running Both: call\.processor\(gate\)"):
        _ = gate.on_text
    assert {"text", "audio", "words"} <= set(dir(gate))


def test_ends_that_are_none_are_refused_with_a_remedy() -> None:
    """A class, a processor, a handle of another graph, nothing."""
    graph, other = Graph(), Graph()
    mine, theirs = graph.add(Words, words=[]), other.add(Upper)
    for end, message in (
        (Upper, "Upper is a class: connect what graph.add"),
        (theirs, "of another graph"),
        (theirs.text, "of another graph"),
        (None, "no end of an edge"),
    ):
        with pytest.raises((TypeError, ValueError), match=re.escape(message)):
            graph.connect(mine, end)  # type: ignore[call-overload]  # what mypy sees as well
    with pytest.raises(TypeError, match="no node"):
        node_name(3)
    with pytest.raises(TypeError, match="no processor"):
        graph.add("x", dict)  # type: ignore[type-var]  # what mypy sees as well


def test_a_call_gives_the_processor_of_a_handle() -> None:
    """With its type."""
    graph = Graph()
    words, sink = graph.add(Words, words=["a"]), graph.add(Collect)
    graph.chain(words, sink)

    async def main() -> list[str]:
        async with graph.plan().call() as call:
            await call.finished()
            return call.processor(sink).seen

    assert run_virtual(main()) == ["a"]


def test_nodes_and_edges_can_be_taken_away() -> None:
    """A node with its edges, or an edge by its ends; what is not there is told with what is."""
    graph = Graph()
    words, upper, sink = graph.add(Words, words=["a"]), graph.add(Upper), graph.add(Collect)
    graph.connect(words.out, upper.text)
    graph.connect(upper, sink)
    graph.connect(words, sink)
    graph.disconnect(words, upper)
    assert [edge.source for edge in graph.edges] == ["upper", "words"]
    with pytest.raises(KeyError, match=r"no edge words -> upper; there is: upper -> collect"):
        graph.disconnect(words, upper)
    graph.remove(upper)
    assert (list(graph.nodes), len(graph.edges)) == (["words", "collect"], 1)
    with pytest.raises(KeyError, match="there is no node 'upper'; there is: words, collect"):
        graph.remove(upper)


def test_durations_are_numbers_or_text_everywhere() -> None:
    """Of edges, limits, turns, policies and options; what is no duration is told with its place."""
    graph = Graph()
    tone, hear = graph.add(Tone), graph.add(Hear)
    graph.connect(tone.out, hear.audio, max_duration="300ms")
    plan = graph.plan(
        limits=CallLimits(stop_ns="2s", stall_ns=ms(1500)), turns=TurnPolicy(confirm_ns="250ms")
    )
    assert plan.checked.edges[0].policy.max_duration_ns == ms(300)
    assert (plan.limits.stop_ns, plan.limits.stall_ns, plan.turns.confirm_ns) == (ms(2000), ms(1500), ms(250))
    with pytest.raises(ValueError, match=r"max_duration: expected a duration such as 200ms.*not '300'"):
        graph.connect(tone.out, hear.audio, max_duration="300")
    with pytest.raises(
        TypeError, match=r'stop_ns: takes whole nanoseconds, as ms\(300\) gives, or "300ms", not 0.5'
    ):
        CallLimits(stop_ns=0.5)  # type: ignore[arg-type]  # what mypy sees as well
    with pytest.raises(ValueError, match="start_ns: cannot be below zero"):
        CallLimits(start_ns=-1)


# What static tools see ------------------------------------------------------------------------------------

_PROGRAM = """
from livegraph.pipeline import AudioFrame, Frame, Graph, In, Out, Processor, SpeechEndFrame, SpeechStartFrame, TextFrame
from livegraph.processors import AppIn, AppOut, VadGate


class Notes(Processor):
    speech: In[SpeechStartFrame | SpeechEndFrame]
    starts: In[SpeechStartFrame]
    text: In[TextFrame]
    out: Out[TextFrame]

    def on_speech(self, frame: SpeechStartFrame | SpeechEndFrame) -> None: ...
    def on_starts(self, frame: SpeechStartFrame) -> None: ...
    def on_text(self, frame: TextFrame) -> None: ...


graph = Graph()
mic = graph.add(AppIn, rate=16_000)
gate = graph.add("gate", VadGate, threshold=0.6)
notes = graph.add(Notes)
out = graph.add(AppOut)
"""

_RIGHT = """
graph.connect(mic.audio, gate.audio)
graph.connect(gate.speech, notes.speech)
graph.connect(gate.speech, notes.starts)
graph.connect(gate.speech, out.frames)
graph.connect(mic.frames, notes.text, when_full="latest", max_duration="300ms")
graph.connect(mic, gate)
graph.connect(mic.audio, gate)
graph.connect("mic", gate.audio)
graph.connect("mic.audio", "gate", max_frames=3)
graph.chain(mic, gate, "out")


async def main() -> None:
    async with graph.plan().call() as call:
        await call.processor(mic).send(TextFrame("hello"))
        call.processor("gate", VadGate).on_end()
"""

_WRONG = {
    "a port that is not there": ("graph.connect(gate.spech, notes.speech)", 'maybe "speech"'),
    "a wrong frame": ("graph.connect(mic.audio, notes.text)", "connect"),
    "frames that never come": ("graph.connect(notes.out, gate.audio)", "connect"),
    "an input as a source": ("graph.connect(gate.audio, gate.audio)", "No overload variant"),
    "an output as a target": ("graph.connect(mic.audio, gate.out)", "No overload variant"),
    "a class for a node": ("graph.connect(mic, VadGate)", "No overload variant"),
    "something that is no processor": ("graph.add(dict)", "add"),
    "what the processor does not have": ("call = graph.plan().call(); call.processor(mic).sends", "sends"),
    "half a duration": ("graph.connect(mic, gate, max_duration=0.3)", "No overload variant"),
}


@pytest.mark.timeout(240)
def test_mypy_sees_wrong_ports_and_wrong_frames(tmp_path: Path) -> None:
    """A right program passes `--strict`; of a wrong one each line that is wrong is told, and no other."""
    lines = [line for line, _ in _WRONG.values()]
    (tmp_path / "right.py").write_text(_PROGRAM + _RIGHT)
    (tmp_path / "wrong.py").write_text(_PROGRAM + "\n".join(lines) + "\n")
    # With the options of `make types`, so that what mypy knows of the package from there counts here.
    command = [sys.executable, "-m", "mypy", "--config-file", str(_ROOT / "pyproject.toml")]
    command += [str(tmp_path / "right.py"), str(tmp_path / "wrong.py")]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert not [line for line in told if "right.py" in line], done.stdout + done.stderr
    first = _PROGRAM.count("\n") + 1
    for number, (what, (_, message)) in enumerate(_WRONG.items()):
        here = [line for line in told if f"wrong.py:{first + number}: " in line]
        assert any(message in line for line in here), f"{what}: {done.stdout}{done.stderr}"
    assert len({line.split(": error: ")[0] for line in told}) == len(_WRONG), done.stdout
