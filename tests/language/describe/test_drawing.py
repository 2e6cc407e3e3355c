"""Pictures of graphs: what is in them is what runs, and each drawing is what a person should see."""

import asyncio
import functools
import itertools
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.language import load_agent
from livegraph.language.describe import Arrow, Box, Picture, picture_of
from livegraph.language.describe.drawing import (
    FORMATS,
    draw_ascii,
    draw_dot,
    draw_mermaid,
    draw_svg,
    render,
)
from livegraph.language.describe.drawing.layers import lay_out
from livegraph.language.describe.names import frame_words
from livegraph.pipeline import (
    AudioFrame,
    CallContext,
    ConfigError,
    Frame,
    Graph,
    In,
    Out,
    Processor,
    SystemClock,
    TextFrame,
)
from livegraph.pipeline.frames import SpeechEndFrame, SpeechStartFrame, ToolCallFrame
from livegraph.pipeline.graph.check import check
from support.boxes import Hear, SlowUpper, Tone, Upper, Words
from support.shipped import SHIPPED_AGENTS


class Answer(Processor):
    """Takes texts, and what comes back of its own."""

    text: In[TextFrame]
    again: In[TextFrame] = In(required=False, feedback=True)
    out: Out[TextFrame]

    def on_text(self, frame: TextFrame) -> TextFrame:
        return frame

    def on_again(self, frame: TextFrame) -> None: ...


def traced(
    handler: Callable[[Any, TextFrame], Awaitable[None]],
) -> Callable[[Any, TextFrame], Awaitable[None]]:
    """A plain function around an async one, as decorators make it."""

    @functools.wraps(handler)
    def around(self: Any, frame: TextFrame) -> Awaitable[None]:
        return handler(self, frame)

    return around


class Wrapped(Processor):
    """A handler that waits, though it does not look so."""

    text: In[TextFrame]

    @traced
    async def on_text(self, frame: TextFrame) -> None: ...


def small() -> Picture:
    """A resampler that was put in, a queue, a direct hop, and feedback."""
    graph = Graph()
    graph.add("mic", Tone, rate=44_100)
    graph.add("ear", Hear, rate=16_000)
    graph.add("words", Words, words=["a"])
    graph.add("answer", Answer)
    graph.add("slow", SlowUpper)
    graph.connect("mic", "ear", max_duration="100ms")
    graph.connect("words", "answer.text")
    graph.connect("answer", "slow")
    graph.connect("slow", "answer.again")
    return picture_of(check(graph), title="Small")


ASCII = """\
Small

╭─ mic · Tone ───────────────────────╮
│                                out ├─╮ audio 44.1 kHz mono · direct
╰────────────────────────────────────╯ │
╭─ words · Words ────────────────────╮ │
│                                out ├─┼─╮ text · direct
╰────────────────────────────────────╯ │ │
╭╌ mic_to_ear_resampler · resampler ╌╮ │ │
│ audio                              ◀─╯ │
│                                out ├───┼─╮ audio 16 kHz mono · drop_oldest 100ms
╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯   │ │
╭─ answer · Answer ──────────────────╮   │ │
│ text                               ◀───╯ │
│ again                              ◀───╮ │
│                                out ├─╮ │ │ text · block 1024 frames
╰────────────────────────────────────╯ │ │ │
╭─ ear · Hear ───────────────────────╮ │ │ │
│ audio                              ◀─┼─┼─╯
╰────────────────────────────────────╯ │ │
╭─ slow · SlowUpper ─────────────────╮ │ │
│ text                               ◀─╯ │
│                                out ├───╯ text · block 1024 frames · feedback
╰────────────────────────────────────╯"""

MERMAID = """\
---
title: "Small"
---
flowchart TB
    mic(["mic<br/>Tone"])
    words(["words<br/>Words"])
    mic_to_ear_resampler["mic_to_ear_resampler<br/>resampler"]
    answer["answer<br/>Answer"]
    ear(["ear<br/>Hear"])
    slow["slow<br/>SlowUpper"]
    mic -->|"audio 44.1 kHz mono · direct"| mic_to_ear_resampler
    words -->|"text · direct"| answer
    mic_to_ear_resampler -->|"audio 16 kHz mono · drop_oldest 100ms"| ear
    answer -->|"text · block 1024 frames"| slow
    slow -.->|"text · block 1024 frames"| answer
    classDef inserted stroke-dasharray: 4 3
    class mic_to_ear_resampler inserted"""

