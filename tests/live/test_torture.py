"""Connections die every five seconds, in every way that they can, through a conversation of two minutes.

On virtual time, with people's voices, the real box, and the real simulator, which hears and speaks.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.liveapi.link import Link
from livegraph.pipeline import SECOND, run_virtual
from livegraph.processors.gemini_live import LiveConnector
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.faults import HangUp, RawBytes, Stall
from livegraph.simulator.scenario import Act, Close, Cut, GoAway, RefuseResume, Scenario, Scene, When
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from support.conversation import FRAME, RATE, Conversation, converse, plan_of
from support.speech import recorded, spoken

Pcm = npt.NDArray[np.int16]

LASTS_S = 160
EVERY_NS = 5 * SECOND
TRAILING = 24_000
FUNCTIONS = {"drive": 3.0, "look": 7.0}
SCRIPT = parse_brain("""
version: 1
rules:
  - hear: go forward
    call: {tool: drive, args: {text: forward}}
    say_result: "I have gone forward, and that was number {result.number}."
  - hear: go somewhere
    call: {tool: look, args: {text: somewhere}}
    say_result: "I have been somewhere, and that was number {result.number}."
fallback: "I heard you say: {heard}. What else is there?"
""")

DEATHS: dict[str, tuple[Act, ...]] = {
    "1011 internal error": (Close(1011, "Internal error encountered."),),
    "reset": (HangUp(reset=True),),
    "1011 unavailable": (Close(1011, "The service is currently unavailable."),),
    "silence for 45 s": (Stall(reading=True, writing=True, for_ns=45 * SECOND),),
    "goAway, 2 s": (GoAway(2 * SECOND),),
    "1001 going away": (Close(1001),),
    "1008 aborted": (Close(1008, "The operation was aborted."),),
    "end of file": (HangUp(reset=False),),
    "1008 not implemented": (Close(1008, "Operation is not implemented, or supported, or enabled."),),
    "goAway and reset": (GoAway(10 * SECOND, close=False), HangUp(reset=True)),
    "half a message, then a reset": (Cut(reset=True),),
    "1011, the session still held": (RefuseResume(2), Close(1011, "Deadline expired before operation could complete.")),
    "1000": (Close(1000),),
    "bytes of no message": (RawBytes(b"\xff" * 16),),
    "1012 restart": (Close(1012),),
    "half a message, then 1011": (Close(1011, "Internal error encountered.", half=True),),
}  # fmt: skip
"""Each in its turn, five seconds after a connection has begun."""


class NextDeath(tuple[Act, ...]):
    """What a scene does: each time it plays, the next way to die, and again from the first."""

    died: Counter[str]

    @classmethod
    def of(cls, died: Counter[str]) -> NextDeath:
        made = cls((Close(1011),))
        made.died = died
        return made

    def __iter__(self) -> Iterator[Act]:
        way = list(DEATHS)[self.died.total() % len(DEATHS)]
        self.died[way] += 1
        return iter(DEATHS[way])


def scenario(died: Counter[str]) -> Scenario:
    """A connection dies when it is five seconds old. Attempts that are refused never are, so they are no turn."""
    return Scenario((Scene(When("time", at_ns=EVERY_NS), NextDeath.of(died)),))


def monologue() -> Pcm:
    """Two minutes at the microphone: utterances, pauses, and a faint noise in which no 20 ms are like any others."""
    voices = [
        *(recorded(name).pcm for name in ("go_forward", "amiable", "do_something", "numbers")),
        spoken("What time is it?").pcm,
        recorded("go_forward").pcm,
        spoken("How are you today?").pcm,
    ]
    stream = np.random.default_rng(0).integers(-4, 5, LASTS_S * RATE).astype(np.int16)
    at = RATE
    for number, voice in enumerate(itertools.cycle(voices)):
        if at + 6 * RATE >= len(stream):
            return stream
        stream[at : at + len(voice)] += voice
        # Pauses of different lengths: deaths fall into speech, into answers and between.
        at += len(voice) + round((4.5 + number % 4 * 0.7) * RATE)
    raise AssertionError


def talk(scenes: Scenario, *, connector: Callable[[Any], Any] = lambda given: given) -> Conversation:
    """The monologue, said to an agent with slow functions, and all that came of it."""

    async def body(conversation: Conversation) -> None:
        await conversation.speak(monologue())
        await conversation.finish()

    async def main() -> Conversation:
        async with no_tasks_left():
            return await converse(
                body,
                plan_of({"voice": "Kore"}, FUNCTIONS),
                simulator={"script": SCRIPT, "scenario": scenes, "voice": TonesVoice(), "strict": True},
                connector=connector,
            )

    return run_virtual(main())


@functools.cache
def calm() -> Conversation:
    """With one connection from the first word to the last."""
    return talk(Scenario())


@dataclass(frozen=True, slots=True)
class Sound:
    """What of the user's sound has arrived, in samples."""

    fed: int
    arrived: int
    lost: int
    repeated: int
    said_again: int
    """What of it was speech: the same silence twice takes nothing away."""
    whole: bool
    """Whether exactly what was fed has arrived, in its order."""

    @classmethod
    def of(cls, conversation: Conversation) -> Sound:
        fed, arrived = conversation.fed[0], conversation.wire.audio()
        # The end of the stream is 1.5 s of silence, which is none of the microphone's.
        assert not arrived[-TRAILING:].any()
        arrived = arrived[:-TRAILING]
        one, other = Counter(pieces(fed)), Counter(pieces(arrived))
        assert max(one.values()) == 1, "each piece can be told from all others"
        again = other - one
        loud = Counter({piece: count for piece, count in again.items() if _is_loud(piece)})
        return cls(
            len(fed),
            len(arrived),
            (one - other).total() * FRAME,
            again.total() * FRAME,
            loud.total() * FRAME,
            np.array_equal(fed, arrived),
        )


