"""What goes out goes out in order and once, again only when it may not have arrived, and never without bound."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import decode_client
from livegraph.pipeline import MS, SECOND
from livegraph.processors.gemini_live.session.outbox import Kind, Outbox


def samples(first: int, count: int = 320) -> np.ndarray:
    return (np.arange(count) + first).astype(np.int16)


def shown(message: str | None) -> list[int] | str | None:
    """The samples of an audio message; anything else as it is."""
    if message is None or not message.startswith("{"):
        return message
    content = decode_client(message, strict=True).realtime_input
    assert content is not None
    if content.audio is None:
        return message
    assert content.audio.mime_type == "audio/pcm;rate=16000"
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
        box.sent(0)
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
        box.sent(0)
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
    box.sent(0)
    assert box.take() == "later"


def test_too_much_sound_loses_its_oldest_and_no_message() -> None:
    """The bound is time."""
    box = Outbox(keep_ns=SECOND)
    box.put("text")
    for index in range(60):
        box.put_audio(samples(index), 16_000)
    assert box.held_ns == SECOND and box.dropped_ns == 200 * MS
    assert box.take() == "text"
    box.sent(0)
    assert (shown(box.take()) or [])[0] == 10


def test_too_many_messages_are_refused() -> None:
    """And the first of them are kept."""
    box = Outbox()
    results = [box.put(str(index)) for index in range(1025)]
    assert results == [True] * 1024 + [False]
    assert box.take() == "0"


def drain(box: Outbox, now_ns: int = 0) -> list[list[int] | str | None]:
    """Send all that waits."""
    sent = []
    while box:
        sent.append(shown(box.take()))
        box.sent(now_ns)
    return sent


def test_what_has_not_arrived_goes_out_again_in_its_order() -> None:
    """In front of what waits, sound and texts as they were mixed."""
    box = Outbox()
    for index in range(3):
        box.put_audio(samples(320 * index), 16_000)
        box.put(f"text {index}")
    first = drain(box)
    box.put("later")
    box.confirm(3)
    box.rewind()
    assert box.number == 0 and not box.unsure
    assert drain(box) == [*first[3:], "later"]
    box.confirm(4)
    assert not box.unsure


def test_short_pieces_are_sent_in_pairs_and_nothing_else_waits_for_that() -> None:
    """Over a network a message of 20 ms costs as much as one of 40; what comes behind sound takes it along."""
    box = Outbox()
    box.piece_ns = 40 * MS
    box.put_audio(samples(0), 16_000)
    assert box.take() is None and box
    box.put_audio(samples(1), 16_000)
    assert drain(box) == [[*samples(0), *samples(1)]]
    box.put_audio(samples(2), 16_000)
    box.put("question")
    assert drain(box) == [[*samples(2)], "question"]


@given(
    steps=st.lists(st.sampled_from(["sound", "text", "picture", "long sound"]), max_size=12),
    takes=st.lists(st.booleans(), max_size=24),
    piece_ms=st.sampled_from([0, 20, 40, 100]),
    pauses=st.lists(st.booleans(), max_size=12),
)
def test_a_sender_that_waits_sends_whatever_is_due(
    steps: list[str], takes: list[bool], piece_ms: int, pauses: list[bool]
) -> None:
    """Whether the link takes a message in the step in which it came or not, and whatever stood before it: nothing is
    left behind but sound that waits for more of it, and the order is kept."""

    async def run() -> None:
        box, sent, given_in = Outbox(), [], []
        box.piece_ns = piece_ms * MS
        answers, rests = iter(takes), iter(pauses)

        def at_once() -> bool:
            """As a link does: it takes a message now, or leaves it to the sender."""
            message = box.take()
            if message is None:
                return False
            if not next(answers, True):
                box.put_back()
                return False
            sent.append(message)
            box.sent(0)
            return True

        async def sender() -> None:
            while True:
                message = box.take()
                if message is None:
                    await box.filled()
                    continue
                sent.append(message)
                box.sent(0)

        task = asyncio.create_task(sender())
        await asyncio.sleep(0)
        box.at_once = at_once
        for number, step in enumerate(steps):
            if step == "text":
                box.put(f"text {number}")
                given_in.append(f"text {number}")
            elif step == "picture":
                box.put(f"picture {number}", Kind.PICTURE)
                given_in.append(f"picture {number}")
            else:
                pcm = samples(number * 4_000, 320 if step == "sound" else 4_000)
                box.put_audio(pcm, 16_000)
                given_in += pcm.tolist()
            if next(rests, True):
                for _ in range(3):
                    await asyncio.sleep(0)
                assert not box or (box.held_ns < box.piece_ns and not box.asks)
        for _ in range(2 * len(steps) + 3):
            await asyncio.sleep(0)
        assert not box or box.held_ns < box.piece_ns
        box.put("the end")
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        went: list[object] = []
        for message in sent:
            said = shown(message) if isinstance(message, str) else message
            went += said if isinstance(said, list) else [said]
        assert not box and went == [*given_in, "the end"]

    asyncio.run(run())


def test_what_is_not_confirmed_is_kept() -> None:
    """However long ago it was sent; what asks for an answer that does not come is for one connection."""
    box = Outbox()
    for second in range(4):
        box.put(str(second))
        drain(box, second * SECOND)
    box.put("[Answer it now.]", Kind.NUDGE)
    box.confirm(1)
    box.rewind()
    assert drain(box) == ["1", "2", "3"]


def test_sound_is_kept_until_it_is_answered() -> None:
    """A fresh session has heard nothing of it; what was answered before is not said again."""
    box = Outbox()
    for second in range(4):
        box.put_audio(samples(second), 16_000)
        drain(box, second * SECOND)
    box.confirm(4)
    box.answered(SECOND)
    box.rewind()
    box.start_afresh(0)
    [again] = drain(box)
    assert again == [*samples(1), *samples(2), *samples(3)]
    box.start_afresh(0)
    assert drain(box) == []


def test_what_is_too_big_is_not_sent_again() -> None:
    """Of a result the model is told so; the rest goes out."""
    box = Outbox()
    box.put("x" * 300_000, Kind.RESULT, refusal="too big")
    box.put("y" * 300_000)
    box.put("question")
    drain(box)
    box.rewind()
    assert box.drop_oversized() and drain(box) == ["too big", "question"]
    assert not box.drop_oversized()


def test_what_is_answered_has_arrived() -> None:
    """Texts and results that were sent before the answer began; sound stays unsure."""
    box = Outbox()
    box.put_audio(samples(0), 16_000)
    box.put("question")
    box.put("result", Kind.RESULT)
    drain(box, 0)
    box.put("another")
    drain(box, SECOND)
    box.answered(SECOND)
    box.rewind()
    assert drain(box) == [list(range(320)), "another"]


def test_pictures_are_the_newest_and_are_not_repeated() -> None:
    """One waits at most."""
    box = Outbox()
    for index in range(3):
        box.put_picture(f"picture {index}")
    assert drain(box) == ["picture 2"]
    box.rewind()
    assert not box
    box.put_picture("picture 3")
    assert drain(box) == ["picture 3"]


def test_a_turn_that_was_open_is_opened_again() -> None:
    """A connection knows nothing of the turn that the one before had been told of."""
    box = Outbox()
    box.signal(Kind.START)
    box.put_audio(samples(0), 16_000)
    drain(box)
    box.confirm(2)
    box.put_audio(samples(320), 16_000)
    box.signal(Kind.END)
    box.rewind()
    start, sound, end = drain(box)
    assert sound == list(range(320, 640))
    assert "activityStart" in str(start) and "activityEnd" in str(end)
    box.confirm(3)
    box.rewind()
    assert not box


def test_a_new_session_gets_results_in_words() -> None:
    """It has asked for none; texts of the user stay what they are."""
    box = Outbox()
    box.put("text", plain="Hello?")
    box.put("response", Kind.RESULT, plain="in words")
    drain(box)
    box.rewind()
    assert box.waiting_texts() == ["Hello?"]
    box.start_afresh()
    assert box.waiting_texts() == ["Hello?"]
    assert drain(box) == ["text", "in words"]


def test_what_nobody_confirms_is_forgotten_in_time() -> None:
    """Neither sound nor messages pile up behind a server that never says what it has."""
    box = Outbox(keep_ns=SECOND)
    for index in range(3000):
        assert box.put(str(index))
        box.put_audio(samples(index), 16_000)
        drain(box)
    box.rewind()
    left = drain(box)
    assert len(left) <= 100
    assert left[-2] == "2999"


@given(st.lists(st.sampled_from(["audio", "text", "take", "fail", "arrive", "break"]), max_size=60))
def test_nothing_is_lost_repeated_or_reordered(steps: list[str]) -> None:
    """However often sending fails and connections break, where it is known what has arrived."""
    box = Outbox()
    put: list[int | str] = []
    got: list[int | str] = []
    flying: list[list[int | str]] = []
    arrived = next_sample = 0

    def arrive() -> None:
        nonlocal arrived
        if flying:
            got.extend(flying.pop(0))
            arrived += 1

    def take(keep: bool) -> None:
        message = shown(box.take())
        if message is None:
            return
        if not keep:
            box.put_back()
            return
        box.sent(0)
        flying.append([message] if isinstance(message, str) else list(message))

    for number, step in enumerate(steps):
        if step == "audio":
            box.put_audio(samples(next_sample, 40), 16_000)
            put.extend(range(next_sample, next_sample + 40))
            next_sample += 40
        elif step == "text":
            box.put(f"text {number}")
            put.append(f"text {number}")
        elif step == "arrive":
            arrive()
        elif step == "break":
            flying.clear()
            box.confirm(arrived)
            box.rewind()
            arrived = 0
        else:
            take(step == "take")
    while box:
        take(True)
    while flying:
        arrive()
    assert got == put
    assert box.held_ns == 0
