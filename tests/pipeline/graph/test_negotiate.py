"""Audio formats are settled before a call: what is fixed decides, and where nothing fits a resampler is put in."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import (
    AudioFormat,
    AudioFrame,
    FromOption,
    Graph,
    In,
    Out,
    Processor,
    TextFrame,
    run_virtual,
)
from livegraph.pipeline.graph.check import check
from livegraph.pipeline.graph.negotiate import FormatSolver
from livegraph.pipeline.ports import PortSpec
from livegraph.processors.resampler import Resampler
from support.boxes import Hear, Tone


class Pass(Processor):
    """Any audio, handed on."""

    audio: In[AudioFrame]
    out: Out[AudioFrame] = Out(like="audio")

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


class Stereo(Processor):
    """Makes two channels."""

    out: Out[AudioFrame] = Out(rate=48_000, channels=2)


class Choosy(Processor):
    """Takes one of three rates, the first best."""

    audio: In[AudioFrame] = In(rate=(24_000, 16_000, 8_000), channels=1)

    def on_audio(self, frame: AudioFrame) -> None: ...


class Open(Processor):
    """A source that makes whatever is wanted."""

    out: Out[AudioFrame]


class Mixed(Processor):
    """Sound and words through one port."""

    out: Out[AudioFrame | TextFrame] = Out(rate=8_000, channels=1)


class MixedSink(Processor):
    """Takes both."""

    both: In[AudioFrame | TextFrame] = In(rate=16_000, channels=1)

    def on_both(self, frame: AudioFrame | TextFrame) -> None: ...


class Marked(AudioFrame, frozen=True, eq=False):
    """Sound with a label."""

    label: str = ""


class Source(Processor):
    """Makes such sound."""

    out: Out[Marked] = Out(rate=48_000, channels=1)

    async def run(self) -> None:
        await self.out.send(Marked(np.zeros(960, np.int16), 48_000))
        await asyncio.sleep(0)


def test_a_fixed_rate_on_one_side_picks_the_others() -> None:
    """Through boxes that pass any format on, in either direction."""
    graph = Graph()
    graph.add("source", Open)
    graph.add("pass", Pass)
    graph.add("hear", Hear, rate=22_050)
    graph.chain("source", "pass", "hear")
    plan = graph.plan()
    for node, port in (("source", "out"), ("pass", "audio"), ("pass", "out"), ("hear", "audio")):
        assert plan.format_of(node, port) == AudioFormat(22_050, 1)
    assert plan.inserted == ()


def test_of_several_rates_the_receivers_favourite_that_the_source_can_do() -> None:
    """The order of preference counts."""
    for rate, expected in ((None, 24_000), (16_000, 16_000), (8_000, 8_000)):
        graph = Graph()
        graph.add("source", Tone, rate=rate)
        graph.add("choosy", Choosy)
        graph.chain("source", "choosy")
        plan = graph.plan()
        assert plan.format_of("source", "out") == AudioFormat(expected, 1)
        assert plan.inserted == ()


def test_what_nobody_decides_is_48_khz_mono() -> None:
    """The rate of WebRTC."""
    graph = Graph()
    graph.add("source", Open)
    graph.add("pass", Pass)
    graph.chain("source", "pass")
    assert graph.plan().format_of("pass", "out") == AudioFormat(48_000, 1)


def test_a_resampler_is_put_in_where_rates_differ_and_says_so() -> None:
    """Its line is what `check` and `run` print."""
    graph = Graph()
    graph.add("tone", Tone, rate=48_000)
    graph.add("hear", Hear, rate=16_000)
    graph.connect("tone", "hear")
    plan = graph.plan()
    (insertion,) = plan.inserted
    assert str(insertion) == "tone.out -> hear.audio: resampler inserted, 48000 Hz mono to 16000 Hz mono"
    assert plan.nodes == ("tone", "tone_to_hear_resampler", "hear")


def test_sound_comes_through_an_inserted_resampler() -> None:
    """At the receiver's rate and of the same length."""
    graph = Graph()
    graph.add("tone", Tone, rate=48_000, frames=10)
    graph.add("hear", Hear, rate=16_000)
    graph.connect("tone", "hear")

    async def main() -> list[AudioFrame]:
        async with graph.plan().call() as call:
            await call.finished()
            return call.processor("hear", Hear).frames

    frames = run_virtual(main())
    assert {frame.rate for frame in frames} == {16_000}
    assert sum(len(frame.samples) for frame in frames) == 10 * 320


def test_the_policy_of_an_edge_stays_in_front_of_its_target() -> None:
    """Nothing waits in front of the resampler."""
    graph = Graph()
    graph.add("tone", Tone, rate=48_000)
    graph.add("hear", Hear, rate=16_000)
    graph.connect("tone", "hear", max_frames=7)
    before, behind = check(graph).edges
    assert (str(before), before.queued) == ("tone.out -> tone_to_hear_resampler.audio", False)
    assert (str(behind), behind.queued) == ("tone_to_hear_resampler.out -> hear.audio", True)
    assert behind.policy.max_frames == 7


