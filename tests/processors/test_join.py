"""The join: several streams as one, as they come, by time, or one after the other."""

from typing import Any

import pytest

from livegraph.pipeline import ProcessorError, TextFrame, ms
from livegraph.processors import Join
from livegraph.testing import Wait, run_processor


def joined(*streams: dict[str, Any], **options: Any) -> list[tuple[str, int]]:
    """What comes out, and when, of streams of texts that bear their times and come ``late_ms`` after them."""
    names = "abc"[: len(streams)]
    given = {f"inputs.{name}": says(name, **stream) for name, stream in zip(names, streams, strict=True)}
    run = run_processor(Join, given, edges={"inputs": [*names]}, **options)
    return list(zip(run.texts, (time_ns // ms(1) for time_ns in run.times_ns("out")), strict=True))


def says(name: str, *, times_ms: list[int], late_ms: int = 0) -> list[Wait | TextFrame]:
    given: list[Wait | TextFrame] = []
    before_ms = 0
    for time_ms in times_ms:
        at_ms = time_ms + late_ms
        given += [Wait(ms(at_ms - before_ms)), TextFrame(f"{name}{time_ms}", time_ns=ms(time_ms))]
        before_ms = at_ms
    return given


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
