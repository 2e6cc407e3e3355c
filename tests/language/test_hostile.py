"""Files that nobody means well, or that are no agent files at all: each is answered with a place, and soon."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from livegraph.language import check_text, render

AGENT = """version: 1
agent:
  instructions: You are the front desk.
  greeting: Good morning
  voice: Kore
"""
GRAPH = """version: 1
nodes:
  mic:   {use: webrtc_in}
  gate:  {use: vad_gate, from: mic, threshold: 0.5}
  live:  {use: gemini_live, from: gate, voice: Kore}
  out:   {use: webrtc_out, from: live.audio}
edges:
  live.audio -> out: {max_duration: 60s, when_full: block}
"""
PIPELINE = """version: 1
pipeline:
  - webrtc_in
  - resampler: {rate: 16kHz}
  - vad_gate: {threshold: 0.6}
  - gemini_live: {voice: Kore}
  - webrtc_out
"""
_FOURFOLD = "[*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0},*{0}]"
HOSTILE: dict[str, str | bytes] = {
    "nothing": "",
    "nothing but null": "~\n",
    "a comment": "# nothing\n",
    "a scalar": "hello",
    "a list": "- a\n- b\n",
    "three documents": "---\n---\n---\n",
    "a zero byte": "version: 1\x00\nagent: {}\n",
    "UTF-16": AGENT.encode("utf-16"),
    "half a character": b"version: 1\nagent:\n  instructions: \xff\xfe\n",
    "half a surrogate": 'version: 1\nagent:\n  greeting: "\\uD800"\n',
    "a program": b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)),
    "an archive": b"PK\x03\x04" + bytes(range(256)),
    "another language": '<?xml version="1.0"?><agent/>',
    "deep lists": "version: 1\nagent: " + "[" * 5_000 + "]" * 5_000,
    "deep mappings": "version: 1\nagent: " + "{a: " * 3_000 + "}" * 3_000,
    "a staircase": "version: 1\n" + "".join(" " * depth + "a:\n" for depth in range(1_000)),
    "a million copies": "version: 1\na: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} {_FOURFOLD.format(chr(97 + n))}\n" for n in range(20)),
    "itself inside": "version: 1\nagent: &a\n  x: *a\n",
    "itself merged": "version: 1\nagent: &a\n  <<: *a\n",
    "nobody's alias": "version: 1\nagent: *nope\n",
    "code in a tag": 'version: 1\nagent: !!python/object/apply:os.system ["true"]\n',
    "a mapping for a key": "version: 1\n? {a: b}\n: c\n",
    "keys twice": "version: 1\nagent: {voice: Kore, voice: Puck}\nagent: {}\n",
    "a huge number": "version: " + "9" * 10_000 + "\nagent: {}\n",
    "no number": "version: .nan\nagent: {}\n",
    "a threshold that is no number": GRAPH.replace("0.5", ".nan"),
    "a threshold without an end": GRAPH.replace("0.5", "1" + "0" * 5_000),
    "an endless duration": GRAPH.replace("60s", "9" * 400 + "s"),
    "a duration of a float's end": GRAPH.replace("60s", "1e308h"),
    "digits of another script": GRAPH.replace("60s", "\u0666\u0660s"),
    "a letter of another script": AGENT.replace("agent", "ag\u0435nt"),
    "words the other way round": AGENT.replace("voice", '"vo\u202eice"'),
    "the terminal's language": 'version: 1\nagent: {voice: "\x1b[31mred"}\n',
    "a rate of nothing": PIPELINE.replace("16kHz", "0kHz"),
    "a rate beyond all": PIPELINE.replace("16kHz", "1e300kHz"),
    "boxes of nothing": "version: 1\npipeline: [~, ~]\n",
    "boxes in boxes": "version: 1\npipeline: [[webrtc_in]]\n",
    "a system call for a box": GRAPH.replace("use: webrtc_in", 'use: "os:system"'),
    "a path outside": GRAPH.replace("use: webrtc_in", "use: ../../../../etc/passwd:X"),
    "a box with a zero in its name": GRAPH.replace("use: webrtc_in", 'use: "a\\0b.py:X"'),
    "a box that feeds itself": GRAPH.replace("from: mic", "from: gate"),
    "an edge with three arrows": GRAPH.replace("live.audio -> out", "a -> b -> c -> d"),
    "nodes that cannot be named": 'version: 1\nnodes: {"a.b": {use: gain}, "a->b": {use: gain}, "": {use: gain}}\n',
    "variables in variables": 'version: 1\nagent: {voice: "' + "${A:-" * 2_000 + "}" * 2_000 + '"}\n',
    "a variable without an end": 'version: 1\nagent: {voice: "${"}\n',
    "an endless file": "version: 1\nagent: {tools: /dev/zero}\n",
    "a pattern that is none": 'version: 1\ninputs: {a: {type: text, pattern: "("}}\nagent: {}\n',
    "a text that is too far in": "version: 1\nagent: |99999\n  a\n",
    "twenty thousand keys": "version: 1\nagent:\n" + "".join(f"  k{n}: 1\n" for n in range(20_000)),
    "thousands of edges": GRAPH + "".join(f"  live.audio -> x{n}: {{}}\n" for n in range(2_000)),
}


def answered(text: str | bytes) -> str:
    """What a person sees, which comes in time: seconds of a slow machine, where a mistake would take minutes."""
    began = time.process_time()
    report = check_text(text, file="agent.yaml", environ={})  # type: ignore[arg-type]  # bytes are read as a file's
    said = render(report.diagnostics)
    assert time.process_time() - began < 30
    for one in report.diagnostics:
        assert one.file == "agent.yaml" and one.span.line >= 1 and one.span.column >= 1
    assert "Traceback" not in said and not {"\x1b", "\x00", "\u202e"} & set(said)
    return said


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered_with_a_place(name: str) -> None:
    """At least one error, with line, column and code; nothing of it runs, and nothing reaches the terminal raw."""
    said = answered(HOSTILE[name])
    assert ": error LG" in said
    assert len(said) < 2_000_000


def mutilated(count: int) -> Iterator[str]:
    """Good files with a few characters gone, changed, come in or swapped."""
    draw = random.Random(5)
    signs = "{}[]:,-?&*!|>'\"%@`#\t\n \\~\x00\u2028\ufeff"
    for number in range(count):
        text = list((AGENT, GRAPH, PIPELINE)[number % 3])
        for _ in range(draw.choice([1, 1, 2, 4])):
            at, other = draw.randrange(len(text)), draw.randrange(len(text))
            match draw.randrange(4):
                case 0:
                    del text[at]
                case 1:
                    text.insert(at, draw.choice(signs))
                case 2:
                    text[at] = draw.choice(signs)
                case _:
                    text[at : at + 5], text[other : other + 5] = text[other : other + 5], text[at : at + 5]
        yield "".join(text)


def test_a_mutilated_file_is_read_or_answered() -> None:
    """Whatever happens to a good file: it means something still, or its faults have places."""
    for text in mutilated(300):
        answered(text)
