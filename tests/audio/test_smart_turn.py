"""What the end-of-turn network sees is what it was trained on; its file is found where it may lie, or is not needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.audio import AudioError, SmartTurn
from livegraph.audio.smart_turn import features, find_model
from support.speech import recorded

DATA = Path(__file__).resolve().parents[1] / "data" / "audio" / "smart_turn_reference.npz"
NAME = "smart-turn-v3.2-cpu.onnx"


def reference() -> dict[str, npt.NDArray[np.generic]]:
    with np.load(DATA) as data:
        return dict(data)


def test_features_are_those_of_the_official_evaluation() -> None:
    """To a few millionths, over the last second of a sentence."""
    kept = reference()
    seen = features(np.asarray(kept["pcm"], np.int16))
    assert seen.shape == (80, 800)
    assert seen.dtype == np.float32
    assert np.abs(seen[:, -100:] - kept["features"]).max() < 2e-5


def test_only_the_last_eight_seconds_count() -> None:
    """What was said before changes nothing, and silence alone is no fault."""
    pcm = np.asarray(reference()["pcm"], np.int16)
    long = np.concatenate([pcm[::-1]] * 3 + [pcm] * 3)
    assert np.array_equal(features(long), features(long[-128_000:]))
    for nothing in (np.zeros(0, np.int16), np.zeros(1, np.int16), np.zeros(200_000, np.int16)):
        assert np.isfinite(features(nothing)).all()


def test_the_file_is_found_where_it_may_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's word first, then the user's cache."""
    monkeypatch.delenv("LIVEGRAPH_TURN_MODEL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = find_model()
    assert before is None or before.parent != tmp_path / "livegraph"
    (tmp_path / "livegraph").mkdir()
    kept = tmp_path / "livegraph" / NAME
    kept.touch()
    assert find_model() == kept
    named = tmp_path / "elsewhere.onnx"
    monkeypatch.setenv("LIVEGRAPH_TURN_MODEL", str(named))
    assert find_model() == named


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    """No network, no surprise in the middle of a call."""
    pytest.importorskip("onnxruntime")
    file = tmp_path / "speech.onnx"
    file.write_bytes(b"this is no network")
    with pytest.raises(AudioError, match=r"speech\.onnx is no network"):
        SmartTurn.load(file)


def test_it_tells_a_request_from_half_of_one() -> None:
    """Of the network itself: a request that was cut off in a word sounds less finished than the whole."""
    pytest.importorskip("onnxruntime")
    file = find_model()
    if file is None or not file.is_file():
        pytest.skip("smart-turn's file is not on this machine (LIVEGRAPH_TURN_MODEL)")
    model, kept = SmartTurn.load(file), reference()
    pcm = np.asarray(kept["pcm"], np.int16)
    ends = [int(end) for end in np.asarray(kept["ends"]).tolist()]
    for end, official in zip(ends, np.asarray(kept["probability"]).tolist(), strict=True):
        # Its weights are 8 bits wide, and processors round their products differently.
        assert abs(model.finished(pcm[:end]) - official) < 0.2
    whole = recorded("go_forward").pcm
    assert model.finished(whole) > 0.6 > model.finished(whole[: len(whole) // 2])
