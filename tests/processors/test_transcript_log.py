"""Finished utterances become lines, in the log and on disk; pieces and silence do not."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import (
    ConfigError,
    Graph,
    Out,
    Processor,
    StartError,
    TranscriptFrame,
    run_virtual,
)
from livegraph.pipeline.units import MS
from livegraph.processors.app import AppIn
from livegraph.processors.transcript_log import TranscriptLog


class Says(Processor):
    """Gives a transcript."""

    out: Out[TranscriptFrame]

    async def run(self) -> None:
        for frame in (
            TranscriptFrame("user", "What "),
            TranscriptFrame("user", "What time is it? ", final=True, time_ns=1_234 * MS),
            TranscriptFrame("agent", "   ", final=True),
            TranscriptFrame("agent", "Half past, größer", final=True, interrupted=True, time_ns=2_000 * MS),
        ):
            self.out.emit(frame)


def run(**options: Any) -> None:
    graph = Graph()
    graph.add("says", Says)
    graph.add("log", TranscriptLog, **options)
    graph.connect("says", "log")
    run_virtual(graph.plan().call().run())


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


def test_a_running_call_can_be_told_to_be_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """From the next utterance on, and to speak up again."""
    graph = Graph()
    graph.add("in", AppIn)
    graph.add("log", TranscriptLog)
    graph.connect("in.frames", "log")

    async def main() -> None:
        async with graph.plan().call() as call:
            for number in range(6):
                if number % 2:
                    call.tune({"log": {"log": number % 4 == 3}})
                    await asyncio.sleep(0)
                said = TranscriptFrame("user", f"{number}", final=True)
                await call.processor("in", AppIn).send(said)

    with caplog.at_level(logging.INFO, "livegraph.node"):
        run_virtual(main())
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
    with pytest.raises(StartError, match="log: cannot write the transcript"):
        run(path=tmp_path)
