"""The page's queue in front of the loudspeaker, in Node: what the network held back is caught up, no word is lost."""

from __future__ import annotations

from typing import Any

import pytest

from support.in_node import in_node

SET_UP = """
const context = {
  currentTime: 0, sampleRate: 48_000, state: "running",
  createMediaStreamDestination: () => ({ stream: { getTracks: () => [] } }),
  createBuffer: (_, length) => ({ length, copyToChannel(samples) { this.samples = samples; } }),
};
const played = [];  // what is to be heard: when, and which samples
globalThis.GainNode = class {
  gain = { setValueAtTime() {}, linearRampToValueAtTime() {} };
  connect() {}
};
globalThis.AudioBufferSourceNode = class {
  constructor(_, { buffer }) { this.buffer = buffer; }
  connect() {}
  start(at) { played.push({ source: this, at, length: this.buffer.length / 48_000, samples: this.buffer.samples }); }
  stop() {}
};
const { Playout } = await import(process.argv[1] + "/playout.js");
const { CatchUp } = await import(process.argv[1] + "/catchup.js");
const { toPcm } = await import(process.argv[1] + "/resampler.js");
const marked = [];
const playout = new Playout(context, 24_000, (name) => marked.push(name));
const PIECE = 480;
const wave = (hertz, n) => 0.5 * Math.sin((2 * Math.PI * hertz * n) / 24_000);
const tone = (hertz, from = 0) => Float32Array.from({ length: PIECE }, (_, n) => wave(hertz, from + n));
const passes = (seconds) => {
  context.currentTime += seconds;
  for (const one of played) {
    if (!one.over && one.at + one.length <= context.currentTime + 1e-6) { one.over = true; one.source.onended?.(); }
  }
};
const behind = () => { const last = played.at(-1); return last.at + last.length - context.currentTime; };
"""


def run(script: str) -> Any:
    """What ``told`` is after the script."""
    return in_node(f"{SET_UP}\n{script}")


@pytest.mark.parametrize(("pauses", "within_s"), [("true", 3.0), ("false", 16.0)])
def test_a_stall_of_a_second_is_caught_up(pauses: str, within_s: float) -> None:
    """A talk comes in pieces of 20 ms, 200 ms ahead; a second of it is held back and comes at once. It is behind by a
    second then, and soon by no more than 300 ms: by its pauses, or, where it has none, a little at a time."""
    told = run(f"""
        let sent = 0;
        const piece = () => {{
          // Half a second of voice, and a pause of 200 ms.
          const quiet = {pauses} && sent % 35 >= 25;
          playout.add(toPcm(quiet ? new Float32Array(PIECE) : tone(150, sent * PIECE)));
          sent += 1;
        }};
        for (let n = 0; n < 10; n += 1) piece();
        const steady = [];
        for (let n = 0; n < 100; n += 1) {{ passes(0.02); piece(); steady.push(behind()); }}
        for (let n = 0; n < 50; n += 1) passes(0.02);
        for (let n = 0; n < 50; n += 1) piece();
        const late = behind();
        let waited = 0;
        for (; behind() > 0.32 && waited < 60; waited += 0.02) {{ passes(0.02); piece(); }}
        const gaps = played.slice(1).filter((one, n) => one.at > played[n].at + played[n].length + 1e-6).length;
        const told = {{ most: Math.max(...steady), late, waited, gaps, sent, kept: played.length }};
    """)
    assert told["most"] < 0.27, "nothing is left out of a stream that is in time"
    assert 0.6 < told["late"] < 1.1
    assert told["waited"] < within_s, told
    assert told["gaps"] == 1, "the stall, and no other"


def test_what_is_left_out_of_a_voice_is_whole_repetitions_of_it() -> None:
    """A tone stays the same tone through it: nowhere is there a step, and it begins and ends as the piece did."""
    told = run("""
        const catchUp = new CatchUp(24_000);
        const given = Array.from({ length: 50 }, (_, n) => tone(200, n * PIECE));
        const got = given.map((one) => catchUp.shorten(one, 1));
        const all = got.flatMap((one) => [...one]);
        const steps = all.slice(1).map((sample, n) => Math.abs(sample - all[n]));
        const told = {
          step: Math.max(...steps), loudest: Math.max(...all), left: 50 * PIECE - all.length,
          shorter: got.filter((one) => one.length < PIECE).length,
          ends: got.every((one, n) => [0, -1].every((at) => Math.abs(one.at(at) - given[n].at(at)) < 0.01)),
        };
    """)
    steepest = 0.5 * 2 * 3.1416 * 200 / 24_000
    assert told["step"] < 1.2 * steepest
    assert 0.49 < told["loudest"] <= 0.5 + 1e-6
    assert told["ends"]
    assert told["shorter"] == 10, "one piece in each 100 ms"
    assert told["left"] % 120 == 0, "a period of 200 Hz has 120 samples"


def test_a_pause_is_left_out_as_far_as_it_is_late() -> None:
    """And no further; what is in time, or loud, is not touched."""
    told = run("""
        const catchUp = new CatchUp(24_000);
        const pause = new Float32Array(24_000).fill(0.001);
        const told = {
          part: catchUp.shorten(pause, 0.25).length, all: catchUp.shorten(pause, 3).length,
          inTime: catchUp.shorten(pause, 0).length, early: catchUp.shorten(pause, -1).length,
          loud: catchUp.shorten(tone(150), 0.5).length, empty: catchUp.shorten(new Float32Array(0), 0.5).length,
        };
    """)
    assert told == {"part": 18_000, "all": 0, "inTime": 24_000, "early": 24_000, "loud": 480, "empty": 0}


def test_marks_of_what_was_left_out_come_back_in_order() -> None:
    """Each once, when all that came before it is over; what is cleared takes its marks along."""
    told = run("""
        for (let n = 0; n < 100; n += 1) {
          playout.add(toPcm(n < 20 || n > 80 ? tone(150, n * PIECE) : new Float32Array(PIECE)));
          if (n % 10 === 9) playout.mark(String(n));
        }
        const before = [...marked];
        for (let n = 0; n < 100; n += 1) passes(0.02);
        const all = [...marked];
        playout.add(toPcm(tone(150)));
        playout.mark("cleared");
        playout.clear();
        for (let n = 0; n < 100; n += 1) passes(0.02);
        const told = { before, all, after: marked.length };
    """)
    assert told["before"] == []
    assert told["all"] == [str(n) for n in range(9, 100, 10)]
    assert told["after"] == 10
