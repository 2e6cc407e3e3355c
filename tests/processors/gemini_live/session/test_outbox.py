"""What waits to be sent is sent once, in order, and is bounded."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import MS, SECOND
from livegraph.processors.gemini_live.session.outbox import Outbox
from livegraph.processors.gemini_live.wire import decode_client


def samples(first: int, count: int = 320) -> np.ndarray:
    return (np.arange(count) + first).astype(np.int16)


def shown(message: str | None) -> list[int] | str | None:
    """The samples of an audio message; anything else as it is."""
    if message is None or not message.startswith("{"):
        return message
    content = decode_client(message, strict=True).realtime_input
    assert (
        content is not None
        and content.audio is not None
        and content.audio.mime_type == "audio/pcm;rate=16000"
    )
    return np.frombuffer(content.audio.data, "<i2").tolist()


def test_order_is_kept_between_sound_and_messages() -> None:
    """What was said before something was written is sent before it."""
    box = Outbox()
    box.put_audio(samples(0), 16_000)
    box.put("text")
    box.put_audio(samples(320), 16_000)
    taken = []
    while box:
        taken.append(shown(box.take()))
        box.sent()
    assert taken == [list(range(320)), "text", list(range(320, 640))]
    assert box.take() is None


def test_sound_that_piled_up_is_sent_in_longer_pieces() -> None:
    """At most 100 ms each."""
    box = Outbox()
    for index in range(12):
        box.put_audio(samples(index * 320), 16_000)
    lengths = []
    while box:
        lengths.append(len(shown(box.take()) or ()))
        box.sent()
    assert lengths == [1600, 1600, 640]


def test_what_could_not_be_sent_is_the_next_again() -> None:
    """In its old order, and in front of what came meanwhile."""
    box = Outbox()
    for index in range(3):
        box.put_audio(samples(index * 320), 16_000)
    first = shown(box.take())
    assert box
    box.put("later")
    box.put_back()
    assert shown(box.take()) == first
    box.sent()
    assert box.take() == "later"


def test_too_much_sound_loses_its_oldest_and_no_message() -> None:
    """The bound is time."""
    box = Outbox(keep_ns=SECOND)
    box.put("text")
    for index in range(60):
        box.put_audio(samples(index), 16_000)
    assert box.held_ns == SECOND and box.dropped_ns == 200 * MS
    assert box.take() == "text"
    box.sent()
    assert (shown(box.take()) or [])[0] == 10


def test_too_many_messages_are_refused() -> None:
    """And the first of them are kept."""
    box = Outbox()
    results = [box.put(str(index)) for index in range(1025)]
    assert results == [True] * 1024 + [False]
    assert box.take() == "0"


@given(st.lists(st.sampled_from(["audio", "text", "take", "fail"]), max_size=60))
def test_nothing_is_lost_repeated_or_reordered(steps: list[str]) -> None:
    """However often sending fails."""
    box = Outbox()
    put: list[int | str] = []
    got: list[int | str] = []
    next_sample = 0

    def take(keep: bool) -> None:
        message = shown(box.take())
        if message is None:
            return
        if not keep:
            box.put_back()
            return
        box.sent()
        got.extend([message] if isinstance(message, str) else message)

    for number, step in enumerate(steps):
        if step == "audio":
            box.put_audio(samples(next_sample, 40), 16_000)
            put.extend(range(next_sample, next_sample + 40))
            next_sample += 40
        elif step == "text":
            box.put(f"text {number}")
            put.append(f"text {number}")
        else:
            take(step == "take")
    while box:
        take(True)
    assert got == put
    assert box.held_ns == 0