DOT = """\
digraph "Small" {
  rankdir=TB;
  node [shape=record, style=rounded, fontname="Helvetica", fontsize=12];
  edge [fontname="Helvetica", fontsize=10];
  "mic" [label="{mic\\nTone|{<out_out> out}}", color="#2e7d32"];
  "words" [label="{words\\nWords|{<out_out> out}}", color="#2e7d32"];
  "mic_to_ear_resampler" [label="{{<in_audio> audio}|mic_to_ear_resampler\\nresampler|{<out_out> out}}", \
color="#546e7a", style="rounded,dashed"];
  "answer" [label="{{<in_text> text|<in_again> again}|answer\\nAnswer|{<out_out> out}}", color="#546e7a"];
  "ear" [label="{{<in_audio> audio}|ear\\nHear}", color="#1565c0"];
  "slow" [label="{{<in_text> text}|slow\\nSlowUpper|{<out_out> out}}", color="#546e7a"];
  "mic":out_out -> "mic_to_ear_resampler":in_audio [label="audio 44.1 kHz mono · direct"];
  "words":out_out -> "answer":in_text [label="text · direct"];
  "mic_to_ear_resampler":out_out -> "ear":in_audio [label="audio 16 kHz mono · drop_oldest 100ms"];
  "answer":out_out -> "slow":in_text [label="text · block 1024 frames"];
  "slow":out_out -> "answer":in_again [label="text · block 1024 frames", style=dashed, constraint=false];
}"""


def test_text_for_a_terminal() -> None:
    """Boxes with their connected ports, and a rail for every arrow with what flows in it."""
    assert draw_ascii(small()) == ASCII


def test_without_box_drawing() -> None:
    """The same in plain ASCII, line for line."""
    plain = draw_ascii(small(), plain=True)
    assert plain.isascii()
    assert [len(line) for line in plain.splitlines()] == [len(line) for line in ASCII.splitlines()]
    assert "| audio                              <-+ |" in plain


def test_a_list_where_a_drawing_does_not_fit() -> None:
    """Nodes and edges one below the other, none of it lost."""
    listed = draw_ascii(small(), width=44)
    assert "╭" not in listed
    assert "mic · Tone\n  out -> mic_to_ear_resampler.audio\n    audio 44.1 kHz mono · direct" in listed
    assert "mic_to_ear_resampler · resampler (inserted)" in listed
    assert max(map(len, listed.splitlines())) <= 44


def test_mermaid() -> None:
    """A flowchart for Markdown."""
    assert draw_mermaid(small()) == MERMAID


def test_dot() -> None:
    """A digraph for Graphviz."""
    assert draw_dot(small()) == DOT


def hostile() -> Picture:
    """Names that mean something in the languages of pictures."""
    boxes = (
        Box("end", 'a"b<c>&{d}|`e`', "source", 0, (), ("out",)),
        Box("my-end", "日本語", "odd", 1, ("text",), ()),
        Box("my_end", "x", "sink", 1, ("text",), ()),
    )
    arrows = tuple(
        Arrow("end", "out", name, "text", 'te"xt<&', "", "bl|ock \\", False) for name in ("my-end", "my_end")
    )
    return Picture('Tit"le <&> \\ \n: 1', boxes, arrows)


def test_names_cannot_break_a_picture() -> None:
    """Quotes, angle brackets and words of the language are written so that they mean themselves."""
    mermaid = draw_mermaid(hostile())
    assert 'n_end(["end<br/>a#quot;b#lt;c#gt;#amp;{d}|#96;e#96;"])' in mermaid
    assert re.findall(r"^    (\w+)\[", mermaid, re.MULTILINE) == ["my_end"]
    assert 'my_end_(["my_end<br/>x"])' in mermaid
    dot = draw_dot(hostile())
    assert r'label="{end\na\"b\<c\>&\{d\}\|`e`|{<out_out> out}}"' in dot
    assert r'[label="te\"xt<& · bl|ock \\"]' in dot
    texts = [element.text for element in ET.fromstring(draw_svg(hostile())).iter() if element.text]
    assert 'a"b<c>&{d}|`e`' in texts
    assert 'te"xt<&' in texts


@pytest.mark.parametrize("agent", SHIPPED_AGENTS, ids=lambda path: path.stem)
def test_every_drawing_shows_everything(agent: Path) -> None:
    """Each shipped agent: every node, every label, at most 100 columns of text, valid XML."""
    picture = picture_of(check(load_agent(agent, environ={}).graph), title="T")
    drawings = {name: render(picture, name) for name in FORMATS}
    for name, text in drawings.items():
        for box in picture.boxes:
            assert box.name in text, name
        for arrow in picture.arrows:
            assert arrow.flows in text, name
            assert arrow.policy in text, name
    assert max(map(len, drawings["ascii"].splitlines())) <= 100
    root = ET.fromstring(drawings["svg"])
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {box.name for box in picture.boxes} <= set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == len(picture.arrows) + 1
    assert "prefers-color-scheme: dark" in drawings["svg"]


