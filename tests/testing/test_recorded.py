"""A service that answers from a recording."""

import json
from pathlib import Path

import numpy as np
import pytest

from livegraph.pipeline import TextFrame, TranscriptFrame
from livegraph.processors import GeminiLive
from livegraph.testing import Wait, recorded_wire, run_processor


def _recording(folder: Path) -> Path:
    """The server's side of one turn of words and sound."""
    sound = folder / "sound.pcm"
    sound.write_bytes(np.full(24_000 // 2, 800, np.int16).tobytes())
    part = {
        "inlineData": {"mimeType": "audio/pcm;rate=24000", "data": f"sound.pcm[0:{sound.stat().st_size}]"}
    }
    content = [
        {"serverContent": {"modelTurn": {"parts": [part]}}},
        {"serverContent": {"outputTranscription": {"text": "Good morning."}}},
        {"serverContent": {"generationComplete": True}},
        {"serverContent": {"turnComplete": True}},
    ]
    lines = [{"time": 0.1, "from": "client", "message": {"setup": {"model": "models/gemini-2.5-flash"}}}]
    lines += [{"time": 0.2, "from": "server", "message": {"setupComplete": {}}}]
    lines += [{"time": 1 + n / 10, "from": "server", "message": message} for n, message in enumerate(content)]
    file = folder / "recording.jsonl"
    file.write_text("\n".join(json.dumps({"connection": 1, **line}) for line in lines))
    return file


def test_a_box_talks_to_a_recording(tmp_path: Path) -> None:
    """Its sound and its words come as they were sent."""
    file = _recording(tmp_path)
    run = run_processor(GeminiLive, [Wait("4s")], resources=lambda: recorded_wire(file))
    assert len(run.audio("out")) == 12_000
    said = [
        frame.text for frame in run.frames() if isinstance(frame, TranscriptFrame) and frame.role == "agent"
    ]
    assert "Good morning." in said


def test_a_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_processor(GeminiLive, [TextFrame("a")], resources=lambda: recorded_wire(tmp_path / "none.jsonl"))
