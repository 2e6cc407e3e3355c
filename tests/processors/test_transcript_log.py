"""Finished utterances become lines, in the log and on disk; pieces and silence do not."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import ConfigError, StartError, TranscriptFrame
from livegraph.pipeline.units import MS
from livegraph.processors.transcript_log import TranscriptLog
from livegraph.testing import live_processor, run_processor

SAID = [
    TranscriptFrame("user", "What "),
    TranscriptFrame("user", "What time is it? ", final=True, time_ns=1_234 * MS),
    TranscriptFrame("agent", "   ", final=True),
    TranscriptFrame("agent", "Half past, größer", final=True, interrupted=True, time_ns=2_000 * MS),
]


def run(**options: Any) -> None:
    run_processor(TranscriptLog, SAID, **options)


LINES = [
    {"time_s": 1.234, "role": "user", "text": "What time is it?", "interrupted": False},
    {"time_s": 2.0, "role": "agent", "text": "Half past, größer", "interrupted": True},
]


@pytest.mark.leaks
def test_each_finished_utterance_is_one_json_line(tmp_path: Path) -> None:
    """Appended, in UTF-8; the file is closed with the call."""
    path = tmp_path / "transcript.jsonl"
    run(path=path)
    run(path=path)
    text = path.read_text("utf-8")
    assert [json.loads(line) for line in text.splitlines()] == LINES * 2
    assert "größer" in text


@pytest.mark.virtual_time
async def test_a_running_call_can_be_told_to_be_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """From the next utterance on, and to speak up again."""
    with caplog.at_level(logging.INFO, "livegraph.node"):
        async with live_processor(TranscriptLog) as box:
            for number in range(6):
                if number % 2:
                    box.call.tune({"box": {"log": number % 4 == 3}})
                    await box.sleep(0)
                await box.send(TranscriptFrame("user", f"{number}", final=True))
    assert [record.args[1] for record in caplog.records if record.args] == ["0", "3", "4"]


def test_the_log_tells_who_said_what(caplog: pytest.LogCaptureFixture) -> None:
    """Unless it is told not to."""
    with caplog.at_level(logging.INFO, "livegraph.node"):
        run()
        run(log=False)
    said = [record.getMessage() for record in caplog.records if record.name == "livegraph.node"]
    assert said == ["user: What time is it?", "agent: Half past, größer (interrupted)"]


def test_a_path_that_cannot_be_written_is_told_before_or_at_the_start(tmp_path: Path) -> None:
    """A missing folder when the graph is checked, anything else with the node's name."""
    with pytest.raises(ConfigError, match="there is no folder"):
        run(path=tmp_path / "no" / "transcript.jsonl")
    with pytest.raises(StartError, match="box: cannot write the transcript"):
        run(path=tmp_path)
