"""The join: several streams as one, as they come, by time, or one after the other."""

from typing import Any

import pytest

from livegraph.pipeline import Graph, In, Out, Processor, ProcessorError, TextFrame, ms, run_virtual
from livegraph.processors import Join


class Says(Processor):
    """Sends texts that bear their time, ``late_ms`` after it."""

    out: Out[TextFrame]

    def __init__(self, *, name: str, times_ms: list[int], late_ms: int = 0, turn: int = 0) -> None:
        self.label, self.times_ms, self.late_ms, self.turn = name, times_ms, late_ms, turn

    async def run(self) -> None:
        for time_ms in self.times_ms:
            await self.call.clock.sleep_until_ns(ms(time_ms + self.late_ms))
            text = f"{self.label}{time_ms}"
            await self.out.send(TextFrame(text, time_ns=ms(time_ms), turn=self.turn))


class Hears(Processor):
    """Keeps texts with the time at which they came."""

    text: In[TextFrame]

    def __init__(self, *, into: list[tuple[str, int]]) -> None:
        self.into = into

    def on_text(self, frame: TextFrame) -> None:
        self.into.append((frame.text, self.call.clock.now_ns() // ms(1)))


def joined(*streams: dict[str, Any], **options: Any) -> list[tuple[str, int]]:
    """What comes out, and when."""
    heard: list[tuple[str, int]] = []
    graph = Graph()
    join = graph.add(Join, **options)
    for name, stream in zip("abc", streams, strict=False):
        graph.connect(graph.add(name, Says, name=name, **stream).out, join.inputs)
    graph.connect(join.out, graph.add(Hears, into=heard).text)
    run_virtual(graph.plan().call().run())
    return heard


def test_frames_pass_as_they_come() -> None:
    """By default; the stream ends when all have."""
    heard = joined({"times_ms": [0, 40]}, {"times_ms": [10, 30], "late_ms": 15})
    assert heard == [("a0", 0), ("b10", 25), ("a40", 40), ("b30", 45)]


def test_frames_are_put_in_order_of_their_times() -> None:
    """Each waits for what may come before it; an input that has ended is not waited for."""
    heard = joined({"times_ms": [0, 40, 60]}, {"times_ms": [10, 30], "late_ms": 15}, order="time", wait="1s")
    assert [text for text, _ in heard] == ["a0", "b10", "b30", "a40", "a60"]
    assert dict(heard)["a0"] == 25


def test_nobody_is_waited_for_longer_than_it_may_take() -> None:
    """A silent input holds the others up for `wait`, no longer."""
    heard = joined({"times_ms": [0, 40]}, {"times_ms": [300]}, order="time", wait="100ms")
    assert heard[:2] == [("a0", 100), ("a40", 140)]


def test_one_stream_after_the_other() -> None:
    """What comes early is kept."""
    heard = joined({"times_ms": [0, 200]}, {"times_ms": [10, 30]}, {"times_ms": [5, 400]}, order="sequence")
    assert heard == [("a0", 0), ("a200", 200), ("b10", 200), ("b30", 200), ("c5", 200), ("c400", 400)]


def test_what_is_kept_has_a_bound() -> None:
    """Told with a remedy."""
    with pytest.raises(ProcessorError, match=r"keeps 2 frames already\. raise its limit"):
        joined({"times_ms": [500]}, {"times_ms": [1, 2, 3]}, order="sequence", limit=2)
