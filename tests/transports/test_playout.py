"""The playout buffer: nothing lost, nothing twice, no clicks, and the truth about what was played."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.frames import AudioFrame, Turn, TurnEndFrame, TurnStartFrame
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.playout import Played, PlayedOut, PlayoutBuffer

RATE = 8_000
LOUD = 10_000


def audio(samples: Any, turn: int = 1, rate: int = RATE) -> AudioFrame:
    return AudioFrame(samples=np.asarray(samples, np.int16), rate=rate, turn=turn)


def level(samples: int, turn: int = 1) -> AudioFrame:
    return audio(np.full(samples, LOUD), turn)


def steps(pcm: Any) -> int:
    """The greatest step between neighbours, silence before and after."""
    return int(np.abs(np.diff(np.concatenate(([0], pcm, [0])).astype(np.int32))).max())


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 300)),
        st.tuples(st.just("pull"), st.integers(1, 400)),
        st.tuples(st.just("pause"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
    ),
    max_size=40,
)


def drive(
    buffer: PlayoutBuffer, operations: list[tuple[str, int]], values: Any
) -> tuple[Any, list[Any], int]:
    """Carry out the operations, then play the rest: the sound, the facts, how much was pushed."""
    out: list[Any] = []
    pushed = 0
    for name, count in operations:
        if name == "push":
            assert buffer.push(audio(values(pushed, count)))
            pushed += count
        elif name == "pull":
            out.append(buffer.pull(count))
            assert len(out[-1]) == count and out[-1].dtype == np.int16
        else:
            getattr(buffer, name)()
    buffer.push(TurnEndFrame(turn=1))
    buffer.finish()
    buffer.resume()
    while not buffer.drained:
        out.append(buffer.pull(160))
    return np.concatenate(out) if out else np.zeros(0, np.int16), buffer.facts(), pushed


@given(OPERATIONS, st.sampled_from([0, 10, 40]))
def test_every_sample_is_played_once_and_in_order(operations: list[tuple[str, int]], cushion_ms: int) -> None:
    buffer = PlayoutBuffer(RATE, fade_ns=0, cushion_ns=cushion_ms * MS)
    out, facts, pushed = drive(buffer, operations, lambda at, count: np.arange(at + 1, at + count + 1))
    assert out[out != 0].tolist() == list(range(1, pushed + 1))
    assert facts[-1] == PlayedOut(1)


@given(OPERATIONS)
def test_fades_neither_lose_nor_repeat_samples(operations: list[tuple[str, int]]) -> None:
    """All that was pushed is played and told; where it was cut short, up to 5 ms die away after it."""
    buffer = PlayoutBuffer(RATE, fade_ns=5 * MS)
    out, facts, pushed = drive(buffer, operations, lambda _, count: np.full(count, LOUD))
    assert pushed <= np.count_nonzero(out) <= pushed + 40 * (len(operations) + 1)
    positions = [fact for fact in facts if isinstance(fact, Played)]
    assert [fact.position_ns for fact in positions] == ([pushed * SECOND // RATE] if pushed else [])


@given(OPERATIONS)
def test_nothing_clicks(operations: list[tuple[str, int]]) -> None:
    """However sound is cut, no step is higher than the steepest of a 5 ms fade."""
    out, _, _ = drive(PlayoutBuffer(RATE, fade_ns=5 * MS), operations, lambda _, count: np.full(count, LOUD))
    assert steps(out) <= LOUD * np.pi / 2 / 40 + 2


@given(OPERATIONS, st.integers(0, 40))
def test_a_flush_does_not_click_either(operations: list[tuple[str, int]], at: int) -> None:
    operations.insert(min(at, len(operations)), ("flush", 0))
    buffer = PlayoutBuffer(RATE, fade_ns=5 * MS)
    out = []
    turn = 1
    for name, count in operations:
        if name == "push":
            buffer.push(level(count, turn))
        elif name == "pull":
            out.append(buffer.pull(count))
        elif name == "flush":
            buffer.flush(turn)
            turn += 1
        else:
            getattr(buffer, name)()
    buffer.resume()
    buffer.finish()
    while not buffer.drained:
        out.append(buffer.pull(160))
    assert steps(np.concatenate(out) if out else np.zeros(1)) <= LOUD * np.pi / 2 / 40 + 2


def test_silence_comes_out_when_there_is_nothing() -> None:
    buffer = PlayoutBuffer(RATE)
    assert not buffer.pull(160).any()
    assert len(buffer.take(160)) == 0
    assert buffer.facts() == []


def test_quiet_sound_passes_untouched() -> None:
    """Speech that begins and ends near zero is not faded: a file that goes through comes out the same."""
    samples = np.round(8_000 * np.sin(np.arange(800) * 2 * np.pi / 80)).astype(np.int16)
    buffer = PlayoutBuffer(RATE)
    buffer.push(audio(samples))
    buffer.push(audio([0]))
    assert np.array_equal(buffer.take(2_000), np.append(samples, 0))


def test_a_pause_is_heard_at_once_and_fades() -> None:
    buffer = PlayoutBuffer(RATE, fade_ns=5 * MS)
    buffer.push(level(800))
    buffer.pull(160)
    buffer.pause()
    out = buffer.pull(160)
    assert out[0] > 9_000 and abs(int(out[39])) < 100 and not out[40:].any()
    assert not buffer.pull(160).any()
    buffer.resume()
    assert buffer.pull(160)[40:].min() == LOUD
    # 160 before, 40 in the fade, 160 after.
    assert buffer.facts()[-1] == Played(1, 360 * SECOND // RATE)


def test_a_turn_is_not_over_while_it_is_paused() -> None:
    """The conversation would wait for ever for a resume of a turn that it thinks is over."""
    buffer = PlayoutBuffer(RATE)
    buffer.push(level(160))
    buffer.push(TurnEndFrame(turn=1))
    buffer.pull(150)
    buffer.pause()
    buffer.pull(480)
    assert PlayedOut(1) not in buffer.facts()
    buffer.resume()
    buffer.pull(160)
    assert buffer.facts() == [PlayedOut(1)]


def test_a_flush_voids_what_comes_late_and_ends_a_pause() -> None:
    buffer = PlayoutBuffer(RATE, fade_ns=5 * MS)
    buffer.push(TurnStartFrame(turn=1))
    buffer.push(level(8_000))
    buffer.pull(160)
    buffer.pause()
    buffer.flush(1)
    assert buffer.held_ns == 0 and not buffer.paused
    assert not buffer.push(level(160)) and not buffer.push(TurnEndFrame(turn=1))
    assert buffer.push(level(160, turn=2)) and buffer.push(level(160, turn=0))
    out = buffer.pull(800)
    assert (out == LOUD).sum() >= 240
    buffer.pull(160)
    assert buffer.facts() == [Played(2, 20 * MS)]


def test_turns_are_told_apart() -> None:
    buffer = PlayoutBuffer(RATE)
    for turn in (1, 2):
        buffer.push(level(80, turn))
        buffer.push(TurnEndFrame(turn=turn))
    buffer.pull(120)
    assert buffer.facts() == [Played(1, 10 * MS), PlayedOut(1), Played(2, 5 * MS)]
    buffer.pull(40)
    assert buffer.facts() == [Played(2, 10 * MS), PlayedOut(2)]


def test_full_is_told_in_time() -> None:
    buffer = PlayoutBuffer(RATE, limit_ns=100 * MS)
    buffer.push(level(799))
    assert not buffer.full
    buffer.push(level(1))
    assert buffer.full and buffer.held_ns == 100 * MS
    buffer.pull(1)
    assert not buffer.full


def test_a_cushion_holds_the_first_sound_but_not_for_ever() -> None:
    buffer = PlayoutBuffer(RATE, cushion_ns=40 * MS)
    buffer.push(level(160))
    assert not buffer.pull(160).any() and not buffer.pull(160).any()
    assert buffer.pull(160).any()
    buffer.pull(160)
    buffer.push(level(160))
    buffer.push(level(160))
    assert buffer.pull(160).any()


def test_stereo() -> None:
    buffer = PlayoutBuffer(RATE, channels=2)
    buffer.push(audio(np.tile([LOUD, -LOUD], (400, 1))))
    out = buffer.pull(600)
    assert out.shape == (600, 2)
    assert np.array_equal(out[:, 0], -out[:, 1])
    assert steps(out[:, 0]) < 500


def test_another_format_is_refused() -> None:
    buffer = PlayoutBuffer(RATE)
    with pytest.raises(ValueError, match=r"16000 Hz in 1 channel.*8000 Hz in 1"):
        buffer.push(audio([1], rate=16_000))
    with pytest.raises(ValueError, match="2 channel"):
        buffer.push(audio([[1, 2]]))


def test_two_who_speak_at_once_are_each_known_by_their_own_place() -> None:
    """However their pieces follow each other, and however small they are; a new turn begins at its beginning."""
    playout = PlayoutBuffer(RATE)
    ours, theirs, next_of_ours = Turn(1, "a"), Turn(1, "b"), Turn(2, "a")
    size = RATE // 10
    for turn in (ours, theirs, ours, ours, theirs, next_of_ours, theirs):
        playout.push(AudioFrame(np.full(size, 500, np.int16), RATE, turn=turn))
    playout.finish()
    told = []
    for _ in range(7):
        playout.pull(size)
        told += [
            (fact.turn, fact.position_ns // (100 * MS))
            for fact in playout.facts()
            if isinstance(fact, Played)
        ]
    assert told == [(ours, 1), (theirs, 1), (ours, 2), (ours, 3), (theirs, 2), (next_of_ours, 1), (theirs, 3)]