def test_direct_is_what_the_engine_does() -> None:
    """An arrow is called direct where the running graph has no queue, and only there."""
    from livegraph.pipeline.events import EventBus
    from livegraph.pipeline.running.wire_up import Wiring
    from livegraph.pipeline.turns.controller import TurnPolicy
    from livegraph.pipeline.turns.conversation import Conversation

    graph = Graph()
    graph.add("words", Words, words=["a"])
    graph.add("answer", Answer)
    graph.add("loud", Upper)
    graph.add("slow", SlowUpper)
    graph.add("last", Upper)
    graph.connect("words", "answer.text")
    graph.connect("words", "loud", max_frames=3)
    graph.connect("answer", "slow")
    graph.connect("slow", "answer.again")
    graph.connect("slow", "last")
    graph.add("wrapped", Wrapped)
    graph.connect("last", "wrapped")
    checked = check(graph)
    bus, clock = EventBus(), SystemClock()
    conversation = Conversation(clock, bus, TurnPolicy(), lambda turn: None)
    context = CallContext("call", clock, bus, conversation, {}, lambda reason: None)

    async def queues() -> set[str]:
        # Nothing runs, so that nothing is reported.
        wiring = Wiring(checked, context, None)
        return {edge.name for node in wiring.nodes.values() for edge in node.intake.queues}

    queued = asyncio.run(queues())
    drawn = {
        f"{arrow.source}.{arrow.output} -> {arrow.target}.{arrow.input}"
        for arrow in picture_of(checked).arrows
        if arrow.policy != "direct"
    }
    assert drawn == queued
    assert len(queued) == 4


def test_a_graph_with_faults_has_no_picture() -> None:
    """There would be nothing true to draw."""
    graph = Graph()
    graph.add("ear", Hear)
    with pytest.raises(ConfigError, match="LG305"):
        picture_of(check(graph))


def test_what_flows_in_words() -> None:
    """What several classes begin with alike is said once."""
    assert frame_words([SpeechStartFrame, SpeechEndFrame]) == "speech start/end"
    assert frame_words([ToolCallFrame, TextFrame]) == "tool call, text"
    assert frame_words([AudioFrame]) == "audio"
    assert frame_words([Frame]) == "anything"


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Graphs of any shape: several sources, long ways, feedback, fans, and boxes that nothing joins."""
    count = draw(st.integers(1, 8))
    pairs = draw(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=14, unique=True)
    )
    layers = [0] * count
    for source, target in sorted(pairs):
        if source < target:
            layers[target] = max(layers[target], layers[source] + 1)
    # Layers without a gap, as a checked graph has them.
    ranks = {layer: index for index, layer in enumerate(sorted(set(layers)))}
    arrows = tuple(
        Arrow(f"n{a}", f"o{b % 3}", f"n{b}", f"i{a % 2}", "text", "", "block 9 frames", feedback=b <= a)
        for a, b in sorted(pairs)
    )
    boxes = tuple(
        Box(
            f"n{number}",
            "box",
            "processor",
            ranks[layers[number]],
            tuple(sorted({arrow.input for arrow in arrows if arrow.target == f"n{number}"})),
            tuple(sorted({arrow.output for arrow in arrows if arrow.source == f"n{number}"})),
        )
        for number in sorted(range(count), key=lambda number: ranks[layers[number]])
    )
    return Picture("P", boxes, arrows)


@given(pictures())
def test_nothing_lies_on_anything(picture: Picture) -> None:
    """In a layout, boxes and labels of a rank keep apart, and ports stay on their box and apart."""
    layout = lay_out(
        picture, box_width=lambda _: 120.0, port_width=lambda _: 20.0, label_width=lambda _: 50.0
    )
    for rank in layout.ranks:
        for one, other in itertools.pairwise(rank):
            assert one.x + one.right < other.x - other.left
    for side in (layout.upper_ports, layout.lower_ports):
        for name in layout.boxes:
            offsets = sorted(offset for (box, _), offset in side.items() if box == name)
            assert all(abs(offset) <= 60.0 - 10.0 + 1e-6 for offset in offsets)
            assert all(b - a >= 20.0 - 1e-6 for a, b in itertools.pairwise(offsets))
    for rank in layout.ranks:
        assert {vertex.rank for vertex in rank} == {rank[0].rank}


@given(pictures())
def test_any_graph_can_be_drawn(picture: Picture) -> None:
    """Every format, never wider than asked, every rail with both its ends."""
    ET.fromstring(draw_svg(picture))
    draw_mermaid(picture)
    draw_dot(picture)
    width = random.Random(len(picture.arrows)).choice((40, 60, 100))
    for plain in (False, True):
        text = draw_ascii(picture, width=width, plain=plain)
        assert max(map(len, text.splitlines())) <= width
    drawn = draw_ascii(picture, width=400)
    assert drawn.count("◀") == len(picture.arrows)
    corners = sum(drawn.count(corner) for corner in "╮╯┤")
    assert corners >= len(picture.arrows)
