"""The gate ends turns by the speaker's own pauses, and lets an end-of-turn model shorten or lengthen a wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.audio import SmartTurn
from livegraph.pipeline import MS, SECOND, AudioFrame, ConfigError, SpeechEndFrame, run_virtual
from livegraph.processors.vad_gate import VadGate
from livegraph.testing import live_processor
from support.speech import RATE, recorded

Pcm = npt.NDArray[np.int16]


def said(*pauses_ms: int) -> Pcm:
    """A person says the same again after each of the pauses; half a second before and three after."""
    words = recorded("go_forward").pcm
    loud = np.flatnonzero(np.abs(words.astype(int)) > 600)
    words = words[loud[0] : loud[-1]]
    parts: list[Pcm] = [_silence(500), words]
    for pause_ms in pauses_ms:
        parts += [_silence(pause_ms), words]
    return np.concatenate([*parts, _silence(3_000)])


def ends(pcm: Pcm, *, answers: tuple[int, ...] = (), **options: Any) -> list[tuple[int, int]]:
    """Where turns ended, and how long after that it was told, in milliseconds.

    ``pcm`` is heard in its time, and an answer to it at each of ``answers`` (milliseconds).
    """

    async def main() -> list[tuple[int, int]]:
        async with live_processor(VadGate, **{"turn_model": "off"} | options) as box:
            for start in range(0, len(pcm), 320):
                at_ms = start * 1_000 // RATE
                await box.clock.sleep_until_ns(at_ms * MS + 20 * MS)
                if at_ms in answers:
                    turn = box.conversation.next_turn()
                    box.conversation.played(turn, 20 * MS)
                    box.conversation.played_out(turn)
                await box.send(AudioFrame(pcm[start : start + 320], RATE, time_ns=at_ms * MS))
            box.end()
            await box.ended()
        told = [one for one in box.received if isinstance(one.frame, SpeechEndFrame)]
        return [(one.frame.time_ns // MS, (one.time_ns - one.frame.time_ns) // MS) for one in told]

    return run_virtual(main())


def test_who_pauses_for_long_is_cut_off_once_and_then_waited_for() -> None:
    """The same five pauses end six turns by plain silence, and two where the gate learns."""
    pcm = said(700, 700, 700, 700, 700)
    assert len(ends(pcm, turn_end="silence")) == 6
    assert len(ends(pcm, turn_end="adaptive")) == 2


def test_an_answer_between_makes_two_turns_of_it() -> None:
    """Where the agent has answered in the pause, what follows is a turn of its own, and nothing was cut off."""
    pcm = said(1_600, 1_600, 1_600)
    length = (len(pcm) * 1_000 // RATE - 3_500 - 4_800) // 4
    answers = tuple((500 + (length + 1_600) * (turn + 1) - 800) // 20 * 20 for turn in range(3))
    found = ends(pcm, answers=answers, turn_end="adaptive")
    assert len(found) == 4
    assert found[-1][1] <= found[0][1]


def test_the_wait_shrinks_for_who_never_pauses() -> None:
    """Short turns, each answered: the last is told sooner than the first."""
    pcm = said(*[1_500] * 9)
    length = (len(pcm) * 1_000 // RATE - 3_500 - 9 * 1_500) // 10
    answers = tuple((500 + (length + 1_500) * (turn + 1) - 700) // 20 * 20 for turn in range(9))
    found = ends(pcm, answers=answers, turn_end="adaptive")
    assert len(found) == 10
    assert found[-1][1] < found[0][1] - 60


class Verdict:
    """A network that always says the same, and counts how often it was asked."""

    def __init__(self, finished: float) -> None:
        self.finished, self.heard = finished, 0

    def run(self, _: object, inputs: dict[str, Any]) -> list[Any]:
        assert inputs["input_features"].shape == (1, 80, 800)
        self.heard += 1
        return [np.array([[self.finished]])]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a network in the place of the one on this machine."""

    def put(finished: float) -> Verdict:
        verdict = Verdict(finished)
        monkeypatch.setattr("livegraph.processors.vad_gate.find_model", lambda: Path("model.onnx"))
        monkeypatch.setattr(SmartTurn, "load", staticmethod(lambda _: SmartTurn(verdict)))
        return verdict

    pytest.importorskip("onnxruntime")
    return put


def test_the_model_lengthens_the_wait_for_who_sounds_unfinished(network: Any) -> None:
    """A pause that would have ended the turn does not, as long as it is below the longest."""
    pcm = said(700)
    assert len(ends(pcm, turn_end="adaptive")) == 2
    verdict = network(0.02)
    assert len(ends(pcm, turn_end="adaptive", turn_model="auto")) == 1
    assert verdict.heard >= 2


def test_the_model_never_ends_a_turn_alone(network: Any) -> None:
    """Sure that all is said, it shortens the wait, and not below the shortest silence."""
    pcm = said(250, 250)
    network(1.0)
    found = ends(pcm, turn_end="adaptive", turn_model="auto", shortest=400 * MS)
    assert len(found) == 1
    assert 400 <= found[0][1] <= 500


def test_the_model_is_asked_once_a_pause(network: Any) -> None:
    """However long the silence is, and not for a closure within a word."""
    verdict = network(0.5)
    ends(said(), turn_end="adaptive", turn_model="auto", longest=2 * SECOND)
    assert verdict.heard == 1


@pytest.mark.parametrize("finished", [0.0, 0.5, 1.0])
def test_plain_silence_asks_nobody(network: Any, finished: float) -> None:
    """Where turns end by a fixed silence the model costs nothing."""
    verdict = network(finished)
    ends(said(700), turn_end="silence", turn_model="auto")
    assert verdict.heard == 0


def test_options_that_cannot_be_are_named_before_a_call(tmp_path: Path) -> None:
    """A model that is not there is a fault; bounds that cross are a warning, and the shortest counts."""
    with pytest.raises(ConfigError, match=r"there is no file `no\.onnx`"):
        ends(said(), turn_end="adaptive", turn_model=tmp_path / "no.onnx")
    (fault,) = VadGate.check_options({"shortest": 2 * SECOND})
    assert fault.warning
    assert "`shortest` is longer than `longest`" in fault.message
    assert 2_000 <= ends(said(), turn_end="adaptive", shortest=2 * SECOND)[0][1] <= 2_100


def _silence(ms: int) -> Pcm:
    return np.random.default_rng(1).normal(0, 4, RATE * ms // 1_000).astype(np.int16)