def pieces(pcm: Pcm) -> list[bytes]:
    """20 ms each."""
    return [pcm[at : at + FRAME].tobytes() for at in range(0, len(pcm), FRAME)]


def _is_loud(piece: bytes) -> bool:
    """Whether it is more than the noise in which everything is said."""
    return int(np.abs(np.frombuffer(piece, np.int16)).max()) > 200


def words(conversation: Conversation) -> list[str]:
    """All that the user said. Where one utterance ends and the next begins depends on how fast they are told."""
    return re.findall(r"[a-z]+", " ".join(conversation.said("user")).lower())


def answered(conversation: Conversation) -> Counter[str]:
    """How often each call was answered."""
    results = Counter(id_ for id_, _ in conversation.wire.results())
    return Counter({id_: results[id_] for id_ in conversation.tools.called}) | results


def test_no_sample_no_result_and_no_word_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    """What the simulator has heard over all connections is what was said, sample by sample, and so are its words.

    Every function is asked for once and answered once, though connections end while it works; and the agent's voice
    has no pause in it.
    """
    died: Counter[str] = Counter()
    undisturbed, torn = calm(), talk(scenario(died))
    sound, answers = Sound.of(torn), answered(torn)
    changes, lasted_s = torn.changes(), torn.call.clock.now_ns() / SECOND
    with capsys.disabled():
        print(f"\ntorture: {died.total()} deaths of {len(died)} kinds in {lasted_s:.0f} s: {dict(died)}")
        print(
            f"  connections {torn.wire.connections}: resumed {changes['resumed']}, new sessions {changes['renewed']}"
        )
        print(
            f"  samples fed {sound.fed}, heard {sound.arrived}, lost {sound.lost}, repeated {sound.repeated}"
        )
        print(
            f"  calls {len(torn.tools.called)}, results {answers.total()}, results per call {set(answers.values())}"
        )
        print(f"  words of the user {len(words(torn))}, undisturbed {len(words(undisturbed))}")
        print(f"  turns heard {torn.speaker.turns}, pauses in them {len(torn.speaker.gaps_ns())}")
    assert set(died) == set(DEATHS), "every way to die was used"
    assert changes["resumed"] == died.total() and not changes["renewed"]
    assert sound.whole and (sound.lost, sound.repeated) == (0, 0), sound
    assert words(torn) == words(undisturbed) and len(words(torn)) > 50
    # What was said into 45 s of silence arrives at once: a wish that is said again before it was answered is one.
    assert 5 <= len(torn.tools.called) <= len(undisturbed.tools.called)
    assert set(answers.values()) == {1}, answers
    assert torn.speaker.gaps_ns() == [] and torn.speaker.turns >= 8


class _ByPongs:
    """A link that learns what has arrived as a WebSocket does: 40 ms after it has asked."""

    exact = False

    exact = False

    def __init__(self, link: Any) -> None:
        self._link = link
        self.received = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    async def probe(self) -> None:
        await self._link.probe()
        received = self._link.received
        await asyncio.sleep(0.04)
        self.received = max(self.received, received)


class _Connector(LiveConnector):
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.label = inner.label

    async def connect(self, path: str, headers: Mapping[str, str]) -> Link:
        return _ByPongs(await self._inner.connect(path, headers))


def test_where_only_pongs_tell_what_has_arrived(capsys: pytest.CaptureFixture[str]) -> None:
    """Over a network nobody knows whether the last of a connection has arrived: nothing is lost, little is said again.

    Whoever asks twice a second has at most what was said since the last answer to say again.
    """
    died: Counter[str] = Counter()
    torn = talk(scenario(died), connector=_Connector)
    sound, answers = Sound.of(torn), answered(torn)
    most_s = sound.repeated / RATE / died.total()
    with capsys.disabled():
        print(
            f"\ntorture by pongs: {died.total()} deaths; samples lost {sound.lost}, repeated {sound.repeated}",
            end="",
        )
        print(
            f" ({most_s * 1000:.0f} ms a death, {sound.said_again / 16 / died.total():.0f} of speech)", end=""
        )
        print(f"; results per call {set(answers.values())}")
    assert sound.lost == 0
    assert most_s < 0.75
    # While somebody speaks it is asked twice a second; while nobody does, every two seconds.
    assert sound.said_again / RATE / died.total() < 0.25
    assert set(answers.values()) == {1}, answers
    missing = Counter(words(calm())) - Counter(words(torn))
    assert missing.total() <= died.total(), missing