def test_two_edges_and_a_node_of_that_name_each_get_their_own() -> None:
    """Names of inserted boxes never clash."""

    class Two(Processor):
        one: In[AudioFrame] = In(rate=16_000)
        other: In[AudioFrame] = In(rate=24_000)

        def on_one(self, frame: AudioFrame) -> None: ...

        def on_other(self, frame: AudioFrame) -> None: ...

    graph = Graph()
    graph.add("tone", Tone, rate=48_000)
    graph.add("two", Two)
    graph.add("tone_to_two_resampler", Pass)
    graph.connect("tone", "tone_to_two_resampler")
    graph.connect("tone", "two.one")
    graph.connect("tone", "two.other")
    plan = graph.plan()
    assert [item.node for item in plan.inserted] == ["tone_to_two_resampler_2", "tone_to_two_resampler_3"]
    assert [item.target.rate for item in plan.inserted] == [16_000, 24_000]


def test_a_resampler_that_is_there_by_name_needs_no_other() -> None:
    """Its option decides, or the box behind it."""
    for rate in (16_000, None):
        graph = Graph()
        graph.add("tone", Tone, rate=48_000)
        graph.add("resampler", Resampler, rate=rate)
        graph.add("hear", Hear, rate=16_000)
        graph.chain("tone", "resampler", "hear")
        plan = graph.plan()
        assert plan.inserted == ()
        assert plan.format_of("resampler", "audio").rate == 48_000
        assert plan.format_of("resampler", "out").rate == 16_000


def test_what_a_resampler_cannot_mend_is_a_fault() -> None:
    """LG401: other channels, and streams that carry more than sound."""
    stereo = Graph()
    stereo.add("stereo", Stereo)
    stereo.add("hear", Hear, rate=16_000)
    stereo.connect("stereo", "hear")
    (problem,) = check(stereo).problems
    assert problem.code == "LG401"
    assert "48000 Hz stereo and 16000 Hz mono" in problem.message
    mixed = Graph()
    mixed.add("mixed", Mixed)
    mixed.add("sink", MixedSink)
    mixed.connect("mixed", "sink")
    assert [problem.code for problem in check(mixed).problems] == ["LG401"]


def test_two_sources_of_different_rates_into_one_input() -> None:
    """The second is converted to what the first decided."""
    graph = Graph()
    graph.add("one", Tone, rate=16_000)
    graph.add("other", Tone, rate=24_000)
    graph.add("pass", Pass)
    graph.connect("one", "pass")
    graph.connect("other", "pass")
    plan = graph.plan()
    assert plan.format_of("pass", "out").rate == 16_000
    assert [str(item.source) for item in plan.inserted] == ["24000 Hz mono"]


RATES = st.one_of(st.none(), st.sampled_from([8_000, 16_000, 24_000, 48_000]))


@given(RATES, st.lists(RATES, min_size=1, max_size=6))
def test_a_chain_agrees_on_one_rate_or_says_that_it_cannot(
    first: int | None, others: list[int | None]
) -> None:
    """Every join that succeeded left both ends with the same format, which both can do."""
    solver = FormatSolver()
    wishes = [first, *others]
    for index, rate in enumerate(wishes):
        ports = [
            PortSpec("audio", "in", (AudioFrame,), rate=rate),
            PortSpec("out", "out", (AudioFrame,), like="audio"),
        ]
        solver.add_node(f"n{index}", ports, {})
    joined = [solver.join((f"n{i}", "out"), (f"n{i + 1}", "audio")) for i in range(len(others))]
    formats = solver.formats()
    for index, done in enumerate(joined):
        if done:
            assert formats[f"n{index}", "out"] == formats[f"n{index + 1}", "audio"]
    for index, rate in enumerate(wishes):
        assert formats[f"n{index}", "audio"] == formats[f"n{index}", "out"]
        if rate is not None:
            assert formats[f"n{index}", "audio"].rate == rate


def test_options_name_rates() -> None:
    """FromOption reads the option; None leaves the port open."""
    port = PortSpec("out", "out", (AudioFrame,), rate=FromOption("rate"), channels=FromOption("channels"))
    assert port.rates({"rate": 8_000}) == (8_000,)
    assert port.rates({"rate": None}) is None
    assert port.channel_counts({"channels": 2}) == (2,)


def test_frames_of_the_callers_own_class_count_as_audio() -> None:
    """A subclass of AudioFrame is negotiated like it."""

    graph = Graph()
    graph.add("source", Source)
    graph.add("hear", Hear, rate=16_000)
    graph.connect("source", "hear")
    assert len(graph.plan().inserted) == 1


@pytest.mark.parametrize(
    ("audio_format", "text"),
    [
        (AudioFormat(16_000, 1), "16000 Hz mono"),
        (AudioFormat(48_000, 2), "48000 Hz stereo"),
        (AudioFormat(8_000, 6), "8000 Hz 6 channels"),
    ],
)
def test_formats_read_well(audio_format: AudioFormat, text: str) -> None:
    """As people say them."""
    assert str(audio_format) == text
